// SPDX-License-Identifier: MPL-2.0
//! Audio and video of a person together, and everybody on one timeline.
//!
//! The publishers flash and beep with each second of their clocks. Their media is late, or their
//! clocks are fast, and only their sender reports tell.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use vdoroom_testkit::check::layout::{Part, apart, median, start_and_end, utc};
use vdoroom_testkit::publisher::{PublisherBuilder, SenderReports, Timeline};
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer};

use crate::recording::Recording;

/// A clock that is this wrong for 42 s is as far off as a bad crystal (200 ppm) after seven minutes.
const PPM: u32 = 2000;
const RATE: u32 = 15;
const LATE: Duration = Duration::from_millis(200);
/// Milliseconds between flash and beep of one person.
const TOGETHER: f64 = 40.0;
/// Milliseconds between what two people did at the same instant.
const SAME_INSTANT: f64 = 50.0;

fn guest(server: &RoomServer, name: &str) -> PublisherBuilder {
    Publisher::builder(server.url(), "r", name)
        .codec(Codec::Vp8)
        .frame_rate(RATE)
}

/// Waits until so many more seconds of frames of `stream` have been received.
fn record(recording: &mut Recording, stream: &str, seconds: u64) {
    let enough = recording.frames(stream) + seconds * u64::from(RATE);
    let per_wait = 10 * u64::from(RATE);
    while recording.frames(stream) < enough {
        let next = enough.min(recording.frames(stream) + per_wait);
        recording.wait_for_frames(&[stream], next);
    }
}

#[test]
fn audio_and_video_stay_together_and_people_are_on_one_timeline() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let start = |guest: PublisherBuilder| guest.start().unwrap();
    let timeline = Timeline::now();
    let people = [
        start(guest(&server, "fast_clock").timeline(&Timeline::fast(PPM))),
        start(guest(&server, "fast_card").fast_sound_card(PPM)),
        start(guest(&server, "late_audio").audio_delay(LATE)),
        start(guest(&server, "late_video").video_delay(LATE)),
        start(guest(&server, "first").timeline(&timeline)),
    ];
    record(&mut recording, "first", 18);
    // In the other container.
    let second = guest(&server, "second").codec(Codec::H264);
    let second = start(second.timeline(&timeline));
    record(&mut recording, "first", 24);
    let (manifest, parts) = recording.finish_and_lay_out();
    for person in people.iter().chain([&second]) {
        assert_eq!(person.complaints(), Vec::<String>::new());
    }
    assert_eq!(parts.len(), people.len() + 1, "{manifest:#?}");
    for part in &parts {
        assert_together(part);
    }
    assert_same_instants(&parts, "first", "second");
    let of = |name: &str| parts.iter().find(|part| part.stream() == name).unwrap();
    assert_true_utc(of("first"), timeline.origin());
    assert_sender_tells_utc(of("first"));
    assert_sender_tells_utc(of("late_audio"));
    assert_times_fit(&manifest);
}

/// Flash and beep of a person.
fn assert_together(part: &Part) {
    let (name, offsets) = (part.stream(), &part.report.flash_beep_offsets);
    println!("{name}: beep after flash (ms): {offsets:.0?}");
    assert_eq!(part.problem(), None);
    let [start, end] = part.beep_after_flash();
    assert!(
        start.abs() < TOGETHER,
        "{name}, at the start: {offsets:.0?}"
    );
    assert!(end.abs() < TOGETHER, "{name}, at the end: {offsets:.0?}");
}

fn assert_same_instants(parts: &[Part], one: &str, other: &str) {
    let of = |name: &str| parts.iter().find(|part| part.stream() == name).unwrap();
    let flashes = apart(&of(one).flashes(), &of(other).flashes());
    let beeps = apart(&of(one).beeps(), &of(other).beeps());
    for (what, apart) in [("flashes", flashes), ("beeps", beeps)] {
        println!("{what} of {other} after those of {one} (ms): {apart:.0?}");
        let [start, end] = start_and_end(&apart);
        assert!(
            start.abs() < SAME_INSTANT,
            "{what}, at the start: {apart:.0?}"
        );
        assert!(end.abs() < SAME_INSTANT, "{what}, at the end: {apart:.0?}");
    }
}

/// Flashes come with whole seconds after `origin`, and their way to us takes a few milliseconds.
fn assert_true_utc(part: &Part, origin: SystemTime) {
    let ways = part.flashes().into_iter().map(|flash| {
        let at = part.start_utc() + (flash - part.start());
        let since = at.duration_since(origin).unwrap().as_secs_f64();
        (since - since.round()) * 1000.0
    });
    let way = median(&ways.collect::<Vec<_>>());
    assert!(
        (-5.0..150.0).contains(&way),
        "a flash comes {way:.0} ms after it was shown"
    );
}

/// The publisher's clock is this machine's, and says when what a track begins with was captured.
fn assert_sender_tells_utc(part: &Part) {
    const SECONDS_1900_TO_1970: u64 = 2_208_988_800;
    for track in part.entry["tracks"].as_array().unwrap() {
        assert_eq!(track["sender-clock"], "timestamp/x-ntp", "{track}");
        let since_1900 = Duration::from_nanos(track["sender-time"].as_u64().unwrap());
        let since_1970 = since_1900 - Duration::from_secs(SECONDS_1900_TO_1970);
        let captured = SystemTime::UNIX_EPOCH + since_1970;
        let start = Duration::from_nanos(track["start"].as_u64().unwrap());
        // The manifest's times are cut to the millisecond.
        let placed = part.start_utc() + (start - part.start()) + Duration::from_millis(1);
        let way = placed.duration_since(captured).unwrap();
        assert!(way < Duration::from_millis(150) + LATE, "{way:?}: {track}");
    }
}

/// Each part's start in UTC is its running time, seen from the line that ties the two.
fn assert_times_fit(manifest: &[Value]) {
    let anchor = &manifest[0];
    let (anchor_time, anchor_utc) = (&anchor["running-time"], utc(&anchor["utc"]));
    for line in manifest
        .iter()
        .filter(|line| line["event"] == "part-closed")
    {
        for (time, text) in [("start", "start-utc"), ("end", "end-utc")] {
            let running = line[time].as_i64().unwrap() - anchor_time.as_i64().unwrap();
            let by_utc = match utc(&line[text]).duration_since(anchor_utc) {
                Ok(after) => after.as_millis() as i64,
                Err(before) => -(before.duration().as_millis() as i64),
            };
            let by_running_time = running.div_euclid(1_000_000);
            // Each is cut to the millisecond.
            assert!((by_utc - by_running_time).abs() <= 1, "{line}");
        }
    }
}

#[test]
fn reports_that_lie_neither_move_nor_lose_media() {
    let lies = [
        ("no_time", SenderReports::ZeroNtp),
        ("another_hour_each_time", SenderReports::JumpingNtp),
        (
            "video_of_2_s_later",
            SenderReports::LateVideo { seconds: 2 },
        ),
        ("of_video_only", SenderReports::VideoOnly),
        ("none", SenderReports::None),
    ];
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let people = lies.map(|(name, reports)| {
        guest(&server, name)
            .sender_reports(reports)
            .start()
            .unwrap()
    });
    let [(first, _), ..] = lies;
    record(&mut recording, first, 15);
    let (manifest, parts) = recording.finish_and_lay_out();
    assert_eq!(parts.len(), people.len(), "{manifest:#?}");
    for part in &parts {
        let (name, offsets) = (part.stream(), &part.report.flash_beep_offsets);
        println!("{name}: beep after flash (ms): {offsets:.0?}");
        // By arrival, for want of anything better.
        assert_eq!(part.problem(), None);
        if ["no_time", "none"].contains(&name) {
            let tracks = part.entry["tracks"].as_array().unwrap();
            let knows = |track: &Value| track.get("sender-time").is_some();
            assert!(!tracks.iter().any(knows), "{}", part.entry);
        }
    }
}
