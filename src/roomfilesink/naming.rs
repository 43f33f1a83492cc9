// SPDX-License-Identifier: MPL-2.0
//! File names from the `location` template. Plain Rust.
//!
//! Stream IDs and labels come from strangers: whatever they hold, the name stays inside the
//! folder that the template names, and readable.

use std::path::{Path, PathBuf};

/// At most so many bytes of a field go into a name: two fields and the rest stay below the 255
/// bytes that Linux file systems take.
const MAX_FIELD_BYTES: usize = 90;
/// At most so many bytes has a file's name: a number for a name that is taken still fits.
const MAX_NAME_BYTES: usize = 240;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameError {
    #[error("location \"{0}\" ends in a single %; write %% for a percent sign")]
    DanglingPercent(String),
    #[error("location \"{0}\" has %{1}; known are %s %l %t %d %n %e and %%")]
    UnknownField(String, char),
    #[error("location \"{0}\" ends in a folder; write the file's name after the last /")]
    NoName(String),
    #[error("location is empty")]
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Stream,
    Label,
    UnixSeconds,
    DateTime,
    Part,
    Extension,
}

/// A parsed `location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    manifest_prefix: String,
}

/// What a template is filled with.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    pub stream: &'a str,
    pub label: &'a str,
    /// Seconds since 1970 in UTC.
    pub unix_seconds: i64,
    pub part: u32,
    pub extension: &'a str,
}

impl Template {
    /// `location` with `%` is a template, one that ends in `/` is a folder, any other a prefix.
    pub(super) fn parse(location: &str) -> Result<Self, NameError> {
        if location.is_empty() {
            return Err(NameError::Empty);
        }
        let text = if location.contains('%') {
            location.to_owned()
        } else if location.ends_with('/') {
            format!("{location}%s_%t.%e")
        } else {
            format!("{location}_%s_%t.%e")
        };
        let pieces = parse_pieces(&text)?;
        if let Some(Piece::Literal(end)) = pieces.last()
            && end.ends_with('/')
        {
            return Err(NameError::NoName(text));
        }
        let manifest_prefix = if text == location || location.ends_with('/') {
            format!("{}recording", folder_of(&pieces))
        } else {
            location.to_owned()
        };
        Ok(Self {
            pieces,
            manifest_prefix,
        })
    }

    pub(super) fn expand(&self, fields: &Fields<'_>) -> PathBuf {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Stream => out.push_str(&safe(fields.stream)),
                Piece::Label => out.push_str(&safe(fields.label)),
                Piece::UnixSeconds => out.push_str(&fields.unix_seconds.to_string()),
                Piece::DateTime => out.push_str(&date_time(fields.unix_seconds)),
                Piece::Part => out.push_str(&fields.part.to_string()),
                Piece::Extension => out.push_str(fields.extension),
            }
        }
        let name = out.rfind('/').map_or(0, |slash| slash + 1);
        let short = short_name(&out[name..]);
        out.replace_range(name.., &short);
        PathBuf::from(out)
    }

    /// Where the manifest goes when the user names none: beside the files.
    pub(super) fn manifest(&self, unix_seconds: i64) -> PathBuf {
        PathBuf::from(format!(
            "{}_{unix_seconds}.manifest.jsonl",
            self.manifest_prefix
        ))
    }
}

/// The folder that all files lie in, with its `/`.
fn folder_of(pieces: &[Piece]) -> &str {
    match pieces.first() {
        Some(Piece::Literal(text)) => text.rfind('/').map_or("", |slash| &text[..=slash]),
        _ => "",
    }
}

/// The name of a file, shortened before its extension.
fn short_name(name: &str) -> String {
    let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
    let extension = if extension.len() > 10 { "" } else { extension };
    let stem = name[..name.len() - extension.len()].to_owned();
    shorten(stem, MAX_NAME_BYTES - extension.len()) + extension
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

/// The `n`-th choice for a name that is taken: `alice.ts`, `alice_2.ts`, `alice_3.ts`.
pub(super) fn alternative(path: &Path, n: u32) -> PathBuf {
    if n < 2 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("_{n}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// One field as a piece of a file name: never empty, never a path, never hidden, never an option
/// of a command, never a name that Windows reserves.
fn safe(field: &str) -> String {
    let mut name: String = field
        .chars()
        .map(|c| if is_safe(c) { c } else { '_' })
        .collect();
    if name.starts_with(['.', '-']) {
        name.replace_range(..1, "_");
    }
    if name.ends_with('.') {
        name.pop();
        name.push('_');
    }
    if name.is_empty() {
        name.push('_');
    }
    if is_reserved_on_windows(&name) {
        name.insert(0, '_');
    }
    shorten(name, MAX_FIELD_BYTES)
}

fn is_safe(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    let special = matches!(
        c,
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%'
    );
    !(c.is_control() || c.is_whitespace() || invisible || special)
}

fn is_reserved_on_windows(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let upper = stem.to_ascii_uppercase();
    if matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL") {
        return true;
    }
    ["COM", "LPT"].iter().any(|device| {
        upper
            .strip_prefix(device)
            .is_some_and(|n| n.len() == 1 && n.chars().all(|c| c.is_ascii_digit()))
    })
}

fn shorten(mut name: String, bytes: usize) -> String {
    if name.len() > bytes {
        let mut end = bytes;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(location: &str, stream: &str, label: &str) -> String {
        let fields = Fields {
            stream,
            label,
            unix_seconds: 1_600_000_000,
            part: 3,
            extension: "ts",
        };
        let template = Template::parse(location).unwrap();
        template.expand(&fields).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_prefix_a_folder_and_a_template_give_names() {
        assert_eq!(name("rec", "alice", ""), "rec_alice_1600000000.ts");
        assert_eq!(name("a/b/", "alice", ""), "a/b/alice_1600000000.ts");
        assert_eq!(name("x/%l-%s-%n.%e", "s", "Al"), "x/Al-s-3.ts");
        assert_eq!(name("%d.%e", "s", ""), "2020-09-13_122640Z.ts");
        assert_eq!(name("100%%_%t", "s", ""), "100%_1600000000");
    }

    #[test]
    fn a_wrong_template_is_refused() {
        assert!(matches!(
            Template::parse("a%x"),
            Err(NameError::UnknownField(_, 'x'))
        ));
        assert!(matches!(
            Template::parse("a%"),
            Err(NameError::DanglingPercent(_))
        ));
        assert_eq!(Template::parse(""), Err(NameError::Empty));
        for folder in ["%s/", "a/%s/%%b/"] {
            let refused = Err(NameError::NoName(folder.into()));
            assert_eq!(Template::parse(folder), refused);
        }
    }

    #[test]
    fn hostile_fields_never_leave_the_folder() {
        let hostile = [
            "../../etc/passwd",
            "/etc/passwd",
            "..",
            ".",
            "",
            "a/../../b",
            "\0",
            "a\nb",
            "..\\..\\x",
            "-rf",
            ".hidden",
            "\u{202e}gpj.exe",
        ];
        for field in hostile {
            let path = name("folder/%s/%l.%e", field, field);
            let parts: Vec<_> = Path::new(&path).components().collect();
            assert_eq!(parts.len(), 3, "{field:?} became {path:?}");
            let plain = parts
                .iter()
                .all(|c| matches!(c, std::path::Component::Normal(_)));
            assert!(plain, "{field:?} became {path:?}");
            assert!(!path.contains(['\0', '\n', '\\']), "{path:?}");
        }
    }

    #[test]
    fn readable_names_stay_readable_and_short() {
        assert_eq!(safe("Zoë 🎥"), "Zoë_🎥");
        assert_eq!(safe("con"), "_con");
        assert_eq!(safe("LPT1.txt"), "_LPT1.txt");
        let long = "🎥".repeat(300);
        assert!(safe(&long).len() <= MAX_FIELD_BYTES);
        let path = name("a/%s_%l_%s_%t.%e", &long, &long);
        assert!(path.len() <= "a/".len() + MAX_NAME_BYTES, "{path}");
        assert!(path.ends_with(".ts"), "{path}");
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_extension() {
        let path = Path::new("d/alice.ts");
        assert_eq!(alternative(path, 1), path);
        assert_eq!(alternative(path, 2), Path::new("d/alice_2.ts"));
        assert_eq!(alternative(Path::new("d/a"), 3), Path::new("d/a_3"));
    }

    #[test]
    fn the_manifest_lies_beside_the_files() {
        let manifest = |l: &str| Template::parse(l).unwrap().manifest(7);
        assert_eq!(manifest("rec"), Path::new("rec_7.manifest.jsonl"));
        assert_eq!(manifest("a/"), Path::new("a/recording_7.manifest.jsonl"));
        assert_eq!(
            manifest("a/%s/%n"),
            Path::new("a/recording_7.manifest.jsonl")
        );
        assert_eq!(
            manifest("foo%%/x_%t"),
            Path::new("foo%/recording_7.manifest.jsonl")
        );
    }
}
