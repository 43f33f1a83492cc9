// SPDX-License-Identifier: MPL-2.0
//! A second of audio stays a second, whatever its packets met on their way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;
use vdoroom_testkit::publisher::PublisherBuilder;
use vdoroom_testkit::{Codec, Dialect, Flavour, Publisher, RoomServer};

use crate::lifecycle::Elsewhere;
use crate::recording::{Recording, assert_whole};

/// Of audio, in milliseconds.
const PACKET: f64 = 20.0;
const PER_PACKET: f64 = 2.0;
/// What fifty packets may differ from a second.
const PER_SECOND: f64 = 3.0;
/// Milliseconds between flash and beep.
const TOGETHER: f64 = 40.0;

/// When audio is shown that leaves each pad, in milliseconds.
#[derive(Clone, Default)]
struct Times(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

impl Times {
    fn of(recording: &Recording) -> Self {
        let times = Self::default();
        let all = times.clone();
        recording.source.connect_pad_added(move |_, pad| {
            let (all, name) = (all.clone(), pad.name().to_string());
            let note = move |buffer: &gst::BufferRef| {
                let pts = buffer.pts().unwrap().nseconds() as f64 / 1e6;
                let mut all = all.0.lock().unwrap_or_else(PoisonError::into_inner);
                all.entry(name.clone()).or_default().push(pts);
            };
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                info.buffer().into_iter().for_each(|buffer| note(buffer));
                gst::PadProbeReturn::Ok
            });
        });
        times
    }

    fn assert_even(&self, pad: &str) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = &all[pad];
        let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
        let uneven: Vec<_> = steps
            .filter(|step| (step - PACKET).abs() > PER_PACKET)
            .collect();
        assert_eq!(uneven, Vec::<f64>::new(), "{pad}: {times:.0?}");
        for second in times.windows(51) {
            let length = second[50] - second[0];
            assert!((length - 1000.0).abs() < PER_SECOND, "{pad}: {length}");
        }
    }
}

fn guest(server: &RoomServer, name: &str) -> PublisherBuilder {
    let guest = Publisher::builder(server.url(), "r", name);
    guest.flavour(Flavour::Raspberry).frame_rate(15)
}

#[test]
fn media_that_was_queued_when_the_connection_opened_keeps_its_pace() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let times = Times::of(&recording);
    let queues = [
        ("short", Codec::Vp8, 200),
        ("middle", Codec::H264, 800),
        ("long", Codec::Vp8, 2000),
    ];
    let people = queues.map(|(name, codec, queued)| {
        let guest = guest(&server, name).codec(codec);
        guest
            .queued_media(Duration::from_millis(queued))
            .start()
            .unwrap()
    });
    recording.wait_for_frames(&queues.map(|(name, ..)| name), 15 * 6);
    let (_, parts) = recording.finish_and_lay_out();
    for person in &people {
        assert_eq!(person.complaints(), Vec::<String>::new());
    }
    for (name, ..) in queues {
        times.assert_even(&format!("audio_{name}"));
        let part = parts.iter().find(|part| part.stream() == name).unwrap();
        assert_eq!(part.report.problems(), Vec::<String>::new());
        let offsets = &part.report.flash_beep_offsets;
        assert!(
            offsets.len() > 2 && offsets.iter().all(|ms| ms.abs() < TOGETHER),
            "{name}: {offsets:?}"
        );
    }
}

#[test]
fn audio_that_stalls_is_with_its_video_again() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    // RTP time rests in the stall, or goes on.
    let people = [
        guest(&server, "samples")
            .counting_samples()
            .start()
            .unwrap(),
        guest(&server, "clock").start().unwrap(),
    ];
    let names = ["samples", "clock"];
    let mut frames = 0;
    let mut record = |milliseconds: u64| {
        frames += milliseconds * 15 / 1000;
        recording.wait_for_frames(&names, frames);
    };
    for (before, stall) in [(3000, 3000), (4000, 600)] {
        record(before);
        people.iter().for_each(|person| person.pause_audio(true));
        record(stall);
        people.iter().for_each(|person| person.pause_audio(false));
    }
    // Sender reports, which tell of the stall, are up to 6.2 s apart (RFC 3550 section 6.3.1).
    record(8500);
    let (_, parts) = recording.finish_and_lay_out();
    for (name, most) in [("samples", 2), ("clock", 0)] {
        let part = parts.iter().find(|part| part.stream() == name).unwrap();
        let (flashes, beeps) = (part.flashes(), part.beeps());
        let is_with_flash = |beep: &&Duration| {
            let apart = |flash: &Duration| flash.abs_diff(**beep).as_secs_f64() * 1000.0;
            flashes.iter().any(|flash| apart(flash) < TOGETHER)
        };
        // Audio may be recorded for longer than video, at both ends.
        let half = Duration::from_millis(500);
        let from = flashes[0].saturating_sub(half);
        let to = flashes[flashes.len() - 1] + half;
        let beeps: Vec<_> = beeps.iter().filter(|b| (from..to).contains(*b)).collect();
        let astray = beeps.iter().filter(|beep| !is_with_flash(beep)).count();
        assert!(
            astray <= most && beeps.len() > 8,
            "{name}: {flashes:?} {beeps:?}"
        );
        // More than two seconds after the last stall.
        let last = &beeps[beeps.len() - 2..];
        assert!(
            last.iter().all(is_with_flash),
            "{name}: {flashes:?} {beeps:?}"
        );
    }
}

#[test]
fn video_that_stalls_is_with_its_audio_again() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = guest(&server, "alice").start().unwrap();
    let mut packets = 0;
    let mut record = |milliseconds: u64| {
        packets += milliseconds / 20;
        recording.wait(&format!("{packets} packets of audio"), |recording| {
            recording.buffers("alice", "audio") >= Some(packets)
        });
    };
    for (before, stall) in [(3000, 5000), (3000, 600)] {
        record(before);
        alice.pause_video(true);
        record(stall);
        alice.pause_video(false);
    }
    record(3000);
    let recorded = recording.finish_arrived(&[("alice", &alice)]);
    let report = recorded.only("alice");
    assert_eq!(report.time_faults(), Vec::<String>::new());
    let offsets = &report.beep_offsets;
    let apart = offsets.iter().filter(|ms| ms.abs() >= TOGETHER).count();
    assert!(apart == 0 && offsets.len() > 8, "{offsets:.0?}");
}

/// How long all of the publisher's process stands still. What it captures meanwhile is nobody's.
const SLEEP: Duration = Duration::from_secs(5);

#[test]
fn a_guest_whose_computer_slept_is_in_time_again() {
    let elsewhere = Elsewhere::alice();
    let mut recording = Recording::start(&elsewhere.server, "r", |_| {});
    recording.wait_for_frames(&["alice"], 90);
    elsewhere.publisher.signal("STOP");
    let wakes = Instant::now() + SLEEP;
    while Instant::now() < wakes {
        recording.read_bus(Duration::from_millis(50));
    }
    elsewhere.publisher.signal("CONT");
    recording.wait("another part", |recording| recording.parts_opened() == 2);
    recording.wait_for_frames(&["alice"], 90);
    let recorded = recording.finish();
    let parts = &recorded.files["alice"];
    assert_eq!(parts.len(), 2, "{parts:#?}");
    for (path, report) in parts {
        assert_whole(&path.display().to_string(), report);
    }
    let counters = parts
        .iter()
        .filter_map(|(_, r)| r.video.as_ref()?.counters.clone());
    let counters: Vec<_> = counters.collect();
    let missing = counters[1].first - counters[0].last;
    let seconds = SLEEP.as_secs() as u32 + 2;
    assert!(missing < 30 * seconds, "{counters:?}");
}

#[test]
fn an_old_keyframe_that_comes_first_is_left_out() {
    let server = RoomServer::start(Dialect::Hosted);
    let alice = guest(&server, "alice").with_cached_keyframe();
    let alice = alice.start().unwrap();
    // Its only keyframe is that which the first viewer has asked for.
    let mut first = Recording::start(&server, "r", |_| {});
    first.wait_for_frames(&["alice"], 4 * 15);
    let mut second = Recording::start(&server, "r", |_| {});
    second.wait_for_frames(&["alice"], 4 * 15);
    second.finish_complete(&[("alice", &alice)]);
    first.stop();
}
