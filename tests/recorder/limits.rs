// SPDX-License-Identifier: MPL-2.0
//! `max-size-time` and `max-size-bytes`: the parts together hold everything once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gst::prelude::*;
use vdoroom_testkit::check::{self, Report};

use crate::media::{self, Media};
use crate::playback::play;
use crate::room::{Part, Recorder, Sender, send_live_until, send_until};

const MS: i64 = 1_000_000;
/// All material has a keyframe a second, and packets of audio of 20 ms.
const GOP: i64 = 1_000 * MS;
const PACKET: i64 = 20 * MS;

/// A property and its value.
type Limit = (&'static str, u64);

const TIME: Limit = ("max-size-time", 1_800_000_000);
const BYTES: Limit = ("max-size-bytes", 25_000);

fn recorder(limit: Limit) -> Recorder {
    Recorder::with(|sink, _| sink.set_property(limit.0, limit.1))
}

fn track<T: for<'a> gst::glib::value::FromValue<'a> + 'static>(
    part: &Part,
    kind: &str,
    field: &str,
) -> T {
    let tracks: gst::Array = part.fields.get("tracks").unwrap();
    let mut tracks = tracks.iter().map(|t| t.get::<gst::Structure>().unwrap());
    let of_kind = |t: &gst::Structure| t.get::<&str>("kind") == Ok(kind);
    tracks.find(of_kind).unwrap().get(field).unwrap()
}

fn number(part: &Part, field: &str) -> i64 {
    part.fields.get(field).unwrap()
}

/// Decodes every part; each has to be whole.
fn reports(parts: &[Part]) -> Vec<Report> {
    let check = |part: &Part| {
        let report = check::inspect(part.file());
        assert_eq!(
            report.problems(),
            Vec::<String>::new(),
            "{part:?} {report:#?}"
        );
        report
    };
    parts.iter().map(check).collect()
}

/// The numbers in the frames go on from part to part, up to the last one that was sent.
fn assert_frames_go_on(reports: &[Report], sent: usize) {
    let mut next = 0;
    for report in reports {
        let video = report.video.as_ref().unwrap();
        let counters = video.counters.as_ref().unwrap();
        assert_eq!(counters.first, next, "{reports:#?}");
        next = counters.last + 1;
    }
    assert_eq!(next as usize, sent, "{reports:#?}");
}

/// Each part's audio begins where that of the one before ends, and all packets are there.
fn assert_audio_goes_on(parts: &[Part], reports: &[Report], sent: usize) {
    for pair in parts.windows(2) {
        let (end, start): (i64, i64) = (
            track(&pair[0], "audio", "end"),
            track(&pair[1], "audio", "start"),
        );
        assert!((start - end).abs() < PACKET, "{pair:#?}");
    }
    let packets: u64 = parts
        .iter()
        .map(|p| track::<u64>(p, "audio", "frames"))
        .sum();
    assert_eq!(packets as usize, sent, "{parts:#?}");
    let samples: u64 = reports
        .iter()
        .map(|r| r.audio.as_ref().unwrap().samples)
        .sum();
    // A decoder of Opus skips the 6.5 ms that its encoder has put before the stream.
    let missing = (sent * 960) as i64 - samples as i64;
    assert!(
        (0..=312).contains(&missing),
        "{missing} samples are missing: {reports:#?}"
    );
}

fn assert_limit(parts: &[Part], limit: Limit) {
    for part in &parts[..parts.len() - 1] {
        assert_eq!(part.text("ended"), limit.0, "{part:?}");
        if limit == TIME {
            let long = number(part, "end") - number(part, "start");
            assert!(long <= TIME.1 as i64 + GOP, "{part:?}");
        } else {
            let bytes: u64 = part.fields.get("bytes").unwrap();
            // A second is 37,500 bytes at the bitrate that was asked for.
            assert!((BYTES.1..BYTES.1 + 75_000).contains(&bytes), "{part:?}");
        }
    }
}

fn split(video: Option<&'static Media>, extension: &str, limit: Limit) {
    let mut recorder = recorder(limit);
    let mut video = video.map(|media| Sender::named(&recorder, "video_alice", media));
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    let mut all: Vec<&mut Sender> = video.iter_mut().chain([&mut audio]).collect();
    send_until(9500, &mut all);
    let parts = recorder.end();
    assert!(parts.len() >= 3, "{parts:#?}");
    let is_right = |p: &Part| p.file().extension().is_some_and(|e| e == extension);
    assert!(parts.iter().all(is_right), "{parts:#?}");
    let reports = reports(&parts);
    if let Some(video) = &video {
        assert_frames_go_on(&reports, video.sent);
        let asked = video.asked.load(Ordering::Relaxed);
        assert!(asked > 0, "no keyframe was asked for");
    }
    assert_audio_goes_on(&parts, &reports, audio.sent);
    assert_limit(&parts, limit);
}

#[test]
fn h264_is_split_by_time() {
    split(Some(media::counted_h264()), "ts", TIME);
}

#[test]
fn h264_is_split_by_bytes() {
    split(Some(media::counted_h264()), "ts", BYTES);
}

#[test]
fn h265_is_split_by_time() {
    split(Some(media::counted_h265()), "ts", TIME);
}

#[test]
fn h265_is_split_by_bytes() {
    split(Some(media::counted_h265()), "ts", BYTES);
}

#[test]
fn vp8_is_split_by_time() {
    split(Some(media::counted_vp8()), "mkv", TIME);
}

#[test]
fn vp8_is_split_by_bytes() {
    split(Some(media::counted_vp8()), "mkv", BYTES);
}

#[test]
fn vp9_is_split_by_time() {
    split(Some(media::counted_vp9()), "mkv", TIME);
}

#[test]
fn vp9_is_split_by_bytes() {
    split(Some(media::counted_vp9()), "mkv", BYTES);
}

#[test]
fn audio_alone_is_split_by_time() {
    split(None, "mka", TIME);
}

#[test]
fn audio_alone_is_split_by_bytes() {
    split(None, "mka", BYTES);
}

#[test]
fn parameter_sets_that_are_sent_once_are_in_every_part() {
    for media in [
        media::h264_with_headers_once(),
        media::h265_with_headers_once(),
    ] {
        split(Some(media), "ts", TIME);
    }
}

#[test]
fn parameter_sets_that_are_sent_once_are_in_every_matroska_file() {
    for media in [
        media::h264_with_headers_once(),
        media::h265_with_headers_once(),
    ] {
        let mut recorder = Recorder::with(|sink, _| {
            sink.set_property_from_str("container", "matroska");
            sink.set_property(TIME.0, TIME.1);
        });
        let mut video = Sender::named(&recorder, "video_alice", media);
        send_until(9500, &mut [&mut video]);
        let parts = recorder.end();
        assert_eq!(parts.len(), 5, "{parts:#?}");
        assert_frames_go_on(&reports(&parts), video.sent);
    }
}

#[test]
fn a_source_that_answers_no_request_is_split_at_the_keyframe_that_comes() {
    let mut recorder = recorder(TIME);
    let media = media::counted_vp8_with_rare_keyframes();
    let mut video = Sender::named(&recorder, "video_alice", media);
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(9900, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 2, "{parts:#?}");
    assert_eq!(number(&parts[1], "start"), 5_000 * MS, "{parts:#?}");
    let reports = reports(&parts);
    assert_frames_go_on(&reports, video.sent);
    assert_audio_goes_on(&parts, &reports, audio.sent);
}

#[test]
fn a_maximum_below_a_group_of_frames_makes_a_part_of_each() {
    let mut recorder = recorder(("max-size-time", 100_000_000));
    let mut video = Sender::named(&recorder, "video_alice", media::counted_h264());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(5_000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 5, "{parts:#?}");
    let reports = reports(&parts);
    assert_frames_go_on(&reports, video.sent);
    assert_audio_goes_on(&parts, &reports, audio.sent);
}

/// Two cameras; the second one's keyframes come at other times.
fn two_cameras(first: &'static Media, second: &'static Media) {
    let mut recorder = recorder(TIME);
    let mut camera = Sender::named(&recorder, "video_alice", first);
    let mut other = Sender::named(&recorder, "video_alice-1", second);
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(9500, &mut [&mut camera, &mut other, &mut audio]);
    let parts = recorder.end();
    let frames: usize = parts.iter().map(|p| play(&p.file()).frames).sum();
    assert_eq!(frames, camera.sent + other.sent, "{parts:#?}");
}

#[test]
fn two_cameras_in_a_transport_stream_are_split_at_their_own_keyframes() {
    two_cameras(media::counted_h264(), media::h264_small());
}

#[test]
fn two_cameras_in_matroska_are_split_at_their_own_keyframes() {
    two_cameras(
        media::counted_vp8(),
        media::counted_vp8_with_rare_keyframes(),
    );
}

#[test]
fn a_maximum_that_is_set_while_playing_holds_for_the_part_that_is_open() {
    let mut recorder = Recorder::new();
    let mut video = Sender::named(&recorder, "video_alice", media::counted_h264());
    send_live_until(1_000, &mut [&mut video]);
    recorder.next("part-opened");
    recorder.sink.set_property(TIME.0, TIME.1);
    send_until(4_500, &mut [&mut video]);
    recorder.next("part-opened");
    recorder.sink.set_property(TIME.0, 0u64);
    send_until(9_500, &mut [&mut video]);
    let parts = recorder.end();
    assert_frames_go_on(&reports(&parts), video.sent);
    assert!((2..=3).contains(&parts.len()), "{parts:#?}");
    assert_eq!(number(&parts[1], "start"), 2_000 * MS, "{parts:#?}");
}

#[test]
fn a_long_part_splits_as_soon_as_a_smaller_maximum_is_set() {
    let hour = Duration::from_secs(3600).as_nanos() as u64;
    let mut recorder = recorder(("max-size-time", hour));
    let mut video = Sender::named(&recorder, "video_alice", media::counted_vp8());
    send_live_until(3_000, &mut [&mut video]);
    recorder.next("part-opened");
    recorder
        .sink
        .set_property("max-size-time", 1_000_000_000u64);
    send_until(4_100, &mut [&mut video]);
    let parts = recorder.end();
    assert_eq!(number(&parts[1], "start"), 3_000 * MS, "{parts:#?}");
    assert_frames_go_on(&reports(&parts), video.sent);
}
