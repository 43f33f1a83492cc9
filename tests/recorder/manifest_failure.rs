// SPDX-License-Identifier: MPL-2.0
//! A manifest whose disk fails comes back, with all that it missed.

use std::path::{Path, PathBuf};

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::manifest::assert_follows_schema;

use crate::media;
use crate::mount::Mount;
use crate::room::{Recorder, Sender, send_until, wait_for};

fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().map(|l| serde_json::from_str(l).unwrap());
    lines.inspect(assert_follows_schema).collect()
}

fn events(path: &Path) -> Vec<(String, String)> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let lines = read(path);
    let events = lines.iter().map(|l| (text(l, "event"), text(l, "stream")));
    events.collect()
}

/// A recorder whose manifest has a file system of its own; what is in the folder is a manifest.
fn recorder(folder: impl FnOnce(&Path) -> PathBuf) -> Recorder {
    Recorder::with(|sink, base| {
        let manifest = folder(base).join("list.jsonl");
        sink.set_property("manifest", manifest.to_str().unwrap());
    })
}

fn newest_manifest(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?;
    let files = files.filter_map(|f| Some(f.ok()?.path()));
    let files = files.filter(|f| f.extension().is_some_and(|e| e == "jsonl"));
    files.max()
}

#[test]
fn a_full_disk_costs_the_manifest_no_line() {
    let mut mount = None;
    let mut recorder = recorder(|base| {
        let folder = base.join("notes");
        mount = Mount::in_memory(&folder, "1m");
        folder
    });
    let Some(mount) = mount else {
        return;
    };
    let filler = mount.fill(0);
    let mut alice = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(1000, &mut [&mut alice]);
    recorder.next("part-opened");
    let warning = recorder.next_warning();
    assert!(warning.contains("manifest"), "{warning}");
    alice.eos();
    recorder.next("part-closed");
    std::fs::remove_file(filler).unwrap();
    let mut bob = Sender::named(&recorder, "audio_bob", media::opus());
    send_until(1000, &mut [&mut bob]);
    let expected = [
        ("run", ""),
        ("part-opened", "alice"),
        ("part-closed", "alice"),
        ("part-opened", "bob"),
    ];
    let expected = expected.map(|(event, stream)| (event.to_owned(), stream.to_owned()));
    wait_for("the manifest that is begun anew", || {
        let events = events(&newest_manifest(&mount.folder)?);
        (events == expected).then_some(())
    });
    recorder.end();
    assert_eq!(recorder.warnings, Vec::<String>::new());
}

#[test]
fn a_manifest_that_is_removed_begins_anew() {
    let mut recorder = recorder(|base| base.join("notes"));
    let folder = recorder.folder.0.join("notes");
    let mut alice = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(1000, &mut [&mut alice]);
    recorder.next("part-opened");
    let first = wait_for("the manifest", || newest_manifest(&folder));
    std::fs::remove_file(first).unwrap();
    let warning = recorder.next_warning();
    assert!(warning.contains("removed"), "{warning}");
    let mut bob = Sender::named(&recorder, "audio_bob", media::opus());
    send_until(1000, &mut [&mut bob]);
    recorder.next("part-opened");
    recorder.end();
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let events = events(&newest_manifest(&folder).unwrap());
    assert_eq!(events[0].0, "run", "{events:?}");
    for event in ["part-opened", "part-closed"] {
        let bob = (event.to_owned(), "bob".to_owned());
        assert!(events.contains(&bob), "{events:?}");
    }
}
