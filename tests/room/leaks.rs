// SPDX-License-Identifier: MPL-2.0
//! Whoever comes and goes, and whatever goes wrong: nothing is left behind. The recorder runs in a
//! process of its own, so that only what it holds is counted.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use gst::prelude::*;
use vdoroom_testkit::holdings::{EXACT_HEAP, alone, heap_bytes};
use vdoroom_testkit::{Codec, Dialect, Folder, Holdings, Launch, Publisher, RoomServer};

use crate::recording::{DEADLINE, init, launch_line};

#[test]
fn the_leaks_tracer_finds_nothing_after_joins_leaves_and_errors() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let line = format!("exec gst-launch-1.0 {}", launch_line(&server));
    let mut recorder = Launch::shell(&folder.0, &line, |command| {
        command
            .env("GST_TRACERS", "leaks")
            .env("GST_DEBUG", "GST_TRACER:7")
            .env("GST_DEBUG_NO_COLOR", "1");
    });
    let join = |name: &str, codec| {
        let person = Publisher::builder(server.url(), "r", name).codec(codec);
        person.frame_rate(10)
    };
    let alice = join("alice", Codec::H264).start().unwrap();
    recorder.wait_for_line("roomfilesink-part-opened", DEADLINE);
    let bob = join("bob", Codec::Vp8).start().unwrap();
    recorder.wait_for_line("roomfilesink-part-opened", DEADLINE);
    bob.crash();
    recorder.wait_for_line("roomfilesink-part-closed", DEADLINE);
    let mallory = join("mallory", Codec::Vp8).with_false_fingerprint();
    let mallory = mallory.start().unwrap();
    recorder.wait_for_line("the certificate that it shows", DEADLINE);
    alice.reload();
    recorder.wait_for_line("roomfilesink-part-opened", DEADLINE);
    alice.wait_for_frames(30, DEADLINE).unwrap();
    drop(mallory);
    recorder.signal("INT");
    let (status, printed) = recorder.wait(DEADLINE);
    assert!(status.success(), "{printed}");
    let alive: Vec<&str> = printed
        .lines()
        .filter(|line| line.contains("object-alive, type-name"))
        // GStreamer's dtlsdec keeps one for the process.
        .filter(|line| !line.contains("GstDtlsAgent"))
        .filter(|line| !line.contains("build_format"))
        // From 1.27.1 on webrtcbin keeps the session of a data channel whose statistics were asked for,
        // and so the caps that the session has.
        .filter(|line| {
            let of_session = ["GstRtpSession", "(string)application/x-rtp, "];
            gst::version() < (1, 27, 1, 0) || !of_session.iter().any(|what| line.contains(what))
        })
        .collect();
    assert_eq!(alive, Vec::<&str>::new());
    assert!(printed.contains("object-alive"), "the tracer did not run");
}

/// Set in the recorder's process only: its launch line.
const PIPELINE: &str = "VDOROOM_TEST_PIPELINE";
/// What the recorder prints before the bytes of its heap, when it is asked.
const HEAP: &str = "heap in use: ";

/// In the child: records until it is killed. Prints what is on the bus, and for each line on its
/// standard input how much of its heap is in use.
#[test]
fn is_a_recorder() {
    let Ok(line) = std::env::var(PIPELINE) else {
        return;
    };
    init();
    let pipeline = gst::parse::launch(&line).unwrap();
    let bus = pipeline.bus().unwrap();
    bus.set_sync_handler(|_, message| {
        if let Some(structure) = message.structure() {
            eprintln!("{}", structure.name());
        }
        gst::BusSyncReply::Drop
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    for _ in std::io::stdin().lines() {
        eprintln!("{HEAP}{}", heap_bytes());
    }
}

/// As many people at a time. Everybody is being recorded; then each reloads again and again.
const PEOPLE: usize = 10;

/// Who reloads in the first rounds is not counted: libraries load, caches are filled.
const FIRST_ROUNDS: usize = 6;

/// Bytes that a join may leave on the heap. A session that is kept is 350 KiB or more; what the
/// recorder remembers of each part, and packets on their way, make up to 10 KiB.
const LEFT_BY_A_JOIN: usize = 32 * 1024;

/// Anonymous memory has fragments as well: it only shows what is not from the heap.
const ANONYMOUS_KIB: usize = 16 * 1024;

/// Of what a recorder at rest holds: half a second.
const SAMPLES: usize = 25;

/// A recorder in a process of its own.
struct Recorder(Launch);

impl Recorder {
    fn start(server: &RoomServer, folder: &Folder) -> Self {
        let test = std::env::current_exe().unwrap();
        let line = format!(
            "exec {} --exact --nocapture leaks::is_a_recorder",
            test.display()
        );
        let pipeline = format!(
            "vdoroomsrc server={} room=r : roomfilesink location=rec",
            server.url()
        );
        Self(Launch::shell(&folder.0, &line, |command| {
            let command = command.envs(EXACT_HEAP).env(PIPELINE, pipeline);
            command.stdin(Stdio::piped());
        }))
    }

    fn wait_for_parts(&mut self, message: &str, count: usize) {
        for _ in 0..count {
            self.0.wait_for_line(message, DEADLINE);
        }
    }

    fn heap(&mut self) -> usize {
        self.0.say("");
        let line = self.0.wait_for_line(HEAP, DEADLINE);
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// What it holds once the number of its threads and descriptors has been the same for a moment,
    /// and the least of its heap in that moment: packets come and go.
    fn at_rest(&mut self) -> (Holdings, usize) {
        let until = Instant::now() + DEADLINE;
        let mut same: Vec<(Holdings, usize)> = Vec::new();
        while same.len() < SAMPLES {
            assert!(Instant::now() < until, "it does not come to rest: {same:?}");
            let seen = (Holdings::of(self.0.pid()), self.heap());
            let differs = |(before, _): &(Holdings, usize)| {
                !(seen.0.is_within(before) && before.is_within(&seen.0))
            };
            if same.last().is_some_and(differs) {
                same.clear();
            }
            same.push(seen);
            // The interval of the samples.
            thread::sleep(Duration::from_millis(20));
        }
        let least = same.iter().map(|(_, heap)| *heap).min();
        (same[SAMPLES - 1].0, least.unwrap())
    }
}

#[test]
fn hundreds_of_joins_and_leaves_leave_nothing_behind() {
    // The guests are in this process: a crash of GStreamer's as one of them leaves is not that of the
    // recorder, and not the end of the other tests.
    if !alone("leaks::hundreds_of_joins_and_leaves_leave_nothing_behind") {
        return;
    }
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let mut recorder = Recorder::start(&server, &folder);
    let guest = |n: usize| {
        let name = format!("guest{n}");
        let guest = Publisher::builder(server.url(), "r", &name).without_video();
        guest.start().unwrap()
    };
    let guests: Vec<Publisher> = (0..PEOPLE).map(guest).collect();
    recorder.wait_for_parts("roomfilesink-part-opened", PEOPLE);
    let mut reload = |rounds: usize| {
        for _ in 0..rounds {
            guests.iter().for_each(Publisher::reload);
            // Each closes a part and opens one.
            recorder.wait_for_parts("roomfilesink-part-", 2 * PEOPLE);
        }
        recorder.at_rest()
    };
    let (before, heap_before) = reload(FIRST_ROUNDS);
    let rounds = crate::JOINS / PEOPLE - FIRST_ROUNDS;
    let (_, heap_after) = reload(rounds);
    // Idle threads of GLib's pools end after 15 s.
    let after = Holdings::settled(recorder.0.pid(), &before, DEADLINE);
    let joins = rounds * PEOPLE;
    let left = heap_after.saturating_sub(heap_before) / joins;
    let seen = format!(
        "{joins} joins: heap {heap_before}, then {heap_after} bytes: {left} each; \
         {before:?}, then {after:?}"
    );
    eprintln!("{seen}");
    assert!(after.is_within(&before), "{seen}");
    assert!(left < LEFT_BY_A_JOIN, "{seen}");
    let most = before.anonymous_kib + ANONYMOUS_KIB;
    assert!(after.anonymous_kib < most, "{seen}");
}
