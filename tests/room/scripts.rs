// SPDX-License-Identifier: MPL-2.0
//! `vdoroom record` where a program reads what it prints, or starts it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use vdoroom_testkit::launch::program;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer, manifest};

use crate::recording::{DEADLINE, assert_all_whole};

/// Above what closing files takes.
const CLOSING: Duration = Duration::from_secs(8);
const SCHEMA: &str = include_str!("../../docs/record.schema.json");

fn record(server: &RoomServer, folder: &Path, options: &str) -> Launch {
    let program = program("vdoroom");
    let line = format!(
        "exec {} record --server {} --room r --location ./ {options}",
        program.display(),
        server.url()
    );
    Launch::shell(folder, &line, |_| {})
}

/// Panics unless a line follows the published schemas and has no field that they lack.
fn assert_follows_schema(line: &Value) {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let definitions = schema["$defs"].as_object_mut().unwrap();
    for (name, object) in definitions {
        if name != "part" {
            object["additionalProperties"] = json!(false);
        }
    }
    if let Some(violation) = manifest::violation(schema, line) {
        panic!("{line:#}\nis not what docs/record.schema.json says: {violation}");
    }
    if line["event"].as_str().unwrap().starts_with("part-") {
        let mut part = line.clone();
        part.as_object_mut().unwrap().remove("time");
        manifest::assert_follows_schema(&part);
    }
}

#[test]
fn a_script_reads_json_lines_and_sigterm_ends_the_recording() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let mut program = record(&server, &folder.0, "--json --interval 500ms");
    let builder = Publisher::builder(server.url(), "r", "alice").label("Alice");
    let alice = builder.codec(Codec::H264).start().unwrap();
    alice.wait_for_viewer(DEADLINE).unwrap();
    alice.wait_for_frames(60, DEADLINE).unwrap();
    program.wait_for_line(r#""event":"part-opened""#, DEADLINE);
    program.wait_for_line(r#""width":320"#, DEADLINE);
    program.signal("TERM");
    let (status, printed) = program.wait(CLOSING);
    assert!(status.success(), "{printed}");

    let lines = printed.lines().map(serde_json::from_str);
    let lines: Vec<Value> = lines.collect::<Result<_, _>>().expect(&printed);
    lines.iter().for_each(assert_follows_schema);
    let of = |event: &str| -> Vec<&Value> {
        lines.iter().filter(|line| line["event"] == event).collect()
    };
    assert_eq!(lines[0]["event"], "started");
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["event"], &last["result"]),
        (&json!("ended"), &json!("whole"))
    );
    assert_eq!(last["files"]["closed"], 1);
    let recording = of("status")
        .into_iter()
        .rfind(|line| line["streams"][0]["recording"] == true);
    let alice = &recording.expect(&printed)["streams"][0];
    assert_eq!(
        (&alice["stream-id"], &alice["label"]),
        (&json!("alice"), &json!("Alice"))
    );
    assert!(alice["recorded"].as_u64() > Some(0), "{alice}");
    let file = of("part-closed")[0]["file"].as_str().unwrap();
    assert_eq!(folder.recordings(), [Path::new(file)]);
    assert_all_whole(&folder.recordings(), 1);
}

#[test]
fn a_reader_who_goes_away_does_not_end_the_recording() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let program = Command::new(program("vdoroom"))
        .args(["record", "--server", server.url()])
        .args(["--room", "r", "--location", "./"])
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .spawn();
    let mut program = program.unwrap();
    drop(program.stdout.take());
    let alice = Publisher::builder(server.url(), "r", "alice").codec(Codec::Vp8);
    let alice = alice.start().unwrap();
    alice.wait_for_viewer(DEADLINE).unwrap();
    alice.wait_for_frames(60, DEADLINE).unwrap();
    let interrupt = Command::new("kill")
        .args(["-INT", &program.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    assert!(program.wait().unwrap().success());
    assert_all_whole(&folder.recordings(), 1);
}

#[test]
fn a_file_that_fails_is_told_and_is_the_exit_status() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let mut program = record(&server, &folder.0, "--json");
    let alice = Publisher::builder(server.url(), "r", "alice").codec(Codec::Vp8);
    let _alice = alice.start().unwrap();
    let opened = program.wait_for_line(r#""event":"part-opened""#, DEADLINE);
    let opened: Value = serde_json::from_str(&opened).unwrap();
    std::fs::remove_file(opened["file"].as_str().unwrap()).unwrap();
    let warning = program.wait_for_line(r#""event":"warning""#, DEADLINE);
    assert!(warning.contains("failed"), "{warning}");
    program.signal("INT");
    let (status, printed) = program.wait(CLOSING);
    assert_eq!(status.code(), Some(3), "{printed}");
    let last = printed.lines().last().unwrap();
    assert!(last.contains(r#""result":"incomplete""#), "{printed}");
}
