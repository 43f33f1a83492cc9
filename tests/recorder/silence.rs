// SPDX-License-Identifier: MPL-2.0
//! A track that says nothing holds back nobody, and does not break the recording into pieces.

use std::sync::atomic::Ordering;

use crate::media::{self, Media};
use crate::playback::play;
use crate::room::{Recorder, Sender, send_live_until, send_until};

/// The video stops for two seconds; then it goes on.
fn muted_camera(container: &str, video: &'static Media) {
    let mut recorder = Recorder::in_container(container);
    let mut video = Sender::named(&recorder, "video_alice", video);
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(1000, &mut [&mut video, &mut audio]);
    let part = recorder.next("part-opened");
    send_live_until(3000, &mut [&mut audio]);
    // What is on the disk at this moment is what would be left of a process that was killed.
    let copy = recorder.folder.0.join("killed.copy");
    std::fs::copy(part.file(), &copy).unwrap();
    let left = play(&copy);
    assert!(
        left.audio_ms >= 2000,
        "of 3 s of audio {} ms are on the disk",
        left.audio_ms
    );
    video.skip_to(3000);
    send_until(6000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 1, "{parts:#?}");
    let played = play(&parts[0].file());
    assert_eq!(played.frames, video.sent, "{played:?}");
    let missing = audio.sent as i64 * 20 - played.audio_ms as i64;
    assert!(missing.abs() <= 40, "{missing} ms of audio are missing");
}

/// Audio keeps its time in the file, whether there are frames or not.
fn audio_ends_at(expected_ms: i64, recorder: &mut Recorder) {
    let parts = recorder.end();
    assert_eq!(parts.len(), 1, "{parts:#?}");
    let played = play(&parts[0].file());
    let off = played.audio_end_ms - expected_ms;
    assert!(off.abs() <= 100, "audio ends {off} ms late: {played:?}");
}

fn audio_of_a_muted_camera(container: &str, video: &'static Media) {
    let mut recorder = Recorder::in_container(container);
    let mut video = Sender::named(&recorder, "video_alice", video);
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(2000, &mut [&mut video, &mut audio]);
    send_live_until(7000, &mut [&mut audio]);
    video.skip_to(7000);
    send_until(9000, &mut [&mut video, &mut audio]);
    audio_ends_at(9000, &mut recorder);
}

#[test]
fn audio_keeps_its_time_in_a_transport_stream_while_the_camera_is_muted() {
    audio_of_a_muted_camera("auto", media::h264());
}

#[test]
fn audio_keeps_its_time_in_a_matroska_file_while_the_camera_is_muted() {
    audio_of_a_muted_camera("auto", media::vp8());
}

#[test]
fn audio_keeps_its_time_in_a_transport_stream_with_one_frame_a_second() {
    let mut recorder = Recorder::new();
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    for second in (0..10_000).step_by(1000) {
        video.skip_to(second);
        send_until(second + 20, &mut [&mut video]);
        send_live_until(second + 1000, &mut [&mut audio]);
    }
    assert_eq!(video.sent, 10);
    audio_ends_at(10_000, &mut recorder);
}

#[test]
fn a_muted_camera_does_not_hold_back_the_audio_of_a_transport_stream() {
    muted_camera("auto", media::h264());
}

#[test]
fn a_muted_camera_does_not_hold_back_the_audio_of_a_matroska_file() {
    muted_camera("auto", media::vp8());
}

/// The microphone stops for two seconds; then it goes on.
fn muted_microphone(container: &str, video: &'static Media) {
    let mut recorder = Recorder::in_container(container);
    let mut video = Sender::named(&recorder, "video_alice", video);
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(1000, &mut [&mut video, &mut audio]);
    let part = recorder.next("part-opened");
    audio.gap(1000);
    send_live_until(3000, &mut [&mut video]);
    let copy = recorder.folder.0.join("killed.copy");
    std::fs::copy(part.file(), &copy).unwrap();
    let left = play(&copy);
    assert!(
        left.frames >= 30,
        "of 45 frames {} are on the disk",
        left.frames
    );
    audio.skip_to(3000);
    send_until(6000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 1, "{parts:#?}");
    let played = play(&parts[0].file());
    assert_eq!(played.frames, video.sent, "{played:?}");
}

#[test]
fn a_muted_microphone_does_not_hold_back_the_frames_of_a_transport_stream() {
    muted_microphone("auto", media::h264());
}

#[test]
fn a_muted_microphone_does_not_hold_back_the_frames_of_a_matroska_file() {
    muted_microphone("auto", media::vp8());
}

/// The camera of a live source is 1.5 s behind its microphone, all the while.
fn late_camera(container: &str, video: &'static Media) {
    let mut recorder = Recorder::in_container(container);
    let mut video = Sender::named(&recorder, "video_alice", video);
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    video.is_live.store(true, Ordering::Relaxed);
    audio.is_live.store(true, Ordering::Relaxed);
    send_until(1000, &mut [&mut video, &mut audio]);
    let part = recorder.next("part-opened");
    for now in (1000..5000).step_by(100) {
        send_until(now + 1600, &mut [&mut audio]);
        send_until(now + 100, &mut [&mut video]);
        // The speed of life.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let copy = recorder.folder.0.join("killed.copy");
    std::fs::copy(part.file(), &copy).unwrap();
    let left = play(&copy);
    assert!(left.audio_ms >= 5500, "of 6.5 s of audio {left:?}");
    assert!(left.frames >= 60, "of 75 frames {left:?}");
    send_until(6500, &mut [&mut video]);
    let sent = (video.sent, audio.sent as u64 * 20);
    let parts = recorder.end();
    assert_eq!(parts.len(), 1, "{parts:#?}");
    let played = play(&parts[0].file());
    assert_eq!(played.frames, sent.0, "{played:?}");
    assert!(played.audio_ms.abs_diff(sent.1) <= 40, "{played:?}");
    assert!((played.audio_end_ms - 6500).abs() <= 100, "{played:?}");
}

#[test]
fn a_late_camera_holds_back_little_of_the_audio_of_a_transport_stream() {
    late_camera("auto", media::h264());
}

#[test]
fn a_late_camera_holds_back_little_of_the_audio_of_a_matroska_file() {
    late_camera("auto", media::vp8());
}

#[test]
fn audio_keeps_its_time_in_an_mp4_file_while_the_camera_is_muted() {
    audio_of_a_muted_camera("mp4", media::h264());
}

#[test]
fn a_muted_camera_does_not_hold_back_the_audio_of_an_mp4_file() {
    muted_camera("mp4", media::h264());
}

#[test]
fn a_muted_microphone_does_not_hold_back_the_frames_of_an_mp4_file() {
    muted_microphone("mp4", media::h264());
}

#[test]
fn a_late_camera_holds_back_little_of_the_audio_of_an_mp4_file() {
    late_camera("mp4", media::h264());
}
