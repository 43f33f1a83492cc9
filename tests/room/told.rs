// SPDX-License-Identifier: MPL-2.0
//! What the elements tell while they run has the fields of the manual's tables: all of them, and
//! no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use gst::prelude::*;
use vdoroom_testkit::manual::{self, code};
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer, by_webrtcbin};

use crate::recording::{DEADLINE, Recording, structures};

type Fields = BTreeSet<String>;

/// Fields, by what has them.
type ByName = BTreeMap<String, Fields>;

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> Fields {
    words.into_iter().map(str::to_owned).collect()
}

fn add(to: &mut ByName, name: &str, structure: &gst::StructureRef) {
    let fields = structure.fields().map(|field| field.to_string());
    to.entry(name.to_owned()).or_default().extend(fields);
}

/// The names in the first column of a table.
fn column(heading: &str, title: &str) -> Fields {
    let rows = manual::table(heading, title);
    let names = rows.iter().flat_map(|row| code(&row[0]));
    names.map(str::to_owned).collect()
}

const SIGNALS: &str = "Signals and messages of `vdoroomsrc`";
const OF_TRANSPORT: &str = "Transport";

/// Names in the first column, and fields in the second.
fn described(title: &str) -> ByName {
    let rows = manual::table(SIGNALS, title);
    let row = |row: &Vec<String>| (code(&row[0])[0].to_owned(), set(code(&row[1])));
    rows.iter().map(row).collect()
}

fn of_info() -> Fields {
    let lines = manual::section(SIGNALS);
    let line = lines.iter().find(|line| line.starts_with("`info` has"));
    let mut fields = set(code(line.unwrap()));
    fields.remove("info");
    fields
}

fn of_a_candidate() -> Fields {
    let rows = manual::table("Statistics", OF_TRANSPORT);
    let row = rows.iter().find(|row| row[0].contains("local-candidate"));
    set(code(&row.unwrap()[1]))
}

fn statistics() -> ByName {
    let mut all: ByName = [
        ("room", "Room"),
        ("stream", "Stream"),
        ("session", "Session"),
        ("track", "Track"),
        ("transport", OF_TRANSPORT),
    ]
    .map(|(name, title)| (name.to_owned(), column("Statistics", title)))
    .into();
    all.insert("info".into(), of_info());
    all.insert("candidate".into(), of_a_candidate());
    all
}

fn look_at(stats: &gst::StructureRef, seen: &mut ByName) {
    let inner = |of: &gst::StructureRef, name: &str| of.get::<gst::Structure>(name);
    add(seen, "room", stats);
    for stream in structures(stats, "streams") {
        add(seen, "stream", &stream);
        add(seen, "info", &inner(&stream, "info").unwrap());
        for session in structures(&stream, "sessions") {
            add(seen, "session", &session);
            for track in structures(&session, "tracks") {
                add(seen, "track", &track);
            }
            let transport = inner(&session, "transport").unwrap();
            add(seen, "transport", &transport);
            for side in ["local-candidate", "remote-candidate"] {
                if let Ok(candidate) = inner(&transport, side) {
                    add(seen, "candidate", &candidate);
                }
            }
        }
    }
}

fn alice(server: &RoomServer) -> Publisher {
    let alice = Publisher::builder(server.url(), "r", "alice").label("Alice");
    alice.codec(Codec::Vp8).frame_rate(10).start().unwrap()
}

/// Reads the statistics and the bus until nothing of what is described is missing, and returns all
/// that was there.
fn watch(recording: &mut Recording, described: &ByName) -> ByName {
    let mut seen = ByName::new();
    let until = std::time::Instant::now() + DEADLINE;
    let is_missing = |seen: &ByName| {
        let has = |name: &str, field: &String| seen.get(name).is_some_and(|s| s.contains(field));
        let mut all = described
            .iter()
            .flat_map(|(name, fields)| fields.iter().map(move |field| (name, field)));
        all.any(|(name, field)| !has(name, field))
    };
    while is_missing(&seen) && std::time::Instant::now() < until {
        recording.read_bus(std::time::Duration::from_millis(50));
        look_at(&recording.stats(), &mut seen);
    }
    seen
}

#[test]
fn statistics_have_the_fields_of_the_manual() {
    let server = RoomServer::start(Dialect::Hosted);
    // The native engine has none of `webrtc` and `fir-sent`.
    let mut recording = Recording::start(&server, "r", by_webrtcbin);
    let _alice = alice(&server);
    let described = statistics();
    assert_eq!(watch(&mut recording, &described), described);
}

/// The events of ours that leave the source's pads.
fn listen(source: &gst::Element) -> Arc<Mutex<ByName>> {
    let events = Arc::<Mutex<ByName>>::default();
    let heard = events.clone();
    source.connect_pad_added(move |_, pad| {
        let heard = heard.clone();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            let structure = info.event().and_then(|event| event.structure());
            if let Some(structure) = structure.filter(|s| s.name().starts_with("vdoroom-")) {
                add(&mut heard.lock().unwrap(), structure.name(), structure);
            }
            gst::PadProbeReturn::Ok
        });
    });
    events
}

#[test]
fn messages_and_events_have_the_fields_of_the_manual() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut events = None;
    let mut recording = Recording::start(&server, "r", |source| events = Some(listen(source)));
    let alice = alice(&server);
    recording.wait_for_frames(&["alice"], 20);
    alice.mute_audio(true);
    recording.wait_for_news("vdoroom-stream-changed", "alice");
    recording.wait("the selected pair", |recording| {
        let has = |s: &gst::Structure| s.has_field("local-candidate");
        recording.news.iter().any(has)
    });
    alice.stop();
    recording.wait_for_news("vdoroom-stream-removed", "alice");
    recording.wait_for_news("roomfilesink-part-closed", "alice");

    let mut messages = ByName::new();
    for message in &recording.news {
        add(&mut messages, message.name(), message);
    }
    let parts = ["roomfilesink-part-opened", "roomfilesink-part-closed"];
    let [opened, closed] = parts.map(|name| messages.remove(name).expect(name));
    let mut described_messages = described("Element message");
    let connection = described_messages.get_mut("vdoroom-connection").unwrap();
    connection.remove("transport");
    connection.extend(column("Statistics", OF_TRANSPORT));
    // It is news once in ten seconds only.
    connection.remove("round-trip-time");
    let seen = messages.get_mut("vdoroom-connection").unwrap();
    seen.remove("round-trip-time");
    assert_eq!(messages, described_messages);

    let mut described_events = described("Pad event");
    // It comes with media that cannot be decoded only.
    let undecodable = described_events.remove("vdoroom-undecodable");
    assert_eq!(undecodable, Some(Fields::new()));
    assert_eq!(*events.unwrap().lock().unwrap(), described_events);

    let rows = manual::table("The manifest", "Line");
    let fields = |row: usize| set(code(&rows[row][1]));
    assert_eq!(opened.difference(&fields(1)).next(), None, "{opened:?}");
    let both: Fields = fields(1).union(&fields(2)).cloned().collect();
    assert_eq!(closed.difference(&both).next(), None, "{closed:?}");
}
