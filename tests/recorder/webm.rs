// SPDX-License-Identifier: MPL-2.0
//! `container=webm`: what WebM holds is WebM, everything else is recorded as ever.

use gst::prelude::*;
use vdoroom_testkit::check::{inspect, second_opinion};

use crate::media::{self, Media};
use crate::room::{Part, Recorder, Sender, send_until};

fn recorder() -> Recorder {
    Recorder::with(|sink, _| sink.set_property_from_str("container", "webm"))
}

fn endings(parts: &[Part]) -> Vec<String> {
    let ending = |part: &Part| {
        let file = part.file();
        file.extension().unwrap().to_str().unwrap().to_owned()
    };
    parts.iter().map(ending).collect()
}

fn is_webm(video: Option<&'static Media>) {
    let mut recorder = recorder();
    let mut senders = vec![Sender::named(&recorder, "audio_alice", media::opus())];
    senders.extend(video.map(|video| Sender::named(&recorder, "video_alice", video)));
    send_until(2000, &mut senders.iter_mut().collect::<Vec<_>>());
    let parts = recorder.end();
    assert_eq!(endings(&parts), ["webm"], "{parts:#?}");
    assert_eq!(parts[0].text("container"), "webm");
    let report = inspect(parts[0].file());
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
    assert_eq!(report.media.container.as_deref(), Some("WebM"));
    let frames = report.video.as_ref().map(|video| video.frames_decoded);
    assert_eq!(frames, video.map(|_| 30), "{report:#?}");
    if let Some(opinion) = second_opinion(parts[0].file()) {
        assert_eq!(opinion.complaints, Vec::<String>::new(), "{opinion:#?}");
    }
    assert_eq!(recorder.warnings, Vec::<String>::new());
}

#[test]
fn vp8_with_opus_is_webm() {
    is_webm(Some(media::vp8()));
}

#[test]
fn vp9_with_opus_is_webm() {
    is_webm(Some(media::vp9()));
}

#[test]
fn av1_with_opus_is_webm() {
    is_webm(Some(media::av1()));
}

#[test]
fn opus_alone_is_webm() {
    is_webm(None);
}

#[test]
fn what_webm_does_not_hold_is_recorded_as_ever_and_told_once() {
    let mut recorder = recorder();
    recorder
        .sink
        .set_property("max-size-time", 1_000_000_000_u64);
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(2500, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    assert_eq!(endings(&parts), ["ts", "ts", "ts"], "{parts:#?}");
    let [warning] = recorder.warnings.as_slice() else {
        panic!("one warning, not {:#?}", recorder.warnings);
    };
    let expected = "\"alice\" is recorded into MPEG-TS: container=webm does not hold H264";
    assert_eq!(warning, expected);
}

#[test]
fn a_track_that_comes_late_and_that_webm_does_not_hold_begins_a_part_that_holds_both() {
    let mut recorder = recorder();
    let mut video = Sender::named(&recorder, "video_alice", media::vp8());
    send_until(2000, &mut [&mut video]);
    recorder.next("part-opened");
    let mut audio = Sender::named(&recorder, "audio_alice", media::g722());
    audio.skip_to(2000);
    send_until(5000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    assert_eq!(endings(&parts), ["webm", "mkv"], "{parts:#?}");
    assert_eq!(parts[1].text("began"), "late-track");
    let frames: u64 = parts
        .iter()
        .map(|part| inspect(part.file()).video.unwrap().frames_decoded)
        .sum();
    assert_eq!(frames, 75, "every frame is in one of them: {parts:#?}");
    let [warning] = recorder.warnings.as_slice() else {
        panic!("one warning, not {:#?}", recorder.warnings);
    };
    assert!(warning.ends_with("does not hold G722"), "{warning}");
}
