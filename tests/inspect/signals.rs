// SPDX-License-Identifier: MPL-2.0
//! The manual's tables of signals and the comments beside them in the source. GObject knows the
//! types of arguments, and not their names.

use gst::glib;
use gst::glib::subclass::{SignalId, SignalQuery};
use gst::prelude::*;
use vdoroom_testkit::manual::{self, code};

use crate::elements::inspect;
use crate::{ELEMENTS, element};

/// What every element has.
const INHERITED: [&str; 3] = ["pad-added", "pad-removed", "no-more-pads"];

/// A signal as the manual describes it.
#[derive(Debug)]
struct Described {
    name: String,
    arguments: Vec<(String, String)>,
    returns: Option<String>,
    is_action: bool,
}

fn described(element: &str) -> Vec<Described> {
    let tables = manual::tables(&format!("Signals and messages of `{element}`"));
    let mut all = Vec::new();
    for table in tables {
        let is_action = table.head[0] == "Action";
        if !is_action && table.head[0] != "Signal" {
            continue;
        }
        for row in table.rows {
            let (arguments, returns) = match row[1].split_once("; returns ") {
                Some((arguments, returns)) => (arguments, Some(returns.to_owned())),
                None => (row[1].as_str(), None),
            };
            let argument = |text: &str| {
                let (name, kind) = text.split_once(' ').unwrap();
                let kind = kind.trim_matches(['(', ')']);
                (name.trim_matches('`').to_owned(), kind.to_owned())
            };
            all.push(Described {
                name: code(&row[0])[0].to_owned(),
                arguments: arguments.split(", ").map(argument).collect(),
                returns,
                is_action,
            });
        }
    }
    all
}

/// A type in the manual's words.
fn word(type_: glib::Type) -> &'static str {
    match type_ {
        glib::Type::STRING => "string",
        glib::Type::BOOL => "boolean",
        glib::Type::U32 => "unsigned",
        t if t == gst::Element::static_type() => "element",
        t if t == gst::Structure::static_type() => "structure",
        t => panic!("no word for {t}"),
    }
}

fn query(element: &str, signal: &str) -> SignalQuery {
    let id = SignalId::lookup(signal, crate::element(element).type_());
    id.unwrap_or_else(|| panic!("{element} has no signal {signal}"))
        .query()
}

#[test]
fn the_manual_lists_every_signal_once() {
    for name in ELEMENTS {
        let text = inspect(name);
        let quoted =
            |line: &'_ str| Some(line.trim().strip_prefix('"')?.split_once('"')?.0.to_owned());
        let mut real: Vec<String> = text.lines().filter_map(quoted).collect();
        real.retain(|signal| !INHERITED.contains(&signal.as_str()));
        let mut listed: Vec<_> = described(name).into_iter().map(|d| d.name).collect();
        real.sort();
        listed.sort();
        assert_eq!(listed, real, "{name}");
    }
}

#[test]
fn the_manual_has_the_real_arguments() {
    for name in ELEMENTS {
        for signal in described(name) {
            let real = query(name, &signal.name);
            let types = real.param_types().iter().map(|t| word(t.type_()));
            let said = signal.arguments.iter().map(|(_, kind)| kind.as_str());
            assert!(types.eq(said), "{signal:?}");
            let returns = real.return_type().type_();
            let returns = (returns != glib::Type::UNIT).then(|| word(returns));
            assert_eq!(signal.returns.as_deref(), returns, "{signal:?}");
            let is_action = real.flags().contains(glib::SignalFlags::ACTION);
            assert_eq!(signal.is_action, is_action, "{signal:?}");
        }
    }
}

/// gst-docs takes the names of arguments from there.
#[test]
fn the_comment_beside_a_signal_names_the_arguments_of_the_manual() {
    for name in ELEMENTS {
        let file = format!(
            "{}/src/{name}/element/signals.rs",
            env!("CARGO_MANIFEST_DIR")
        );
        let source = std::fs::read_to_string(file).unwrap();
        for signal in described(name) {
            let title = format!("* {}::{}:\n", element(name).type_(), signal.name);
            let (_, comment) = source.split_once(&title).expect(&title);
            let comment = comment.split("*/").next().unwrap();
            let named = comment.lines().filter_map(|line| {
                let (name, _) = line.trim().strip_prefix("* @")?.split_once(':')?;
                Some(name.replace('_', "-"))
            });
            let said = signal.arguments.iter().map(|(name, _)| name.clone());
            assert!(named.eq(said), "{title}{comment}");
        }
    }
}
