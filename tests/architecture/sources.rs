// SPDX-License-Identifier: MPL-2.0
//! The files of this repository, and what of a source file is code that runs.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

pub struct Source {
    /// Relative to the root of the repository.
    pub path: PathBuf,
    pub text: String,
}

/// Stands for any text or number.
pub const LITERAL: &str = "\"";

/// A name, a punctuation character, a bracket or a [`LITERAL`] of the code that runs.
pub struct Word {
    pub text: String,
    pub line: usize,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below these folders, none if there is no such folder.
pub fn sources_below(folders: &[&str], extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(read(&path));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn read(path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let path = path
        .strip_prefix(root())
        .expect("a file of this repository");
    Source {
        path: path.to_owned(),
        text,
    }
}

pub fn every_rust_file() -> Vec<Source> {
    let folders = ["src", "crates", "tests", "examples", "benches", "fuzz"];
    let mut sources = sources_below(&folders, "rs");
    sources.push(read(&root().join("build.rs")));
    sources
}

impl Source {
    /// Files that a `#[cfg(test)] mod tests;` brings in.
    pub fn is_tests(&self) -> bool {
        self.path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs" || part == "testing.rs")
    }

    pub fn tokens(&self) -> TokenStream {
        self.text
            .parse()
            .unwrap_or_else(|e| panic!("{} cannot be read: {e}", self.path.display()))
    }

    /// The code that runs, which is none in a file of tests.
    pub fn words(&self) -> Vec<Word> {
        let mut words = Vec::new();
        if !self.is_tests() {
            flatten(self.tokens(), &mut words);
        }
        words
    }
}

/// Each use of `pattern` among the words of a file, as `path:line: pattern`.
pub fn uses(path: &Path, words: &[Word], pattern: &str) -> Vec<String> {
    let wanted = pattern_words(pattern);
    let is_use = |at: &[Word]| at.iter().map(|w| &w.text).eq(&wanted);
    words
        .windows(wanted.len())
        .filter(|at| is_use(at))
        .map(|at| format!("{}:{}: {pattern}", path.display(), at[0].line))
        .collect()
}

/// `a::b` and `.unwrap` as the tokens that they are.
fn pattern_words(pattern: &str) -> Vec<String> {
    let tokens: TokenStream = pattern.parse().expect("a pattern is made of tokens");
    let mut words = Vec::new();
    flatten(tokens, &mut words);
    words.into_iter().map(|word| word.text).collect()
}

fn flatten(tokens: TokenStream, words: &mut Vec<Word>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        if let Some(after) = after_test_item(rest) {
            rest = after;
            continue;
        }
        rest = after;
        let line = token.span().start().line;
        let mut push = |text: String| words.push(Word { text, line });
        match token {
            TokenTree::Ident(ident) => push(ident.to_string()),
            TokenTree::Punct(punct) => push(punct.as_char().to_string()),
            TokenTree::Literal(_) => push(LITERAL.into()),
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                push(open.into());
                flatten(group.stream(), words);
                words.push(Word {
                    text: close.into(),
                    line: group.span_close().start().line,
                });
            }
        }
    }
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// What follows an item under `#[cfg(test)]`, if `tokens` begins with one.
pub fn after_test_item(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    let [
        TokenTree::Punct(hash),
        TokenTree::Group(attribute),
        item @ ..,
    ] = tokens
    else {
        return None;
    };
    if hash.as_char() != '#' || attribute.stream().to_string().replace(' ', "") != "cfg(test)" {
        return None;
    }
    let end = item.iter().position(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    })?;
    Some(&item[end + 1..])
}
