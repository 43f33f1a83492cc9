// SPDX-License-Identifier: MPL-2.0
//! The checks themselves, on packages that are made up.

use std::path::PathBuf;

use crate::circles::circles;
use crate::order::{Order, Orders, unplaced, upward};
use crate::package::Package;
use crate::sources::Source;

const ORDERS: &Orders = &[("", &["low", "high"]), ("high", &["first", "second"])];

const ORDER: Order = Order { orders: ORDERS };

fn package(files: &[(&str, &str)]) -> Package {
    let source = |(path, text): &(&str, &str)| Source {
        path: PathBuf::from(path),
        text: (*text).to_owned(),
    };
    let sources: Vec<Source> = files.iter().map(source).collect();
    Package::new("made_up", "", &sources)
}

/// `low` has this text, `high` has two modules and passes `Thing` of the first one on.
fn with_low(low: &str) -> Package {
    package(&[
        ("lib.rs", "mod high; mod low; pub use low::run;"),
        ("low.rs", low),
        (
            "high/mod.rs",
            "mod first; mod second; pub use first::Thing;",
        ),
        ("high/first.rs", "pub struct Thing;"),
        (
            "high/second.rs",
            "use super::first; fn two() -> first::Thing {}",
        ),
    ])
}

#[test]
fn an_import_upwards_is_found_however_it_is_written() {
    for low in [
        "use crate::high::Thing;",
        "use crate::{high::first::Thing};",
        "use crate::{high::{self as above, Thing}, other};",
        "use super::high::*;",
        "use super::high as above;",
        "pub use crate::high::Thing;",
        "fn run() -> crate::high::Thing {}",
        "fn run() { let x: super::high::first::Thing; }",
        "fn run() { use super::high; }",
        "mod inner { use super::super::high::Thing; }",
        "fn run() { for i in 0..super::high::LENGTH {} }",
        "fn run() { print!(\"{}\", crate::high::NAME) }",
    ] {
        let found = upward(&with_low(low), &ORDER);
        assert!(!found.is_empty(), "{low}");
        assert!(found[0].starts_with("low.rs:1: "), "{found:?}");
        assert!(found[0].ends_with("(high is above low)"), "{found:?}");
    }
}

#[test]
fn what_is_below_or_another_crates_may_be_named() {
    let high = package(&[
        ("lib.rs", "mod high; mod low;"),
        (
            "low.rs",
            "use high::Thing; use ::high::Other; fn a(self) { self.high::<u8>() }",
        ),
        (
            "high/mod.rs",
            "use crate::low::a; mod first; mod second; fn b() { first::c() }",
        ),
        (
            "high/first.rs",
            "use super::super::low; fn c() { low::a() }",
        ),
        ("high/second.rs", "use super::first::c; use crate::low;"),
    ]);
    let found = upward(&high, &ORDER);
    // In `low.rs` nothing is called `high`: that is a crate.
    assert_eq!(found, [""; 0]);
    assert_eq!(circles(&high), [""; 0]);
    assert_eq!(unplaced(&high, &ORDER), [""; 0]);
}

#[test]
fn what_a_door_of_a_lower_folder_passes_on_is_where_it_is_defined() {
    let found = upward(
        &package(&[
            ("lib.rs", "mod high; mod low; mod user;"),
            ("low.rs", "pub use crate::high::Thing;"),
            ("user.rs", "use crate::low::Thing;"),
            ("high.rs", "pub struct Thing;"),
        ]),
        &Order {
            orders: &[("", &["low", "user", "high"])],
        },
    );
    assert_eq!(
        found,
        [
            "low.rs:1: crate::high::Thing (high is above low)",
            "user.rs:1: crate::low::Thing (high is above user)"
        ]
    );
}

#[test]
fn a_circle_through_a_door_is_found() {
    let circle = package(&[
        ("lib.rs", "mod high; mod low;"),
        ("low.rs", ""),
        (
            "high/mod.rs",
            "mod first; mod second; pub use {first::One, second::*};",
        ),
        ("high/first.rs", "use super::Two;\npub struct One;"),
        ("high/second.rs", "pub struct Two(crate::high::One);"),
    ]);
    assert_eq!(
        circles(&circle),
        ["high/first.rs:1 (super::Two) -> high/second.rs:1 (crate::high::One) -> high/first.rs"]
    );
}

#[test]
fn a_door_that_only_passes_on_makes_no_circle() {
    let user = "use super::first::One; use crate::high; fn a() -> high::One {}";
    let door = |code: &str| {
        package(&[
            ("lib.rs", "mod high; mod low;"),
            ("low.rs", ""),
            (
                "high/mod.rs",
                &format!("mod first; mod second; pub use first::One; {code}"),
            ),
            ("high/first.rs", "pub struct One;"),
            ("high/second.rs", user),
        ])
    };
    assert_eq!(circles(&door("pub(crate) use second::a;")), [""; 0]);
    // What it defines itself, of what it has from below, is more than passing on.
    let user = "pub(crate) use second::a; pub const LENGTH: usize = a();";
    assert_eq!(circles(&door(user)), [""; 0]);
    let circle = package(&[
        ("lib.rs", "mod high; mod low;"),
        ("low.rs", ""),
        (
            "high/mod.rs",
            "mod first; mod second; pub use second::a; const B: u8 = a();",
        ),
        ("high/first.rs", ""),
        ("high/second.rs", "use super::B; pub fn a() {}"),
    ]);
    assert_eq!(
        circles(&circle),
        ["high/mod.rs:1 (second::a) -> high/second.rs:1 (super::B) -> high/mod.rs"]
    );
}

#[test]
fn what_a_macro_makes_is_its_modules() {
    let circle = package(&[
        ("lib.rs", "mod high; mod low;"),
        ("low.rs", ""),
        (
            "high/mod.rs",
            "mod first; mod second; make! { pub struct Made(first::One); }",
        ),
        ("high/first.rs", "use super::Made; pub struct One;"),
        ("high/second.rs", ""),
    ]);
    assert_eq!(
        circles(&circle),
        ["high/mod.rs:1 (first::One) -> high/first.rs:1 (super::Made) -> high/mod.rs"]
    );
}

#[test]
fn the_wrapper_of_a_gobject_is_a_door_to_its_implementation() {
    let element = package(&[
        ("lib.rs", "mod high; mod low;"),
        ("low.rs", "use crate::high::Element;"),
        (
            "high/mod.rs",
            "mod first; mod second; glib::wrapper! { \
             pub struct Element(ObjectSubclass<second::Element>) @extends gst::Element; }",
        ),
        ("high/first.rs", ""),
        (
            "high/second.rs",
            "pub struct Element; type Type = super::Element;",
        ),
    ]);
    assert_eq!(circles(&element), [""; 0]);
    assert_eq!(
        upward(&element, &ORDER),
        ["low.rs:1: crate::high::Element (high is above low)"]
    );
}

#[test]
fn a_test_module_is_not_code() {
    for low in [
        "#[cfg(test)] mod tests { use crate::high::Thing; }",
        "#[cfg(test)] use crate::high::Thing;",
        "#[cfg(test)] #[allow(dead_code)] fn run() -> crate::high::Thing {}",
        "// use crate::high::Thing;",
        "/// [`Thing`](crate::high::Thing)\npub struct Low;",
        "const TEXT: &str = \"crate::high::Thing\";",
    ] {
        assert_eq!(upward(&with_low(low), &ORDER), [""; 0], "{low}");
    }
    let tests = package(&[
        ("lib.rs", "mod high; mod low;"),
        ("low/mod.rs", "#[cfg(test)] mod tests;"),
        ("low/tests.rs", "use crate::high::Thing;"),
        ("high/tests/mod.rs", "mod more;"),
        ("high/mod.rs", ""),
    ]);
    assert_eq!(upward(&tests, &ORDER), [""; 0]);
}

#[test]
fn a_new_module_has_to_be_placed() {
    let new = package(&[
        ("lib.rs", "mod high; mod low; mod new;"),
        ("low.rs", "use crate::new::a;"),
        ("new.rs", ""),
        ("high/mod.rs", ""),
        ("high/first.rs", "use super::second::a;"),
        ("high/second.rs", ""),
        ("high/first/deep.rs", ""),
    ]);
    let found = unplaced(&new, &ORDER);
    assert_eq!(
        found,
        [
            r#"made_up: is this the order? ("", &["high", "new", "low"]),"#,
            r#"made_up: is this the order? ("high/first", &["deep"]),"#,
        ]
    );
    let gone = Order {
        orders: &[("", &["high", "new", "low"]), ("high/gone", &[])],
    };
    let found = unplaced(&new, &gone);
    assert!(found.contains(&r#"made_up: there is no folder "high/gone""#.to_owned()));
}

#[test]
fn a_program_beside_its_library_names_it_as_any_other_would() {
    let program = package(&[
        ("lib.rs", "mod high; pub mod low;"),
        ("low.rs", "pub fn run() {}"),
        ("high/mod.rs", ""),
        (
            "main.rs",
            "use made_up::low; fn main() { low::run(); made_up::high::run() }",
        ),
    ]);
    assert_eq!(upward(&program, &ORDER), [""; 0]);
    let files = program.references.iter();
    let files: Vec<&str> = files
        .filter_map(|reference| Some(program.files[reference.defined?].name.as_str()))
        .collect();
    assert_eq!(files, ["low.rs", "low.rs", "high/mod.rs"]);
}
