// SPDX-License-Identifier: MPL-2.0
//! What a recording loses on a network that loses packets.

use std::time::Duration;

use gst::prelude::*;
use vdoroom_testkit::netns::Impairment;
use vdoroom_testkit::{Codec, Publisher};

use crate::lossy::{Guest, Outcome, damage, frames, record};

const VP8: Guest<'_> = ("vp8", |guest| guest.codec(Codec::Vp8));
const H264: Guest<'_> = ("h264", |guest| guest.codec(Codec::H264));

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn one_packet_in_twenty_lost_is_repaired() {
    let wire = Impairment {
        seed: 1,
        loss_percent: 5.0,
        delay: ms(25),
        ..Default::default()
    };
    let guests: [Guest<'_>; 4] = [
        VP8,
        H264,
        ("vp8_again", |guest| guest.codec(Codec::Vp8).without_rtx()),
        ("h264_again", |guest| guest.codec(Codec::H264).without_rtx()),
    ];
    let Some((publishers, recorded)) = record(guests, wire, |_| {}, frames(600)) else {
        return;
    };
    let mut sum = Outcome::default();
    for (name, _) in guests {
        let outcome = Outcome::of(recorded.only(name));
        eprintln!("{name}: {outcome}");
        // Without repairs some 57 in 100 are whole.
        assert!(outcome.whole_percent() >= 98.0, "{name}: {outcome}");
        sum += outcome;
    }
    // The manual's table says 100, and that a machine with too much to do loses a few.
    assert!(sum.whole_percent() >= 99.5, "{sum}");
    assert_eq!(sum.damaged, 0, "{sum}");
    let resent = publishers.map(|publisher| publisher.resent_packets());
    assert!(
        resent[2] > 0 && resent[3] > 0,
        "nothing was sent again: {resent:?}"
    );
}

/// A recording with a hole, and how many seconds of it the manifest calls missing and corrupted.
#[derive(Debug)]
struct Holed {
    outcome: Outcome,
    missing: f64,
    corrupted: f64,
}

/// Everything is lost for a while, and nothing of it is asked for again.
fn record_with_a_hole(waits: bool) -> Vec<Holed> {
    const HOLE: Duration = Duration::from_millis(400);
    let wire = Impairment {
        loss_percent: 100.0,
        ..Default::default()
    };
    let set = |source: &gst::Element| {
        source.set_property("do-retransmission", false);
        source.set_property("wait-for-keyframe", waits);
    };
    let mut before = [0; 2];
    let hole = |publishers: &[Publisher; 2]| {
        before = publishers.each_ref().map(Publisher::keyframe_requests);
        // The hole itself.
        std::thread::sleep(HOLE);
    };
    let Some((publishers, recorded)) = record([VP8, H264], wire, set, hole) else {
        return vec![];
    };
    let requests = publishers.map(|publisher| publisher.keyframe_requests());
    assert!(
        before
            .iter()
            .zip(requests)
            .all(|(before, now)| *before < now),
        "keyframes were asked for {before:?} times before the hole, and {requests:?} in all"
    );
    let of = |name| {
        let (missing, corrupted) = damage(&recorded, name);
        let holed = Holed {
            outcome: Outcome::of(recorded.only(name)),
            missing,
            corrupted,
        };
        eprintln!("{name}: {holed:?}");
        assert!(missing >= HOLE.as_secs_f64() * 0.9, "{name}: {holed:?}");
        holed
    };
    ["vp8", "h264"].map(of).into()
}

#[test]
fn after_a_hole_video_goes_on_with_a_keyframe_and_is_as_it_was_sent() {
    for holed in record_with_a_hole(true) {
        assert_eq!(holed.outcome.damaged, 0, "{holed:?}");
        assert_eq!(holed.corrupted, 0.0, "{holed:?}");
        let seconds = holed.outcome.missing as f64 / 30.0;
        assert!((holed.missing - seconds).abs() < 0.1, "{holed:?}");
    }
}

#[test]
fn damaged_frames_that_are_kept_are_told_of() {
    for holed in record_with_a_hole(false) {
        // The last one is told of until the next begins.
        let seconds = holed.outcome.damaged as f64 / 30.0;
        assert!(
            holed.outcome.damaged > 0,
            "{holed:?}: the hole did not matter"
        );
        assert!(holed.corrupted > seconds - 0.05, "{holed:?}");
    }
}

#[test]
fn a_way_that_is_too_long_for_repairs_is_told_with_what_to_set() {
    let wire = Impairment {
        seed: 3,
        loss_percent: 5.0,
        delay: ms(300),
        ..Default::default()
    };
    let Some((_, recorded)) = record([VP8], wire, |_| {}, frames(150)) else {
        return;
    };
    let said = recorded.complaints.join("\n");
    let value = said.split("set latency=").nth(1);
    let value = value.and_then(|value| value.split(|c: char| !c.is_ascii_digit()).next());
    let value = value.and_then(|value| value.parse::<u32>().ok());
    // Twice 600 ms and 100, or twice as much where the ping that measures the way was itself lost and sent
    // again by SCTP.
    let suits = value.is_some_and(|value| (1300..=3000).contains(&value));
    assert!(said.contains("\"vp8\"") && suits, "said: {said}");
    assert_eq!(Outcome::of(recorded.only("vp8")).damaged, 0);
}
