// SPDX-License-Identifier: MPL-2.0
//! A way between a publisher and the recorder ends, and there is one again: the same, or another.
//! How long it takes until the publisher is recorded again is printed, and has a deadline.

use std::thread::sleep;
use std::time::{Duration, Instant};

use vdoroom_testkit::log::{Direction, LogEntry};
use vdoroom_testkit::netns::Host;
use vdoroom_testkit::publisher::PublisherBuilder;
use vdoroom_testkit::{Closing, Publisher, Who, by_webrtcbin};

use crate::recording::Recording;
use crate::scene::Scene;

pub const FRAMES: u64 = 40;
const RATE: u32 = 20;

/// Promised for everybody who can be reached.
pub const AGAIN_WITHIN: Duration = Duration::from_secs(3);

pub const OUTAGE: Duration = Duration::from_secs(10);

/// Alice is recorded, each on a host of her own.
pub struct Recorder<Alice = Publisher> {
    pub recording: Recording,
    pub alice: Alice,
}

impl Recorder {
    fn start(
        scene: &Scene,
        alice: &Host,
        recorder: &Host,
        set: impl FnOnce(PublisherBuilder) -> PublisherBuilder,
    ) -> Self {
        let alice = scene.publish(alice, "alice", |alice| set(alice.frame_rate(RATE)));
        let mut recording = scene.record(recorder, |_| {});
        recording.wait_for_frames(&["alice"], FRAMES);
        Self { recording, alice }
    }

    /// Goes on for a while, and ends with so many parts. They play, and lack what was lost on the
    /// way and what could be sent until alice was recorded again.
    fn ends_with(mut self, parts: usize, lost: Duration) {
        let (_, frames) = self.recorded();
        self.recording.wait_for_frames(&["alice"], frames + FRAMES);
        let recorded = self.recording.finish();
        drop(self.alice);
        let files = &recorded.files["alice"];
        assert_eq!(files.len(), parts, "{:#?}", recorded.manifest);
        let mut gaps = 0;
        let mut last = None;
        for (path, report) in files {
            let shown = path.display();
            assert_eq!(report.errors, Vec::<String>::new(), "{shown}: {report:#?}");
            let video = report.video.as_ref().and_then(|v| v.counters.as_ref());
            let counters = video.unwrap_or_else(|| panic!("{shown}: {report:#?}"));
            assert_eq!(counters.bad, 0, "{shown}: {report:#?}");
            gaps += counters.missing;
            gaps += last.map_or(0, |last| u64::from(counters.first).saturating_sub(last));
            last = Some(u64::from(counters.last) + 1);
        }
        let most = (lost + AGAIN_WITHIN).as_secs() * u64::from(RATE);
        println!("{gaps} of the frames are missing");
        assert!(gaps <= most, "{gaps} frames are missing, not {most}");
    }
}

impl<Alice> Recorder<Alice> {
    /// The session that counts and what it has recorded.
    pub fn recorded(&self) -> (u32, u64) {
        let sessions = self.recording.stream("alice");
        let sessions = sessions.and_then(|s| s.get("sessions-so-far").ok());
        (sessions.unwrap_or(0), self.recording.frames("alice"))
    }

    /// Waits for alice's next frames and holds the time against the promise.
    pub fn is_back_after(&mut self, what: &str, before: (u32, u64), since: Instant) {
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
}

pub fn scene() -> Option<(Scene, Host, Host)> {
    let scene = Scene::new()?;
    let [alice, recorder] = ["alice", "recorder"].map(|name| scene.internet.host(name));
    Some((scene, alice, recorder))
}

/// Nothing of what is sent arrives for so long.
fn survives(what: &str, outage: impl FnOnce(&Host, &Host)) -> Option<(Scene, Recorder)> {
    let (scene, alice, recorder) = scene()?;
    let mut case = Recorder::start(&scene, &alice, &recorder, |alice| alice);
    outage(&alice, &recorder);
    let (since, before) = (Instant::now(), case.recorded());
    case.is_back_after(what, before, since);
    Some((scene, case))
}

#[test]
fn a_recorder_whose_cable_was_out_goes_on() {
    let unplug = |_: &Host, recorder: &Host| {
        recorder.set_connected(false);
        // The outage itself.
        sleep(OUTAGE);
        recorder.set_connected(true);
    };
    if let Some((_scene, case)) = survives("the recorder's cable was out for 10 s", unplug) {
        case.ends_with(1, OUTAGE);
    }
}

#[test]
fn a_recorder_whose_packets_were_lost_goes_on() {
    let lose = |_: &Host, recorder: &Host| recorder.lose_everything_for(OUTAGE);
    if let Some((_scene, case)) = survives("the recorder's packets were lost for 10 s", lose) {
        case.ends_with(1, OUTAGE);
    }
}

/// The server was reached meanwhile, and has a goodbye for the publisher, which TCP brings late.
#[test]
fn a_publisher_whose_packets_were_lost_goes_on() {
    let lose = |alice: &Host, _: &Host| alice.lose_everything_for(OUTAGE);
    if let Some((_scene, mut case)) = survives("the publisher's packets were lost for 10 s", lose) {
        case.recording
            .wait("the late goodbye", |r| r.parts_opened() == 2);
        case.ends_with(2, OUTAGE);
    }
}

/// UDP alone is lost, as behind a firewall that starts anew.
#[test]
fn a_publisher_whose_udp_was_lost_is_asked_again() {
    let lose = |alice: &Host, _: &Host| alice.lose_udp_for(OUTAGE);
    if let Some((_scene, case)) = survives("UDP alone was lost for 10 s", lose) {
        case.ends_with(2, OUTAGE);
    }
}

#[test]
fn a_publisher_whose_nat_changes_its_mappings_is_asked_again() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let alice = scene.internet.host_behind_nat("alice");
    let recorder = scene.internet.host("recorder");
    let mut case = Recorder::start(&scene, &alice, &recorder, |alice| alice);
    alice.rebind_udp();
    let (since, before) = (Instant::now(), case.recorded());
    case.is_back_after("the publisher's NAT changed its mappings", before, since);
    case.ends_with(2, Duration::from_secs(2));
}

/// As from Wi-Fi to a mobile network: the page's websocket ends with the old address, which the
/// server knows, and the page opens another one after 5 s.
#[test]
fn a_publisher_whose_address_changes_is_asked_again_when_its_page_is_back() {
    let Some((scene, mut alice, recorder)) = scene() else {
        return;
    };
    let mut case = Recorder::start(&scene, &alice, &recorder, |alice| alice);
    scene.room.close(Who::stream("alice"), Closing::Abort);
    let lost = |log: Vec<LogEntry>| log.iter().any(|e| e.direction == Direction::Dropped);
    case.recording
        .wait("the end of her websocket", |_| lost(case.alice.log()));
    alice.change_address(3);
    let before = case.recorded();
    let seeds = |scene: &Scene| {
        let log = scene.room.log();
        log.iter().filter(|e| e.text.contains("\"seed\"")).count()
    };
    case.recording
        .wait("alice's way back into the room", |_| seeds(&scene) == 2);
    case.is_back_after("the publisher's address changed", before, Instant::now());
    case.ends_with(2, Duration::from_secs(6));
}

#[test]
fn a_publisher_who_restarts_ice_gets_a_new_connection() {
    let Some((scene, alice, recorder)) = scene() else {
        return;
    };
    let alice = scene.publish(&alice, "alice", |alice| alice.frame_rate(RATE));
    // The native engine follows; alice, who is a webrtcbin, only says that she restarts.
    let mut recording = scene.record(&recorder, by_webrtcbin);
    recording.wait_for_frames(&["alice"], FRAMES);
    let mut case = Recorder { recording, alice };
    let before = case.recorded();
    case.alice.restart_ice();
    let since = Instant::now();
    case.recording
        .wait("the new connection", |r| r.parts_opened() == 2);
    case.is_back_after("the publisher restarted ICE", (before.0 + 1, 0), since);
    case.ends_with(2, Duration::ZERO);
}
