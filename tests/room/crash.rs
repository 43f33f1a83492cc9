// SPDX-License-Identifier: MPL-2.0
//! A room's recorder that is killed leaves files that play, with all but the last second of what
//! had been sent: the way through the network and the jitterbuffer counts as lost here.

use std::time::Duration;

use vdoroom_testkit::check::{self, Report};
use vdoroom_testkit::{Codec, Dialect, Folder, Publisher, RoomServer};

use crate::recording::{DEADLINE, launch};

const FRAMES_PER_SECOND: u64 = 30;

/// Frames that had been sent to the recorder after its first one when it is killed: while it
/// waits for sender reports, soon after, and later.
const MOMENTS: [u64; 5] = [6, 20, 35, 60, 110];

#[test]
fn a_kill_costs_less_than_a_second_of_everybody() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut worst = 0;
    for frames in MOMENTS {
        let folder = Folder::new();
        let recorder = launch(&server, &folder);
        let person = |name, codec| {
            let person = Publisher::builder(server.url(), "r", name).codec(codec);
            person.start().unwrap()
        };
        let people = [
            ("alice", person("alice", Codec::H264)),
            ("bob", person("bob", Codec::Vp8)),
        ];
        for (_, person) in &people {
            person.wait_for_frames(frames, DEADLINE).unwrap();
        }
        let sent = people.each_ref().map(|(_, person)| person.frames_sent());
        recorder.signal("KILL");
        let _ = recorder.wait(Duration::from_secs(5));
        for ((name, _), sent) in people.iter().zip(sent) {
            let file = folder.recordings().into_iter().find(|file| {
                let file = file.file_name().unwrap().to_string_lossy();
                file.starts_with(&format!("rec_{name}_"))
            });
            let kept = file.map_or(0, |file| frames_in(&check::inspect(&file)));
            let missing = sent.saturating_sub(kept);
            eprintln!("{name}: {sent} sent, {missing} missing");
            assert!(missing < FRAMES_PER_SECOND, "{name}: {missing} of {sent}");
            worst = worst.max(missing);
        }
    }
    eprintln!("worst: {} ms", worst * 1000 / FRAMES_PER_SECOND);
}

/// Frames up to the last one, none of which may be missing or broken.
fn frames_in(report: &Report) -> u64 {
    let video = report.video.as_ref();
    let counters = video.and_then(|video| video.counters.as_ref());
    let Some(counters) = counters else { return 0 };
    assert_eq!((counters.missing, counters.bad), (0, 0), "{report:#?}");
    u64::from(counters.last - counters.first) + 1
}
