// SPDX-License-Identifier: MPL-2.0
//! File names from the `location` template. Plain Rust.
//!
//! Stream IDs and labels come from strangers, and a room may be called anything: whatever they
//! contain, the file stays inside the folder of the template, and its name readable.

use std::path::{MAIN_SEPARATOR, PathBuf, is_separator};

use sha2::{Digest, Sha256};
use vdoroom_platform::name::is_reserved;

/// The longest name between slashes, in bytes: Linux file systems take 255, and a number
/// for a name that is taken still fits.
const MAX_NAME_BYTES: usize = 240;
/// The longest part of a field that goes into a name, in bytes.
const MAX_FIELD_BYTES: usize = 90;
/// So many bytes of a field are kept however many fields a name has.
const MIN_FIELD_BYTES: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("location \"{0}\" ends in a single %; write %% for a percent sign")]
    DanglingPercent(String),
    #[error("location \"{0}\" has %{1}; known are %r %s %l %t %d %n %e and %%")]
    UnknownField(String, char),
    #[error("location \"{0}\" ends in a folder; write the file's name after the last /")]
    NoName(String),
    #[error("location is empty")]
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Room,
    Stream,
    Label,
    UnixSeconds,
    DateTime,
    Part,
    Extension,
}

/// A parsed `location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    manifest_prefix: String,
}

/// What a template is filled with.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    /// Empty if the source has none, as the label may be.
    pub room: &'a str,
    pub stream: &'a str,
    pub label: &'a str,
    /// Seconds since 1970 in UTC.
    pub unix_seconds: i64,
    pub part: u32,
    pub extension: &'a str,
}

impl Template {
    /// `location` with `%` is a template, one that ends in `/` is a folder, any other a prefix.
    /// Windows takes `\` for `/` as well.
    pub(crate) fn parse(location: &str) -> Result<Self, NameError> {
        if location.is_empty() {
            return Err(NameError::Empty);
        }
        let text = if location.contains('%') {
            location.to_owned()
        } else if location.ends_with(is_separator) {
            format!("{location}%s_%t.%e")
        } else {
            format!("{location}_%s_%t.%e")
        };
        let pieces = parse_pieces(&text)?;
        if let Some(Piece::Literal(end)) = pieces.last()
            && end.ends_with(is_separator)
        {
            return Err(NameError::NoName(text));
        }
        let manifest_prefix = if text == location || location.ends_with(is_separator) {
            format!("{}recording", folder_of(&pieces))
        } else {
            location.to_owned()
        };
        Ok(Self {
            pieces,
            manifest_prefix,
        })
    }

    pub(crate) fn expand(&self, fields: &Fields<'_>) -> PathBuf {
        let mut out = String::new();
        for (index, name) in names(&self.pieces).iter().enumerate() {
            if index > 0 {
                out.push(MAIN_SEPARATOR);
            }
            out.push_str(&expand_name(name, fields));
        }
        PathBuf::from(out)
    }

    /// Where the manifest goes when the user names none: beside the files.
    pub(crate) fn manifest(&self, unix_seconds: i64) -> PathBuf {
        PathBuf::from(format!(
            "{}_{unix_seconds}.manifest.jsonl",
            self.manifest_prefix
        ))
    }
}

/// The folder that all files lie in, with its `/`.
fn folder_of(pieces: &[Piece]) -> &str {
    match pieces.first() {
        Some(Piece::Literal(text)) => text.rfind(is_separator).map_or("", |slash| &text[..=slash]),
        _ => "",
    }
}

/// The pieces of each name between slashes.
fn names(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    let mut names = vec![Vec::new()];
    for piece in pieces {
        let Piece::Literal(text) = piece else {
            names
                .last_mut()
                .into_iter()
                .for_each(|n| n.push(piece.clone()));
            continue;
        };
        for (index, text) in text.split(is_separator).enumerate() {
            let text = Piece::Literal(text.to_owned());
            match names.last_mut() {
                Some(name) if index == 0 => name.push(text),
                _ => names.push(vec![text]),
            }
        }
    }
    names
}

/// One name of the path. What the user wrote stays as it is; a name with a field in it is one
/// that every file system takes.
fn expand_name(pieces: &[Piece], fields: &Fields<'_>) -> String {
    let is_field = |p: &&Piece| matches!(p, Piece::Room | Piece::Stream | Piece::Label);
    let count = pieces.iter().filter(is_field).count();
    let others = pieces.iter().filter(|p| !is_field(p));
    let other_bytes: usize = others.map(|p| p.expand(fields, 0).len()).sum();
    let left = MAX_NAME_BYTES.saturating_sub(other_bytes);
    let space = left.checked_div(count).unwrap_or(0);
    let space = space.clamp(MIN_FIELD_BYTES, MAX_FIELD_BYTES);
    let name: String = pieces.iter().map(|p| p.expand(fields, space)).collect();
    if count == 0 {
        return name;
    }
    let mut name = short_name(&name);
    if name.ends_with(['.', ' ']) {
        name.pop();
        name.push('_');
    }
    if is_reserved(&name) {
        name.insert(0, '_');
    }
    name
}

impl Piece {
    /// The name of a room, a stream ID or a label gets at most `space` bytes.
    fn expand(&self, fields: &Fields<'_>, space: usize) -> String {
        match self {
            Self::Literal(text) => text.clone(),
            Self::Room => safe(fields.room, space),
            Self::Stream => safe(fields.stream, space),
            Self::Label => safe(fields.label, space),
            Self::UnixSeconds => fields.unix_seconds.to_string(),
            Self::DateTime => date_time(fields.unix_seconds),
            Self::Part => fields.part.to_string(),
            Self::Extension => fields.extension.to_owned(),
        }
    }
}

/// The name of a file, shortened before its extension: the last resort, if the template itself
/// is too long.
fn short_name(name: &str) -> String {
    let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
    let extension = if extension.len() > 10 { "" } else { extension };
    let stem = &name[..name.len() - extension.len()];
    shorten(stem, MAX_NAME_BYTES - extension.len()).to_owned() + extension
}

fn parse_pieces(text: &str) -> Result<Vec<Piece>, NameError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            literal.push(c);
            continue;
        }
        let piece = match chars.next() {
            Some('r') => Piece::Room,
            Some('s') => Piece::Stream,
            Some('l') => Piece::Label,
            Some('t') => Piece::UnixSeconds,
            Some('d') => Piece::DateTime,
            Some('n') => Piece::Part,
            Some('e') => Piece::Extension,
            Some('%') => {
                literal.push('%');
                continue;
            }
            Some(other) => return Err(NameError::UnknownField(text.to_owned(), other)),
            None => return Err(NameError::DanglingPercent(text.to_owned())),
        };
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(piece);
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// `2026-11-21_021500Z`, without characters that a file system or a shell minds.
fn date_time(unix_seconds: i64) -> String {
    gst::glib::DateTime::from_unix_utc(unix_seconds)
        .and_then(|t| t.format("%Y-%m-%d_%H%M%SZ"))
        .map_or_else(|_| unix_seconds.to_string(), Into::into)
}

/// The path for those who run in another folder. It stays relative where there is no folder to
/// start from.
pub(crate) fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// One field as a piece of a file name: never empty, never a path, never hidden, never an option
/// of a command, never a name that Windows reserves, and two long fields that differ stay two.
fn safe(field: &str, room: usize) -> String {
    let mut name = String::with_capacity(field.len());
    let mut before = None;
    for c in field.chars() {
        name.push(if is_safe(c) || joins(before, c) {
            c
        } else {
            '_'
        });
        before = Some(c);
    }
    if name.starts_with(['.', '-', '~']) {
        name.replace_range(..1, "_");
    }
    if name.ends_with('.') {
        name.pop();
        name.push('_');
    }
    if name.is_empty() {
        name.push('_');
    }
    if is_reserved(&name) {
        name.insert(0, '_');
    }
    if name.len() > room {
        let digest = hex::encode(&Sha256::digest(field)[..4]);
        let kept = shorten(&name, room.saturating_sub(1 + digest.len()));
        name = format!("{kept}~{digest}");
    }
    name
}

/// The invisible character that joins emoji into one symbol, and letters of Indic scripts.
fn joins(before: Option<char>, c: char) -> bool {
    c == '\u{200d}' && before.is_some_and(|b| !b.is_ascii() && !b.is_alphanumeric() && is_safe(b))
}

fn is_safe(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    let special = matches!(
        c,
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%'
    );
    !(c.is_control() || c.is_whitespace() || invisible || special)
}

fn shorten(name: &str, bytes: usize) -> &str {
    &name[..name.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests;
