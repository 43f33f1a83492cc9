// SPDX-License-Identifier: MPL-2.0
//! Who belongs together, and when a recording of theirs begins and ends.

use std::sync::atomic::Ordering;

use gst::prelude::*;

use crate::media::{self, Media};
use crate::playback::play;
use crate::room::{Intro, Recorder, Sender, send_until, wait_for};

fn one_person(video: &'static Media, audio: &'static Media, extension: &str) {
    let mut recorder = Recorder::new();
    let mut video = Sender::named(&recorder, "video_alice", video);
    let mut audio = Sender::named(&recorder, "audio_alice", audio);
    video.skip_to(2000);
    audio.skip_to(2300);
    send_until(6000, &mut [&mut video, &mut audio]);
    let closed = recorder.end();
    assert_eq!(closed.len(), 1, "{closed:#?}");
    let file = closed[0].file();
    assert_eq!(file, recorder.folder.0.join(format!("alice-1.{extension}")));
    let played = play(&file);
    assert_eq!(played.frames, video.sent);
    let lost = (audio.sent as i64 * 20) - played.audio_ms as i64;
    assert!(
        lost.abs() <= 40,
        "{lost} ms of audio are missing: {played:?}"
    );
    let offset = played.first_audio_ms.unwrap() - played.first_frame_ms.unwrap();
    assert!(
        (offset - 300).abs() <= 30,
        "offset of audio is {offset} ms: {played:?}"
    );
    assert_eq!(closed[0].fields.get::<i64>("start").unwrap(), 2_000_000_000);
}

#[test]
fn h264_and_opus_share_a_transport_stream_and_keep_their_offset() {
    one_person(media::h264(), media::opus(), "ts");
}

#[test]
fn h265_and_opus_share_a_transport_stream_and_keep_their_offset() {
    one_person(media::h265(), media::opus(), "ts");
}

#[test]
fn vp8_and_opus_share_a_matroska_file_and_keep_their_offset() {
    one_person(media::vp8(), media::opus(), "mkv");
}

#[test]
fn vp9_and_pcmu_share_a_matroska_file_and_keep_their_offset() {
    one_person(media::vp9(), media::pcmu(), "mkv");
}

#[test]
fn h264_and_pcma_share_a_matroska_file_and_keep_their_offset() {
    one_person(media::h264(), media::pcma(), "mkv");
}

#[test]
fn av1_and_opus_share_a_matroska_file_and_keep_their_offset() {
    one_person(media::av1(), media::opus(), "mkv");
}

#[test]
fn vp8_and_g722_share_a_matroska_file_and_keep_their_offset() {
    one_person(media::vp8(), media::g722(), "mkv");
}

#[test]
fn h264_and_opus_as_they_come_out_of_rtp_share_a_transport_stream() {
    one_person(media::h264_from_rtp(), media::opus_from_rtp(), "ts");
}

#[test]
fn vp8_and_opus_as_they_come_out_of_rtp_share_a_matroska_file() {
    one_person(media::vp8_from_rtp(), media::opus_from_rtp(), "mkv");
}

#[test]
fn vp9_and_opus_as_they_come_out_of_rtp_share_a_matroska_file() {
    one_person(media::vp9_from_rtp(), media::opus_from_rtp(), "mkv");
}

#[test]
fn h264_and_opus_go_to_matroska_when_asked_for() {
    let mut recorder =
        Recorder::with(|sink, _| sink.set_property_from_str("container", "matroska"));
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(3000, &mut [&mut video, &mut audio]);
    let closed = recorder.end();
    assert!(closed[0].file().ends_with("alice-1.mkv"), "{closed:?}");
    assert_eq!(play(&closed[0].file()).frames, video.sent);
}

#[test]
fn a_matroska_file_starts_at_zero_whenever_the_person_came() {
    let mut recorder = Recorder::new();
    let mut video = Sender::named(&recorder, "video_bob", media::vp8());
    video.skip_to(3000);
    send_until(5000, &mut [&mut video]);
    let closed = recorder.end();
    assert_eq!(play(&closed[0].file()).first_frame_ms, Some(0));
}

#[test]
fn a_finished_matroska_file_knows_its_duration_and_can_be_sought() {
    let mut recorder = Recorder::new();
    let mut video = Sender::named(&recorder, "video_bob", media::vp8());
    send_until(5000, &mut [&mut video]);
    let played = play(&recorder.end()[0].file());
    assert!(
        played.duration_ms.is_some_and(|d| d.abs_diff(5000) <= 1),
        "{played:?}"
    );
    assert!(played.is_seekable, "{played:?}");
}

#[test]
fn audio_alone_becomes_an_mka_file() {
    let mut recorder = Recorder::new();
    let mut audio = Sender::named(&recorder, "audio_carol", media::opus());
    send_until(3000, &mut [&mut audio]);
    let closed = recorder.end();
    assert!(closed[0].file().ends_with("carol-1.mka"), "{closed:?}");
    let played = play(&closed[0].file());
    assert!(played.audio_ms.abs_diff(3000) <= 40, "{played:?}");
}

#[test]
fn pads_with_the_same_group_id_share_a_file_and_others_do_not() {
    let mut recorder = Recorder::new();
    let (alice, bob) = (gst::GroupId::next(), gst::GroupId::next());
    let intro = |stream_id, group| Intro {
        stream_id,
        group: Some(group),
        promised: &[],
        person: None,
    };
    let connect = |media, id, group| Sender::connect(&recorder, None, media, &intro(id, group));
    let mut senders = [
        connect(media::vp8(), "studio/alice/1/video", alice),
        connect(media::vp8(), "studio/bob/1/video", bob),
        connect(media::opus(), "studio/alice/1/audio", alice),
        connect(media::opus(), "studio/bob/1/audio", bob),
    ];
    send_until(3000, &mut senders.each_mut());
    let mut closed = recorder.end();
    closed.sort_by_key(|p| p.text("stream"));
    let names: Vec<_> = closed
        .iter()
        .map(|p| (p.text("room"), p.text("stream")))
        .collect();
    let expected = ["alice", "bob"].map(|s| ("studio".to_owned(), s.to_owned()));
    assert_eq!(names, expected);
    for part in &closed {
        let played = play(&part.file());
        assert_eq!(played.frames, 45, "{part:?}");
        assert!(played.audio_ms >= 2900, "{played:?}");
    }
}

#[test]
fn the_person_of_the_sticky_event_is_in_the_name_and_in_the_manifest() {
    let mut recorder = Recorder::with(|sink, folder| {
        sink.set_property("location", folder.join("%l_%s.%e").to_str().unwrap());
    });
    let intro = Intro {
        stream_id: "x",
        group: None,
        promised: &[],
        person: Some(("studio", "s1", 7, "Zoë")),
    };
    let mut video = Sender::connect(&recorder, None, media::vp8(), &intro);
    send_until(1000, &mut [&mut video]);
    video.eos();
    let closed = recorder.end();
    assert!(closed[0].file().ends_with("Zoë_s1.mkv"), "{closed:?}");
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    let manifest = recorder.folder.manifest();
    let events: Vec<_> = manifest
        .iter()
        .map(|l| l["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["run", "part-opened", "part-closed"]);
    let line = &manifest[2];
    assert_eq!(line["room"], "studio");
    assert_eq!(line["label"], "Zoë");
    assert_eq!(line["session"], 7);
    assert_eq!(line["container"], "matroska");
    assert_eq!(line["ended"], "eos");
    assert_eq!(line["tracks"][0]["frames"], 15);
    assert_eq!(line["tracks"][0]["sizes"][0], "320x180");
    assert_eq!(line["end"], 1_000_000_000);
}

#[test]
fn a_part_waits_for_the_tracks_that_the_collection_promises() {
    let mut recorder = Recorder::new();
    let group = gst::GroupId::next();
    let intro = |stream_id| Intro {
        stream_id,
        group: Some(group),
        promised: &["studio/alice/1/video", "studio/alice/1/audio"],
        person: None,
    };
    let video = intro("studio/alice/1/video");
    let mut video = Sender::connect(&recorder, None, media::h264(), &video);
    send_until(500, &mut [&mut video]);
    let audio = intro("studio/alice/1/audio");
    let mut audio = Sender::connect(&recorder, None, media::opus(), &audio);
    audio.skip_to(500);
    send_until(3000, &mut [&mut video, &mut audio]);
    let closed = recorder.end();
    assert_eq!(closed.len(), 1, "{closed:#?}");
    assert_eq!(play(&closed[0].file()).frames, video.sent);
}

#[test]
fn a_track_that_ends_before_the_other_begins_is_in_the_same_file() {
    let mut recorder = Recorder::new();
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    let mut video = Sender::named(&recorder, "video_alice", media::vp8());
    send_until(2000, &mut [&mut audio]);
    audio.eos();
    send_until(2000, &mut [&mut video]);
    video.eos();
    let closed = recorder.end();
    assert_eq!(closed.len(), 1, "{closed:#?}");
    let played = play(&closed[0].file());
    assert_eq!(played.frames, video.sent);
    assert!(played.audio_ms >= 1960, "{played:?}");
}

#[test]
fn a_part_begins_with_a_keyframe_which_is_asked_for() {
    let mut recorder = Recorder::new();
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    video.skip_to(200);
    // The next keyframe comes after that.
    send_until(900, &mut [&mut video]);
    let asked = video.asked.clone();
    wait_for("a keyframe is asked for", || {
        (asked.load(Ordering::Relaxed) > 0).then_some(())
    });
    send_until(3000, &mut [&mut video]);
    let closed = recorder.end();
    let played = play(&closed[0].file());
    assert_eq!(played.frames, 30, "the two whole groups of frames");
    assert_eq!(closed[0].fields.get::<i64>("start").unwrap(), 1_000_000_000);
}

#[test]
fn a_person_who_leaves_is_closed_at_once_and_gets_a_second_part_on_return() {
    let mut recorder = Recorder::new();
    let mut bob = Sender::named(&recorder, "video_bob", media::vp8());
    let mut alice = Sender::named(&recorder, "video_alice", media::vp8());
    send_until(2000, &mut [&mut alice, &mut bob]);
    alice.unlink();
    assert!(
        recorder.sink.static_pad("video_alice").is_none(),
        "the pad is still there after it was unlinked"
    );
    let first = recorder.next("part-closed");
    assert!(first.file().ends_with("alice-1.mkv"), "{first:?}");
    assert_eq!(first.text("ended"), "unlinked");
    assert_eq!(play(&first.file()).frames, alice.sent);
    let mut back = Sender::named(&recorder, "video_alice", media::vp8());
    back.skip_to(4000);
    send_until(6000, &mut [&mut back, &mut bob]);
    let closed = recorder.end();
    let frames: Vec<_> = closed.iter().map(|p| play(&p.file()).frames).collect();
    assert_eq!(closed.len(), 2, "{closed:#?}");
    assert_eq!(frames.iter().sum::<usize>(), back.sent + bob.sent);
    assert!(recorder.folder.0.join("alice-2.mkv").exists());
}

#[test]
fn going_to_null_without_eos_finishes_the_file() {
    let mut recorder = Recorder::new();
    let mut video = Sender::named(&recorder, "video_alice", media::vp8());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(3000, &mut [&mut video, &mut audio]);
    let opened = recorder.next("part-opened");
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(play(&opened.file()).frames, video.sent);
    let manifest = recorder.folder.manifest();
    assert_eq!(manifest.last().unwrap()["ended"], "stop");
}

#[test]
fn an_element_that_ran_before_records_again() {
    let mut recorder = Recorder::new();
    for _ in 0..3 {
        let mut video = Sender::named(&recorder, "video_alice", media::vp8());
        send_until(1000, &mut [&mut video]);
        let closed = recorder.end();
        assert_eq!(closed.len(), 1);
        assert_eq!(play(&closed[0].file()).frames, video.sent);
        video.unlink();
        recorder.pipeline.set_state(gst::State::Null).unwrap();
        recorder.pipeline.set_state(gst::State::Playing).unwrap();
    }
    assert_eq!(
        recorder.folder.recordings().len(),
        3,
        "an earlier file was overwritten"
    );
}
