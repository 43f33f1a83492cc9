// SPDX-License-Identifier: MPL-2.0
//! The manual's tables of properties, and how `gst-inspect-1.0` shows these.

use gst::glib;
use gst::prelude::*;
use vdoroom_testkit::manual::{self, code};

use crate::{ELEMENTS, element, own_properties};

/// A row of the manual: property, default, values, what it is for.
struct Row {
    name: String,
    cells: Vec<String>,
}

fn rows(element: &str) -> Vec<Row> {
    let tables = manual::tables(&format!("Properties of `{element}`"));
    let rows = tables.into_iter().flat_map(|table| table.rows);
    rows.map(|cells| {
        let [name] = code(&cells[0])[..] else {
            panic!("not one property: {cells:?}")
        };
        let name = name.to_owned();
        Row { name, cells }
    })
    .collect()
}

/// Each property with its row.
fn each(check: impl Fn(&glib::ParamSpec, &Row)) {
    for name in ELEMENTS {
        let properties = own_properties(element(name).type_());
        for row in rows(name) {
            let property = properties.iter().find(|p| p.name() == row.name);
            check(property.expect(&row.name), &row);
        }
    }
}

fn nicks(property: &glib::ParamSpec) -> Vec<String> {
    let class = glib::EnumClass::with_type(property.value_type());
    let class = class.expect("a property with an enum");
    class.values().iter().map(|v| v.nick().to_owned()).collect()
}

/// The default in the words of gst-launch; none for what is unset or empty.
fn default(property: &glib::ParamSpec) -> Option<String> {
    let value = property.default_value();
    if value.type_().is_a(glib::Type::ENUM) {
        let (_, value) = glib::EnumValue::from_value(value)?;
        return Some(value.nick().to_owned());
    }
    if let Ok(text) = value.get::<Option<String>>() {
        return text;
    }
    let text = |t: glib::Type| [glib::Type::BOOL, glib::Type::U32, glib::Type::U64].contains(&t);
    let text = text(value.type_()).then(|| value.transform::<String>().ok());
    let text = text??.get::<String>().ok()?;
    Some(text.to_lowercase())
}

/// The range of a number in the manual's words.
fn range(property: &glib::ParamSpec) -> Option<String> {
    let words = |minimum: u64, maximum: u64, highest: u64| match maximum == highest {
        true => format!("from {minimum}"),
        false => format!("{minimum} to {maximum}"),
    };
    if let Some(p) = property.downcast_ref::<glib::ParamSpecUInt>() {
        return Some(words(
            p.minimum().into(),
            p.maximum().into(),
            u32::MAX.into(),
        ));
    }
    let p = property.downcast_ref::<glib::ParamSpecUInt64>()?;
    Some(words(p.minimum(), p.maximum(), u64::MAX))
}

#[test]
fn the_manual_lists_every_property_once() {
    for name in ELEMENTS {
        let mut listed: Vec<_> = rows(name).into_iter().map(|row| row.name).collect();
        let properties = own_properties(element(name).type_());
        let mut real: Vec<_> = properties.iter().map(|p| p.name().to_owned()).collect();
        listed.sort();
        real.sort();
        assert_eq!(listed, real, "{name}");
    }
}

#[test]
fn the_manual_has_the_real_defaults() {
    each(|property, row| {
        let said = code(&row.cells[1]).first().map(|word| word.to_string());
        assert_eq!(said, default(property), "{}", row.name);
    });
}

#[test]
fn the_manual_has_the_real_ranges_and_values() {
    each(|property, row| {
        let said = &row.cells[2];
        if let Some(range) = range(property) {
            let unit = said.strip_prefix(&range);
            let is_unit = |unit: &str| unit.is_empty() || unit.starts_with(' ');
            assert!(unit.is_some_and(is_unit), "{}: {range}", row.name);
        }
        if property.value_type().is_a(glib::Type::ENUM) {
            assert_eq!(code(said), nicks(property), "{}", row.name);
        }
    });
}

#[test]
fn the_manual_marks_what_may_change_while_playing() {
    each(|property, row| {
        let may = property.flags().contains(gst::PARAM_FLAG_MUTABLE_PLAYING);
        assert_eq!(row.cells[0].ends_with('▸'), may, "{}", row.name);
    });
}

#[test]
fn a_blurb_names_the_unit_that_the_manual_names() {
    let units = [
        ("ms", "milliseconds"),
        ("ns", "nanoseconds"),
        ("bytes", "bytes"),
        ("kbit/s", "kbit/s"),
    ];
    each(|property, row| {
        let Some(range) = range(property) else {
            return;
        };
        let unit = row.cells[2].strip_prefix(&range).unwrap_or_default();
        let unit = units.iter().find(|(short, _)| *short == unit.trim());
        let blurb = property.blurb().unwrap_or_default();
        if let Some((_, long)) = unit {
            assert!(blurb.contains(long), "{}: {blurb}", row.name);
        }
    });
}

/// As GStreamer writes blurbs: a sentence without its full stop.
#[test]
fn every_blurb_is_a_sentence_and_every_property_has_a_name_for_people() {
    for name in ELEMENTS {
        for property in own_properties(element(name).type_()) {
            let (blurb, nick) = (property.blurb().unwrap_or_default(), property.nick());
            let is_capital = |text: &str| text.chars().next().is_some_and(char::is_uppercase);
            let is_sentence = is_capital(blurb) && !blurb.ends_with('.') && blurb.contains(' ');
            assert!(is_sentence, "{}: {blurb:?}", property.name());
            assert!(!blurb.contains("  "), "{}: {blurb:?}", property.name());
            assert!(is_capital(nick), "{}: {nick:?}", property.name());
        }
    }
}

#[test]
fn every_property_says_until_when_it_may_change() {
    let until = gst::PARAM_FLAG_MUTABLE_READY
        | gst::PARAM_FLAG_MUTABLE_PAUSED
        | gst::PARAM_FLAG_MUTABLE_PLAYING;
    for name in ELEMENTS {
        for property in own_properties(element(name).type_()) {
            let writable = property.flags().contains(glib::ParamFlags::WRITABLE);
            let says = property.flags().intersects(until);
            assert_eq!(says, writable, "{}", property.name());
        }
    }
}

/// Who reads settings back, into a log or a dump, learns no secret.
#[test]
fn a_secret_says_that_it_does_not_read_back() {
    let element = element("vdoroomsrc");
    for (name, value) in [
        ("server", "ws://user:hunter2@127.0.0.1"),
        ("password", "hunter2"),
        ("turn-password", "hunter2"),
        ("token", "hunter2"),
        ("turn-servers", "<\"turn://user:hunter2@127.0.0.1\">"),
    ] {
        element.set_property_from_str(name, value);
        let read = format!("{:?}", element.property_value(name));
        assert!(!read.contains("hunter2"), "{name}: {read}");
        let property = element.find_property(name).unwrap();
        let blurb = property.blurb().unwrap_or_default();
        assert!(
            blurb.contains("read back") || blurb.contains("reads back"),
            "{name}"
        );
    }
}
