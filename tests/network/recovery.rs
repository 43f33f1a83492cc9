// SPDX-License-Identifier: MPL-2.0
//! A way between a publisher and the recorder ends, and there is one again: the same, or another.
//! How long it takes until the publisher is recorded again is printed, and has a deadline.

use std::time::{Duration, Instant};

use vdoroom_test_support::netns::Host;
use vdoroom_test_support::publisher::PublisherBuilder;
use vdoroom_test_support::{Dialect, Publisher};

use crate::recording::{Recorded, Recording};
use crate::scene::Scene;

const FRAMES: u64 = 40;

/// Promised for everybody who can be reached.
const AGAIN_WITHIN: Duration = Duration::from_secs(3);

const OUTAGE: Duration = Duration::from_secs(10);

/// Alice is recorded, each on a host of her own.
struct Recorder {
    recording: Recording,
    alice: Publisher,
}

impl Recorder {
    fn start(
        scene: &Scene,
        alice: &Host,
        recorder: &Host,
        set: impl FnOnce(PublisherBuilder) -> PublisherBuilder,
    ) -> Self {
        let alice = scene.publish(alice, "alice", |alice| set(alice.frame_rate(20)));
        let mut recording = scene.record(recorder, |_| {});
        recording.wait_for_frames(&["alice"], FRAMES);
        Self { recording, alice }
    }

    /// The session that counts and what it has recorded.
    fn recorded(&self) -> (u32, u64) {
        let sessions = self.recording.stream("alice");
        let sessions = sessions.and_then(|s| s.get("sessions-so-far").ok());
        (sessions.unwrap_or(0), self.recording.frames("alice"))
    }

    /// Waits for alice's next frames and holds the time against the promise.
    fn is_back_after(&mut self, what: &str, before: (u32, u64), since: Instant) {
        let (session, frames) = before;
        self.recording.wait("alice's next frames", |r| {
            let now = r
                .stream("alice")
                .and_then(|s| s.get("sessions-so-far").ok());
            let goes_on = now == Some(session) && r.frames("alice") > frames + 2;
            goes_on || now > Some(session) && r.frames("alice") > 0
        });
        let took = since.elapsed();
        let (again, _) = self.recorded();
        println!(
            "{what}: recorded again after {took:?}, {} new connections",
            again - session
        );
        assert!(took < AGAIN_WITHIN, "{what}: {took:?}");
    }

    /// Goes on for a while, and ends with so many parts, each of them whole.
    fn ends_with(mut self, parts: usize) -> Recorded {
        let (_, frames) = self.recorded();
        self.recording.wait_for_frames(&["alice"], frames + FRAMES);
        let recorded = self.recording.finish();
        drop(self.alice);
        let files = &recorded.files["alice"];
        assert_eq!(files.len(), parts, "{:#?}", recorded.manifest);
        for (path, report) in files {
            assert_eq!(
                report.problems(),
                Vec::<String>::new(),
                "{}: {report:#?}",
                path.display()
            );
        }
        recorded
    }
}

fn survives(what: &str, parts: usize, outage: impl FnOnce(&Host, &Host)) {
    let Some(scene) = Scene::new() else {
        return;
    };
    let hosts = ["alice", "recorder"].map(|name| scene.internet.host(name));
    let [alice, recorder] = &hosts;
    let mut case = Recorder::start(&scene, alice, recorder, |alice| alice);
    outage(alice, recorder);
    let (since, before) = (Instant::now(), case.recorded());
    case.is_back_after(what, before, since);
    case.ends_with(parts);
}

#[test]
fn a_recorder_whose_cable_was_out_goes_on() {
    survives("the recorder's cable was out for 10 s", 1, |_, recorder| {
        recorder.set_connected(false);
        std::thread::sleep(OUTAGE);
        recorder.set_connected(true);
    });
}

#[test]
fn a_recorder_whose_packets_were_lost_goes_on() {
    survives(
        "the recorder's packets were lost for 10 s",
        1,
        |_, recorder| {
            recorder.lose_everything_for(OUTAGE);
        },
    );
}

#[test]
fn a_publisher_whose_packets_were_lost_goes_on() {
    survives(
        "the publisher's packets were lost for 10 s",
        1,
        |alice, _| {
            alice.lose_everything_for(OUTAGE);
        },
    );
}
