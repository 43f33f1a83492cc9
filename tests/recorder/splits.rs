// SPDX-License-Identifier: MPL-2.0
//! Where one part ends and the next begins: nothing is lost or doubled there.

use std::sync::atomic::Ordering;

use crate::media::{self, Media};
use crate::playback::{Played, play};
use crate::room::{Intro, Part, Recorder, Sender, send_live_until, send_until, wait_for};

fn frames(parts: &[Part]) -> Vec<usize> {
    parts.iter().map(|p| play(&p.file()).frames).collect()
}

fn audio_ms(played: &[Played]) -> u64 {
    played.iter().map(|p| p.audio_ms).sum()
}

/// Audio that comes `late_ms` after the video.
fn late_audio(container: &str, video: &'static Media) {
    let mut recorder = Recorder::in_container(container);
    let mut video = Sender::named(&recorder, "video_alice", video);
    send_until(3500, &mut [&mut video]);
    recorder.next("part-opened");
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    audio.skip_to(3500);
    send_until(8000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    let played: Vec<_> = parts.iter().map(|p| play(&p.file())).collect();
    assert_eq!(parts.len(), 2, "{parts:#?}");
    let frames: Vec<_> = played.iter().map(|p| p.frames).collect();
    assert_eq!(
        frames,
        [60, 60],
        "cut at the keyframe after 4 s: {played:?}"
    );
    assert_eq!(played[0].audio_ms, 0);
    let missing = audio.sent as i64 * 20 - audio_ms(&played) as i64;
    assert!(missing.abs() <= 40, "{missing} ms of audio are missing");
    assert_eq!(parts[0].text("ended"), "late-track");
    assert_eq!(parts[1].text("began"), "late-track");
    assert!(
        video.asked.load(Ordering::Relaxed) > 0,
        "no keyframe was asked for"
    );
}

#[test]
fn audio_that_comes_later_begins_a_second_transport_stream_at_a_keyframe() {
    late_audio("auto", media::h264());
}

#[test]
fn audio_that_comes_later_begins_a_second_matroska_file_at_a_keyframe() {
    late_audio("auto", media::vp8());
}

#[test]
fn audio_that_comes_later_begins_a_second_mp4_file_at_a_keyframe() {
    late_audio("mp4", media::h264());
}

/// A microphone comes later; the camera has a keyframe to cut at, the screen has none for long.
fn screen_without_keyframes(camera: &'static Media, rare: &'static Media, soon: &'static Media) {
    let mut recorder = Recorder::new();
    let group = Some(gst::GroupId::next());
    let connect = |stream_id, media| {
        let (promised, person): (&[&str], _) = (&[], None);
        let intro = Intro {
            stream_id,
            group,
            promised,
            person,
        };
        Sender::connect(&recorder, None, media, &intro)
    };
    let mut screen = connect("room/alice/1/video-2", rare);
    let mut camera = connect("room/alice/1/video", camera);
    let mut microphone = connect("room/alice/1/audio", media::opus());
    send_until(2000, &mut [&mut screen, &mut camera]);
    recorder.next("part-opened");
    microphone.skip_to(2500);
    send_until(9000, &mut [&mut screen, &mut camera, &mut microphone]);
    let second = recorder.next("part-opened");
    wait_for("most of the second part is on the disk", || {
        (second.file().metadata().unwrap().len() > 50_000).then_some(())
    });
    wait_for("the screen is asked for a keyframe until it comes", || {
        (screen.asked.load(Ordering::Relaxed) >= 2).then_some(())
    });
    screen.change(soon);
    send_until(10_000, &mut [&mut screen, &mut camera, &mut microphone]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 2, "{parts:#?}");
    let all: usize = frames(&parts).iter().sum();
    assert_eq!(all, screen.sent + camera.sent, "{parts:#?}");
}

#[test]
fn a_screen_without_keyframes_does_not_hold_back_the_next_transport_stream() {
    screen_without_keyframes(
        media::h264(),
        media::h264_with_one_keyframe(),
        media::h264_small(),
    );
}

#[test]
fn a_screen_without_keyframes_does_not_hold_back_the_next_matroska_file() {
    screen_without_keyframes(
        media::vp8(),
        media::vp8_with_one_keyframe(),
        media::vp8_small(),
    );
}

#[test]
fn video_that_comes_later_begins_a_second_file_with_its_first_frame() {
    let mut recorder = Recorder::new();
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_live_until(1500, &mut [&mut audio]);
    let first = recorder.next("part-opened");
    assert!(first.file().ends_with("alice-1.mka"), "{first:?}");
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    video.skip_to(2000);
    send_until(6000, &mut [&mut audio, &mut video]);
    let parts = recorder.end();
    let played: Vec<_> = parts.iter().map(|p| play(&p.file())).collect();
    assert_eq!(parts.len(), 2, "{parts:#?}");
    assert!(parts[1].file().ends_with("alice-2.ts"), "{parts:?}");
    assert_eq!(played[1].frames, video.sent);
    let missing = audio.sent as i64 * 20 - audio_ms(&played) as i64;
    assert!(missing.abs() <= 60, "{missing} ms of audio are missing");
}

#[test]
fn a_change_of_codec_begins_a_second_file_of_its_kind() {
    let mut recorder = Recorder::new();
    let mut video = Sender::named(&recorder, "video_alice", media::vp8());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(3000, &mut [&mut video, &mut audio]);
    video.change(media::h264());
    send_until(6000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    assert_eq!(frames(&parts), [45, 45], "{parts:#?}");
    assert!(parts[0].file().ends_with("alice-1.mkv"));
    assert!(parts[1].file().ends_with("alice-2.ts"));
    assert_eq!(parts[1].text("began"), "codec-change");
}

#[test]
fn h264_that_comes_in_another_form_loses_no_frame() {
    let (bytes, avc) = (media::h264(), media::h264_from_rtp());
    // A transport stream that began with a parser takes both.
    for (from, to, frames_of_parts) in [(bytes, avc, vec![45, 45]), (avc, bytes, vec![90])] {
        let (_recorder, parts, _) = change("auto", from, to);
        assert_eq!(frames(&parts), frames_of_parts, "{parts:#?}");
    }
}

#[test]
fn h264_that_comes_in_another_form_stays_in_one_mp4_file() {
    let (bytes, avc) = (media::h264(), media::h264_from_rtp());
    for (from, to) in [(bytes, avc), (avc, bytes)] {
        let (_recorder, parts, _) = change("mp4", from, to);
        assert_eq!(frames(&parts), [90], "{parts:#?}");
    }
}

#[test]
fn every_frame_of_a_transport_stream_begins_with_a_delimiter() {
    let delimiters = |bytes: &[u8]| {
        let is_one = |nal: &&[u8]| nal[..4] == [0, 0, 0, 1] && nal[4] & 0x1f == 9;
        bytes.windows(5).filter(is_one).count()
    };
    for media in [media::h264(), media::h264_without_delimiters()] {
        let mut recorder = Recorder::new();
        let mut video = Sender::named(&recorder, "video_alice", media);
        send_until(3000, &mut [&mut video]);
        let parts = recorder.end();
        assert_eq!(frames(&parts), [45]);
        let file = std::fs::read(parts[0].file()).unwrap();
        assert_eq!(delimiters(&file), 45, "of {}", media.caps);
    }
}

/// Three seconds of each: the recorder, with which the files go, the parts, and how many frames
/// were sent.
fn change(
    container: &str,
    from: &'static Media,
    to: &'static Media,
) -> (Recorder, Vec<Part>, usize) {
    let mut recorder = Recorder::in_container(container);
    let mut video = Sender::named(&recorder, "video_alice", from);
    send_until(3000, &mut [&mut video]);
    video.change(to);
    send_until(6000, &mut [&mut video]);
    let parts = recorder.end();
    (recorder, parts, video.sent)
}

fn size_change(from: &'static Media, to: &'static Media) {
    let (_recorder, parts, sent) = change("auto", from, to);
    assert_eq!(parts.len(), 1, "{parts:#?}");
    let played = play(&parts[0].file());
    assert_eq!(played.frames, sent, "{played:?}");
    assert_eq!(played.sizes, [(320, 180), (160, 120)]);
}

#[test]
fn a_change_of_frame_size_stays_in_one_transport_stream() {
    size_change(media::h264(), media::h264_small());
}

#[test]
fn a_change_of_frame_size_stays_in_one_matroska_file() {
    size_change(media::vp8(), media::vp8_small());
}
