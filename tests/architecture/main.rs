// SPDX-License-Identifier: MPL-2.0
//! Holds the arrows of ARCHITECTURE.md and the rules that go for every source file.
//!
//! The sources are read as tokens: what stands in a comment, a text or `#[cfg(test)]` is not code
//! that runs. `table` has the order of each folder; `order` and `circles` hold the imports against
//! it, which `modules` reads and `package` follows to what they name.

mod circles;
mod made_up;
mod modules;
mod order;
mod package;
mod sources;
mod table;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use order::Order;
use package::Package;
use sources::{Source, Word, every_rust_file, root, sources_below, uses};
use table::{Entry, PACKAGES};

const MAX_LINES: usize = 450;
/// In one folder, tests not counted.
const MAX_FILES: usize = 15;

/// What a folder must not name, and why. Beside these each folder has an order, in `table`.
struct Arrow {
    at: &'static str,
    except: Option<&'static str>,
    /// Names of other crates, or paths of names joined by `::`.
    names: &'static [&'static str],
    /// Folders of the same package.
    folders: &'static [&'static str],
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
    "gst_tag",
    "gst_video",
    "gst_webrtc",
];

/// What Windows does not have.
const UNIX: &[&str] = &["libc", "os::fd", "os::linux", "os::unix", "rustix"];

const ARROWS: &[Arrow] = &[
    Arrow {
        at: "crates/vdoroom-protocol/src",
        except: None,
        names: GSTREAMER,
        folders: &[],
        why: "the protocol is a value that any program could drive",
    },
    Arrow {
        at: "crates/vdoroom-protocol/src",
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
        folders: &[],
        why: "the protocol does no input or output and has no threads",
    },
    Arrow {
        at: "crates/vdoroom-protocol/src",
        except: None,
        names: &["Instant::now", "SystemTime", "elapsed", "getrandom"],
        folders: &[],
        why: "time and chance come into the protocol from outside, so that tests decide them",
    },
    Arrow {
        at: "crates/vdoroom-rtc/src",
        except: None,
        names: GSTREAMER,
        folders: &[],
        why: "the second engine needs no GStreamer",
    },
    Arrow {
        at: "crates/vdoroom-rtc/src",
        except: Some("crates/vdoroom-rtc/src/net"),
        names: &[
            "Instant::now",
            "SystemTime",
            "elapsed",
            "UdpSocket",
            "mio",
            "quinn_udp",
            "thread",
        ],
        folders: &[],
        why: "a connection is a value; sockets, clocks and threads are in `net`",
    },
    Arrow {
        at: "src/signalling",
        except: None,
        names: GSTREAMER,
        folders: &[],
        why: "signalling turns bytes into events; it knows no GStreamer",
    },
    Arrow {
        at: "src/signalling",
        except: None,
        names: &[],
        folders: &["vdoroomsrc", "roomfilesink"],
        why: "nothing points back up",
    },
    Arrow {
        at: "src",
        except: Some("src/signalling"),
        names: &[
            "async_std",
            "async_tungstenite",
            "futures_rustls",
            "rustls_native_certs",
        ],
        folders: &[],
        why: "only signalling knows the runtime and the websocket, so that replacing them changes one folder",
    },
    Arrow {
        at: "src/bitstream",
        except: None,
        names: GSTREAMER,
        folders: &[],
        why: "what is in a frame is bytes",
    },
    Arrow {
        at: "src/bitstream",
        except: None,
        names: &["vdoroom_protocol"],
        folders: &["protocol", "signalling", "vdoroomsrc", "roomfilesink"],
        why: "nothing points back up",
    },
    Arrow {
        at: "src/roomfilesink",
        except: None,
        names: &["vdoroom_protocol"],
        folders: &["protocol", "signalling", "vdoroomsrc"],
        why: "the recorder records any source and knows none",
    },
    Arrow {
        at: "src/vdoroomsrc",
        except: None,
        names: &[],
        folders: &["roomfilesink"],
        why: "the source feeds any element and knows none",
    },
    Arrow {
        at: "src",
        except: None,
        names: UNIX,
        folders: &[],
        why: "what systems do differently is in vdoroom-platform",
    },
    Arrow {
        at: "crates/vdoroom-recordings/src",
        except: None,
        names: UNIX,
        folders: &[],
        why: "what systems do differently is in vdoroom-platform",
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

/// A file of a library, and its code that runs.
struct Code {
    path: PathBuf,
    words: Vec<Word>,
}

impl Code {
    fn uses(&self, pattern: &str) -> Vec<String> {
        uses(&self.path, &self.words, pattern)
    }
}

/// The sources of a package.
fn sources_of(entry: &Entry) -> Vec<Source> {
    let folder = PathBuf::from(entry.folder).join("src");
    let sources = sources_below(&[&folder.to_string_lossy()], "rs");
    assert!(!sources.is_empty(), "{} has no sources", folder.display());
    sources
}

/// Every package of the table.
fn packages() -> &'static [(&'static Entry, Package)] {
    static READ: LazyLock<Vec<(&Entry, Package)>> = LazyLock::new(|| {
        let read = |entry| (entry, package_of(entry));
        PACKAGES.iter().map(read).collect()
    });
    &READ
}

fn package_of(entry: &Entry) -> Package {
    let folder = PathBuf::from(entry.folder).join("src");
    let mut sources = sources_of(entry);
    for source in &mut sources {
        if let Ok(below) = source.path.strip_prefix(&folder) {
            source.path = below.to_owned();
        }
    }
    Package::new(entry.name, &format!("{}/", folder.display()), &sources)
}

fn order_of(entry: &Entry) -> Order<'static> {
    Order {
        orders: entry.orders,
    }
}

fn libraries() -> Vec<Code> {
    let libraries = PACKAGES.iter().filter(|entry| entry.library);
    let sources = libraries.flat_map(sources_of);
    sources
        .map(|source| Code {
            words: source.words(),
            path: source.path,
        })
        .collect()
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
fn no_folder_knows_what_it_must_not() {
    let sources = libraries();
    let mut found = Vec::new();
    for arrow in ARROWS {
        let is_bound = |path: &Path| {
            path.starts_with(arrow.at)
                && !arrow.except.is_some_and(|except| path.starts_with(except))
        };
        for source in sources.iter().filter(|source| is_bound(&source.path)) {
            let uses = arrow.names.iter().flat_map(|name| source.uses(name));
            found.extend(uses.map(|at| format!("{at} ({})", arrow.why)));
        }
        for (_, package) in packages() {
            let uses = uses_of_folders(package, arrow.folders);
            let uses = uses
                .into_iter()
                .filter(|(file, _)| is_bound(Path::new(file)));
            found.extend(uses.map(|(_, at)| format!("{at} ({})", arrow.why)));
        }
    }
    none_may_be(found, "names that these files must not know");
}

/// What names a folder of its own package or something in it: the file, and the whole text.
fn uses_of_folders(package: &Package, folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for reference in &package.references {
        let file = package.files[reference.from].name.clone();
        let defined = reference.defined.map(|file| &package.files[file].module);
        let is_in =
            |path: &modules::Path| path.first().is_some_and(|f| folders.contains(&f.as_str()));
        if is_in(&reference.absolute) || defined.is_some_and(is_in) {
            let at = format!("{file}:{}: {}", reference.line, reference.path);
            found.push((file, at));
        }
    }
    found
}

#[test]
fn every_package_and_folder_has_its_place() {
    let crates = std::fs::read_dir(root().join("crates"))
        .into_iter()
        .flatten();
    let crates = crates.map(|entry| entry.expect("a folder can be listed").file_name());
    let known = |folder: &str| PACKAGES.iter().any(|entry| entry.folder == folder);
    let mut found: Vec<String> = crates
        .map(|name| format!("crates/{}", name.to_string_lossy()))
        .filter(|folder| !known(folder))
        .collect();
    for (entry, package) in packages() {
        found.extend(order::unplaced(package, &order_of(entry)));
    }
    none_may_be(
        found,
        "tests/architecture/table.rs and table/ do not say where these are",
    );
}

#[test]
fn imports_run_downwards() {
    let upward = |(entry, package): &(&Entry, Package)| order::upward(package, &order_of(entry));
    let found = packages().iter().flat_map(upward).collect();
    none_may_be(found, "what names something above itself");
}

#[test]
fn no_files_need_each_other() {
    let circles = |(_, package): &(&Entry, Package)| circles::circles(package);
    let found = packages().iter().flat_map(circles).collect();
    none_may_be(found, "files in a circle");
}

#[test]
fn no_folder_has_many_files() {
    let mut found = Vec::new();
    for entry in PACKAGES {
        let src = PathBuf::from(entry.folder).join("src");
        let mut counts: BTreeMap<PathBuf, usize> = BTreeMap::new();
        for source in sources_of(entry) {
            let below = source
                .path
                .strip_prefix(&src)
                .expect("a file of this package");
            let folder = below.parent().unwrap_or(below).to_owned();
            let is_tests = below
                .iter()
                .any(|part| part == "tests" || part == "tests.rs");
            if !is_tests {
                *counts.entry(src.join(folder)).or_default() += 1;
            }
        }
        let many = counts.into_iter().filter(|(_, files)| *files > MAX_FILES);
        found.extend(many.map(|(folder, files)| format!("{}: {files} files", folder.display())));
    }
    none_may_be(found, &format!("folders of more than {MAX_FILES} files"));
}

#[test]
fn nothing_in_the_library_panics() {
    let found = libraries()
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
    let sources = libraries();
    let unsafe_code = sources.iter().flat_map(|source| source.uses("unsafe"));
    none_may_be(unsafe_code.collect(), "unsafe code in the library");
    let mut allowed = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.path != Path::new("src/lib.rs"))
    {
        // To forbid it is no exception.
        let forbids = ["deny(unsafe_code)", "forbid(unsafe_code)"];
        let forbids: usize = forbids.iter().map(|words| source.uses(words).len()).sum();
        let speaks = source.uses("unsafe_code");
        if speaks.len() > forbids {
            allowed.extend(speaks);
        }
    }
    none_may_be(allowed, "only src/lib.rs may allow unsafe code");
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
