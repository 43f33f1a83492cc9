// SPDX-License-Identifier: MPL-2.0
//! Whoever comes and goes, and whatever goes wrong: nothing is left behind. The recorder runs in a
//! process of its own, so that only what it holds is counted.

use vdoroom_testkit::holdings::alone;
use vdoroom_testkit::{Codec, Dialect, Folder, Holdings, Launch, Publisher, RoomServer};

use crate::recording::{DEADLINE, launch_line};

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
        .collect();
    assert_eq!(alive, Vec::<&str>::new());
    assert!(printed.contains("object-alive"), "the tracer did not run");
}

/// As many people at a time. Everybody is being recorded; then each reloads again and again.
const PEOPLE: usize = 10;

/// Who reloads in the first rounds is not counted: libraries load, heaps find their size.
const FIRST_ROUNDS: usize = 10;

/// Rounds whose memory is compared.
const SAMPLES: usize = 5;

fn least_memory(rounds: &[Holdings]) -> usize {
    let resident = rounds.iter().map(|round| round.resident_kib);
    resident.min().unwrap_or_default()
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
    let line = launch_line(&server);
    let mut recorder = Launch::shell(
        &folder.0,
        &format!("exec gst-launch-1.0 {line}"),
        |command| {
            // Heaps of several threads, which is what glibc has, grow by fragments alone.
            command.env("MALLOC_ARENA_MAX", "1");
        },
    );
    let guest = |n: usize| {
        let name = format!("guest{n}");
        let guest = Publisher::builder(server.url(), "r", &name).without_video();
        guest.start().unwrap()
    };
    let guests: Vec<Publisher> = (0..PEOPLE).map(guest).collect();
    for _ in 0..PEOPLE {
        recorder.wait_for_line("roomfilesink-part-opened", DEADLINE);
    }
    let mut rounds = Vec::new();
    for _ in 0..crate::JOINS / PEOPLE {
        guests.iter().for_each(Publisher::reload);
        // Each closes a part and opens one.
        for _ in 0..2 * PEOPLE {
            recorder.wait_for_line("roomfilesink-part-", DEADLINE);
        }
        rounds.push(Holdings::of(recorder.pid()));
    }
    // What a connection holds while it is made comes and goes: of some rounds the least is compared.
    let before = Holdings {
        resident_kib: least_memory(&rounds[FIRST_ROUNDS - SAMPLES..FIRST_ROUNDS]),
        ..rounds[FIRST_ROUNDS - 1]
    };
    let after = Holdings {
        resident_kib: least_memory(&rounds[rounds.len() - SAMPLES..]),
        ..Holdings::settled(recorder.pid(), &before, DEADLINE)
    };
    after.assert_no_more_than(before, 5);
}
