// SPDX-License-Identifier: MPL-2.0
//! Passwords and TURN credentials come in, and never out.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use gst::prelude::*;
use vdoroom_testkit::launch;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Password, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recording};

const PASSWORD: &str = "hunter2 für/uns";
const TURN_USER: &str = "turnuser4711";
const TURN_PASSWORD: &str = "turn:s3cret/w@rd";
/// What is made of them: the password as it is hashed, the key (SHA-256 of it and the salt), and
/// the TURN password as it stands in a URI.
const DERIVED: [&str; 3] = ["hunter2%20f%C3%BCr%2Funs", "KEY", "turn%3As3cret%2Fw%40rd"];
/// Elements of GStreamer and libraries below it that are handed the TURN credentials.
const NOT_OURS: [&str; 4] = ["webrtcbin", "webrtcice", "webrtcnice", "libnice"];

fn secrets() -> Vec<String> {
    use sha2::{Digest, Sha256};
    let key = hex::encode(Sha256::digest(format!("{}vdo.ninja", DERIVED[0])));
    let all = [PASSWORD, TURN_USER, TURN_PASSWORD]
        .into_iter()
        .chain(DERIVED);
    all.map(|secret| secret.replace("KEY", &key)).collect()
}

fn expect_none(what: &str, text: &str) {
    for secret in secrets() {
        assert!(!text.contains(&secret), "{secret:?} is in {what}: {text}");
    }
}

fn alice(server: &RoomServer) -> Publisher {
    Publisher::builder(server.url(), "r", "alice")
        .password(Password::own(PASSWORD))
        .codec(Codec::Vp8)
        .frame_rate(10)
        .start()
        .unwrap()
}

/// The log of a process in which everything is logged, and all that it prints and writes.
#[test]
fn no_log_of_ours_shows_a_secret() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let line = format!(
        "exec {} record --room r --server {} --location rec --seconds 4 --set password-env=ROOM_PASSWORD \
         --set turn-servers='<\"turn:127.0.0.1:9\">' --set turn-user={TURN_USER} \
         --set 'turn-password={TURN_PASSWORD}'",
        launch::program("vdoroom").display(),
        server.url()
    );
    let log = folder.0.join("log");
    let alice = alice(&server);
    let program = Launch::shell(&folder.0, &line, |command| {
        command
            .env("ROOM_PASSWORD", PASSWORD)
            .env("GST_DEBUG", "9")
            .env("GST_DEBUG_NO_COLOR", "1")
            .env("GST_DEBUG_FILE", &log)
            .env("GST_DEBUG_DUMP_DOT_DIR", &folder.0);
    });
    let (status, printed) = program.wait(DEADLINE + Duration::from_secs(10));
    assert!(status.success(), "{printed}");
    expect_none("what is printed", &printed);
    assert_eq!(
        folder
            .manifest()
            .iter()
            .filter(|l| l["event"] == "part-closed")
            .count(),
        1
    );
    for path in folder.files(&["jsonl", "dot"]) {
        expect_none(
            &path.display().to_string(),
            &std::fs::read_to_string(path).unwrap(),
        );
    }
    let secrets = secrets();
    let lines = BufReader::new(std::fs::File::open(&log).unwrap()).split(b'\n');
    let (mut ours, mut others) = (0_u64, std::collections::BTreeMap::<String, String>::new());
    for line in lines {
        let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
        let category = line
            .split_whitespace()
            .nth(4)
            .unwrap_or_default()
            .to_owned();
        let own = category == "vdoroomsrc" || category == "roomfilesink";
        ours += u64::from(own);
        if secrets.iter().any(|secret| line.contains(secret)) {
            assert!(!own, "{line}");
            others.entry(category).or_insert(line);
        }
    }
    assert!(ours > 50, "only {ours} lines of ours");
    for (category, line) in &others {
        assert!(
            NOT_OURS.contains(&category.as_str()),
            "{category} logs a secret: {line}"
        );
    }
    eprintln!("categories of GStreamer that log TURN credentials: {others:#?}");
    drop(alice);
}

#[test]
fn neither_properties_nor_messages_nor_dumps_show_a_secret() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("password", PASSWORD);
        source.set_property("turn-user", TURN_USER);
        source.set_property("turn-password", TURN_PASSWORD);
        let url = format!("turn://{TURN_USER}:turn%3As3cret%2Fw%40rd@127.0.0.1:9");
        source.set_property(
            "turn-servers",
            gst::Array::new([url, "turn:127.0.0.1:9".into()]),
        );
    });
    let alice = alice(&server);
    recording.wait_for_frames(&["alice"], 10);
    // The name is a setting like others where it is asked for by its own name.
    let properties = recording.source.list_properties();
    for property in properties.iter().filter(|p| p.name() != "turn-user") {
        if property.flags().contains(gst::glib::ParamFlags::READABLE) {
            let value = recording.source.property_value(property.name());
            expect_none(property.name(), &format!("{value:?}"));
        }
    }
    expect_none("the statistics", &recording.stats().to_string());
    let dump = recording
        .pipeline
        .debug_to_dot_data(gst::DebugGraphDetails::all());
    let ours = dump.replace(&format!("turn-user=\\\"{TURN_USER}\\\""), "");
    let shows = secrets().into_iter().find(|secret| ours.contains(secret));
    assert_eq!(shows, None, "{ours}");
    alice.stop();
    recording.wait_for_news("vdoroom-stream-removed", "alice");
    expect_none(
        "messages",
        &format!("{:?} {:?}", recording.news, recording.complaints),
    );
    let recorded = recording.finish();
    expect_none("the manifest", &format!("{:?}", recorded.manifest));
}

#[test]
fn an_address_that_is_wrong_is_shown_without_its_credentials() {
    let server = RoomServer::start(Dialect::Hosted);
    let wrong = format!("http://{TURN_USER}:turn%3As3cret%2Fw%40rd@127.0.0.1:9");
    for property in ["server", "stun-server", "turn-servers"] {
        let mut recording = Recording::of(crate::recording::source(&server, "r"), Folder::new());
        match property {
            "turn-servers" => {
                let one = gst::Array::new([wrong.clone()]);
                recording.source.set_property(property, one);
            }
            _ => recording.source.set_property(property, &wrong),
        }
        assert!(recording.pipeline.set_state(gst::State::Playing).is_err());
        recording.wait("the error", |recording| !recording.complaints.is_empty());
        expect_none(property, &recording.complaints.join(" "));
    }
}
