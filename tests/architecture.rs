// SPDX-License-Identifier: MPL-2.0
//! Holds the arrows of ARCHITECTURE.md and the rules that go for every source file.
//!
//! The sources are read as tokens: what stands in a comment, a text or `#[cfg(test)]` is not code
//! that runs.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

const MAX_LINES: usize = 450;

/// What a folder or file of `src` must not name, and why.
struct Arrow {
    at: &'static str,
    except: Option<&'static str>,
    /// Names, or paths of names joined by `::`.
    names: &'static [&'static str],
    why: &'static str,
}

const GSTREAMER: &[&str] = &[
    "glib",
    "gst",
    "gst_audio",
    "gst_base",
    "gst_pbutils",
    "gst_rtp",
    "gst_sdp",
    "gst_video",
    "gst_webrtc",
];

const ARROWS: &[Arrow] = &[
    Arrow {
        at: "protocol",
        except: None,
        names: GSTREAMER,
        why: "the protocol is a value that any program could drive",
    },
    Arrow {
        at: "protocol",
        except: None,
        names: &[
            "async",
            "await",
            "async_channel",
            "async_std",
            "async_tungstenite",
            "env::",
            "fs",
            "futures_rustls",
            "futures_util",
            "mpsc",
            "net",
            "process",
            "thread",
        ],
        why: "the protocol does no input or output and has no threads",
    },
    Arrow {
        at: "protocol",
        except: None,
        names: &["Instant::now", "SystemTime", "elapsed", "getrandom"],
        why: "time and chance come into the protocol from outside, so that tests decide them",
    },
    Arrow {
        at: "protocol",
        except: None,
        names: &[
            "crate::signalling",
            "crate::vdoroomsrc",
            "crate::roomfilesink",
        ],
        why: "nothing points back up",
    },
    Arrow {
        at: "signalling",
        except: None,
        names: GSTREAMER,
        why: "signalling turns bytes into events; it knows no GStreamer",
    },
    Arrow {
        at: "signalling",
        except: None,
        names: &["crate::vdoroomsrc", "crate::roomfilesink"],
        why: "nothing points back up",
    },
    Arrow {
        at: "",
        except: Some("signalling"),
        names: &[
            "async_std",
            "async_tungstenite",
            "futures_rustls",
            "rustls_native_certs",
        ],
        why: "only signalling knows the runtime and the websocket, so that replacing them changes one folder",
    },
    Arrow {
        at: "bitstream",
        except: None,
        names: GSTREAMER,
        why: "what is in a frame is bytes",
    },
    Arrow {
        at: "bitstream",
        except: None,
        names: &[
            "crate::protocol",
            "crate::signalling",
            "crate::vdoroomsrc",
            "crate::roomfilesink",
        ],
        why: "nothing points back up",
    },
    Arrow {
        at: "roomfilesink",
        except: None,
        names: &["crate::protocol", "crate::signalling", "crate::vdoroomsrc"],
        why: "the recorder records any source and knows none",
    },
    Arrow {
        at: "vdoroomsrc",
        except: None,
        names: &["crate::roomfilesink"],
        why: "the source feeds any element and knows none",
    },
];

/// What ends in a panic. In a signal handler a panic ends the application.
const PANICS: &[&str] = &[
    ".unwrap()",
    ".expect(\"\")",
    ".unwrap_err()",
    ".expect_err(\"\")",
    "panic!",
    "unreachable!",
    "todo!",
    "unimplemented!",
    "assert!",
    "assert_eq!",
    "assert_ne!",
];

struct Source {
    /// Relative to the package's root.
    path: PathBuf,
    text: String,
    /// The code that runs; only of the library.
    words: Vec<Word>,
}

/// Stands for any text or number.
const LITERAL: &str = "\"";

/// A name, a punctuation character, a bracket or a [`LITERAL`] of the code that runs.
struct Word {
    text: String,
    line: usize,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources_below(folders: &[&str], extension: &str) -> Vec<Source> {
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
    let path = path.strip_prefix(root()).expect("a file of this package");
    Source {
        path: path.to_owned(),
        text,
        words: Vec::new(),
    }
}

fn library() -> Vec<Source> {
    let mut sources = sources_below(&["src"], "rs");
    assert!(!sources.is_empty(), "{:?} has no src", root());
    for source in &mut sources {
        source.words = source.code();
    }
    sources
}

fn every_rust_file() -> Vec<Source> {
    let mut sources = sources_below(&["src", "tests", "examples", "benches", "fuzz"], "rs");
    sources.push(read(&root().join("build.rs")));
    sources
}

impl Source {
    fn is_below(&self, folder: &str) -> bool {
        self.path.starts_with(Path::new("src").join(folder))
    }

    /// Files that a `#[cfg(test)] mod tests;` brings in.
    fn is_tests(&self) -> bool {
        self.path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs")
    }

    fn code(&self) -> Vec<Word> {
        let tokens: TokenStream = self
            .text
            .parse()
            .unwrap_or_else(|e| panic!("{} cannot be read: {e}", self.path.display()));
        let mut words = Vec::new();
        if !self.is_tests() {
            flatten(tokens, &mut words);
        }
        words
    }

    /// Each use of `pattern` as `path:line: pattern`.
    fn uses(&self, pattern: &str) -> Vec<String> {
        let wanted = pattern_words(pattern);
        let words = &self.words;
        let is_use = |at: &[Word]| at.iter().map(|w| &w.text).eq(&wanted);
        words
            .windows(wanted.len())
            .filter(|at| is_use(at))
            .map(|at| format!("{}:{}: {pattern}", self.path.display(), at[0].line))
            .collect()
    }
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
fn after_test_item(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
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

fn none_may_be(found: Vec<String>, rule: &str) {
    if !found.is_empty() {
        let mut message = format!("{rule}\n");
        for line in found {
            writeln!(message, "  {line}").expect("a String takes it");
        }
        panic!("{message}");
    }
}

#[test]
fn no_folder_knows_what_is_above_it() {
    let sources = library();
    let mut found = Vec::new();
    for arrow in ARROWS {
        let is_bound = |source: &&Source| {
            source.is_below(arrow.at) && !arrow.except.is_some_and(|except| source.is_below(except))
        };
        for source in sources.iter().filter(is_bound) {
            let uses = arrow.names.iter().flat_map(|name| source.uses(name));
            found.extend(uses.map(|at| format!("{at} ({})", arrow.why)));
        }
    }
    none_may_be(found, "names that these files must not know");
}

#[test]
fn nothing_in_the_library_panics() {
    let found = library()
        .iter()
        .flat_map(|source| PANICS.iter().flat_map(|name| source.uses(name)))
        .collect();
    none_may_be(
        found,
        "what comes from the room or from a property must not end the process: return an error",
    );
}

#[test]
fn only_the_registration_of_the_plugin_is_unsafe() {
    let sources = library();
    let unsafe_code = sources.iter().flat_map(|source| source.uses("unsafe"));
    none_may_be(unsafe_code.collect(), "unsafe code in the library");
    let allowed: Vec<String> = sources
        .iter()
        .flat_map(|source| source.uses("unsafe_code"))
        .filter(|found| !found.starts_with("src/lib.rs:"))
        .collect();
    none_may_be(allowed, "only src/lib.rs may speak of unsafe code");
}

#[test]
fn every_file_names_its_licence_first() {
    let is_first = |source: &Source, comment: &str| {
        let line = format!("{comment} SPDX-License-Identifier: MPL-2.0");
        let mut lines = source.text.lines();
        lines.find(|l| !l.starts_with("#!")) == Some(&line)
    };
    let rust = every_rust_file();
    let python = sources_below(&["tests", "examples", "scripts"], "py");
    let rust = rust.iter().filter(|source| !is_first(source, "//"));
    let python = python.iter().filter(|source| !is_first(source, "#"));
    let found = rust.chain(python);
    none_may_be(
        found
            .map(|source| source.path.display().to_string())
            .collect(),
        "files that do not begin with \"SPDX-License-Identifier: MPL-2.0\"",
    );
}

#[test]
fn every_file_has_one_subject_and_few_lines() {
    let found = every_rust_file()
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(source, lines)| format!("{}: {lines} lines", source.path.display()))
        .collect();
    none_may_be(found, &format!("files of more than {MAX_LINES} lines"));
}
