// SPDX-License-Identifier: MPL-2.0
//! The manual's tables of the manifest, of what the recorder's properties show, and of the states
//! in the source's statistics.

use std::collections::BTreeSet;

use gst::prelude::*;
use gstvdoroom::protocol::{RoomState, StreamState};
use strum::VariantNames;
use vdoroom_testkit::manual::{self, code};

use crate::element;

fn schema() -> serde_json::Value {
    serde_json::from_str(include_str!("../../docs/manifest.schema.json")).unwrap()
}

/// The fields that the schema has for a `run`, a `part` or a `track`.
fn of_schema(name: &str) -> BTreeSet<String> {
    let schema = schema();
    let fields = schema["$defs"][name]["properties"].as_object().unwrap();
    fields.keys().cloned().collect()
}

fn of_rows(rows: &[Vec<String>]) -> BTreeSet<String> {
    let words = rows.iter().flat_map(|row| code(&row[1]));
    words.map(str::to_owned).collect()
}

#[test]
fn the_manual_names_every_field_of_the_manifest() {
    let rows = manual::table("The manifest", "Line");
    let without_event = |name: &str| {
        let mut fields = of_schema(name);
        fields.remove("event");
        fields
    };
    assert_eq!(of_rows(&rows[..1]), without_event("run"));
    assert_eq!(of_rows(&rows[1..3]), without_event("part"));
    assert_eq!(of_rows(&rows[3..4]), of_schema("track"));
    assert_eq!(of_rows(&rows[4..]), without_event("mark"));
}

#[test]
fn the_manual_names_the_fields_of_what_the_recorder_shows() {
    let element = element("roomfilesink");
    for row in manual::table("Properties of `roomfilesink`", "Read-only") {
        let property = code(&row[0])[0];
        let shown = element.property::<gst::Structure>(property);
        let fields: Vec<_> = shown.fields().map(|field| field.to_string()).collect();
        assert_eq!(code(&row[3]), fields, "{property}");
    }
}

#[test]
fn the_manual_names_every_state_of_a_room_and_of_a_stream() {
    let states = |title: &str| {
        let rows = manual::table("Statistics", title);
        let row = rows.into_iter().find(|row| row[0] == "`state`").unwrap();
        let words = code(&row[1]).into_iter().map(str::to_owned);
        words.collect::<BTreeSet<_>>()
    };
    let set = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    assert_eq!(states("Room"), set(RoomState::VARIANTS));
    assert_eq!(states("Stream"), set(StreamState::VARIANTS));
}
