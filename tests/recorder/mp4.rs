// SPDX-License-Identifier: MPL-2.0
//! What is true of MP4 alone: it plays while it grows, becomes a plain file at its end, and leaves
//! what it cannot hold to Matroska.

use std::path::Path;

use gst::prelude::*;
use vdoroom_testkit::check::{self, inspect, second_opinion};

use crate::media::{self, Media};
use crate::mount::Mount;
use crate::playback::play;
use crate::room::{Recorder, Sender, send_live_until, send_until};

/// The types of the boxes in a file or box, in order, and where they begin.
fn boxes(bytes: &[u8]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + 8) {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
        let size = match number(&head[..4]) {
            1 => number(&bytes[at + 8..at + 16]),
            size => size,
        };
        found.push((String::from_utf8_lossy(&head[4..]).into_owned(), at));
        at += size;
    }
    assert_eq!(at, bytes.len(), "{found:?}");
    found
}

fn kinds(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap();
    boxes(&bytes).into_iter().map(|(kind, _)| kind).collect()
}

fn plays_whole(path: &Path, frames: usize, audio_ms: u64) {
    let played = play(path);
    assert_eq!(played.frames, frames, "{played:?}");
    assert!(played.audio_ms.abs_diff(audio_ms) <= 40, "{played:?}");
    if let Some(opinion) = second_opinion(path) {
        assert_eq!(opinion.complaints, Vec::<String>::new(), "{opinion:#?}");
        assert_eq!(opinion.frames, frames as u64, "{opinion:#?}");
        let ms = opinion.samples / 48;
        assert!(ms.abs_diff(audio_ms) <= 40, "{opinion:#?}");
    }
}

#[test]
fn a_file_is_fragmented_while_it_grows_and_plain_when_it_is_finished() {
    let mut recorder = Recorder::in_container("mp4");
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_live_until(3000, &mut [&mut video, &mut audio]);
    let part = recorder.next("part-opened");
    let growing = recorder.folder.0.join("growing.copy");
    std::fs::copy(part.file(), &growing).unwrap();
    let parts = recorder.end();
    assert_eq!(parts.len(), 1, "{parts:#?}");
    assert!(parts[0].file().ends_with("alice-1.mp4"), "{parts:#?}");
    assert_eq!(parts[0].text("container"), "mp4");

    let grown = kinds(&growing);
    assert_eq!(grown[..3], ["ftyp", "free", "moov"]);
    assert!(
        grown[3..].chunks(2).all(|f| *f == ["moof", "mdat"]),
        "{grown:?}"
    );
    // A fragment has a quarter of a second at most, and one in three begins with a keyframe.
    assert!(grown.len() > 3 + 2 * 10, "{grown:?}");
    assert!(play(&growing).frames >= 30);

    let file = parts[0].file();
    assert_eq!(kinds(&file), ["ftyp", "mdat", "moov"]);
    plays_whole(&file, video.sent, audio.sent as u64 * 20);
    let played = play(&file);
    assert!(played.is_seekable, "{played:?}");
    let duration = played.duration_ms.unwrap();
    assert!(duration.abs_diff(3000) <= 70, "{played:?}");
}

/// The process is killed, or the power fails, right before the last write.
#[test]
fn a_file_whose_index_is_not_in_force_yet_plays_whole() {
    let mut recorder = Recorder::in_container("mp4");
    let mut video = Sender::named(&recorder, "video_alice", media::h264_with_b_frames());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(3000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    let mut bytes = std::fs::read(parts[0].file()).unwrap();
    let mut empty = b"\0\0\0\x10free".to_vec();
    empty.resize(16, 0);
    bytes[32..48].copy_from_slice(&empty);
    let kinds: Vec<_> = boxes(&bytes).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds[..4], ["ftyp", "free", "moov", "moof"]);
    assert_eq!(kinds.last().map(String::as_str), Some("moov"));
    let path = recorder.folder.0.join("before.mp4");
    std::fs::write(&path, bytes).unwrap();
    let played = play(&path);
    assert_eq!(played.frames, video.sent, "{played:?}");
    assert!(played.audio_ms.abs_diff(3000) <= 40, "{played:?}");
}

#[test]
fn audio_that_begins_later_than_the_video_keeps_its_time() {
    let mut recorder = Recorder::in_container("mp4");
    let mut video = Sender::named(&recorder, "video_alice", media::h264_with_b_frames());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    audio.skip_to(300);
    send_until(4000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 1, "{parts:#?}");
    let report = inspect(parts[0].file());
    assert_eq!(report.errors, Vec::<String>::new(), "{report:#?}");
    let first = |time: gst::ClockTime| time.mseconds();
    assert_eq!(first(report.video.unwrap().first_pts), 0);
    let audio = first(report.audio.unwrap().first_pts);
    assert!((295..=325).contains(&audio), "audio begins at {audio} ms");
}

#[test]
fn every_codec_of_mp4_plays_in_two_players() {
    for video in [media::h264(), media::h265(), media::vp9(), media::av1()] {
        let mut recorder = Recorder::in_container("mp4");
        let mut video = Sender::named(&recorder, "video_alice", video);
        let mut audio = Sender::named(&recorder, "audio_alice", media::opus_from_rtp());
        send_until(2000, &mut [&mut video, &mut audio]);
        let parts = recorder.end();
        assert!(parts[0].file().ends_with("alice-1.mp4"), "{parts:#?}");
        plays_whole(&parts[0].file(), video.sent, 2000);
        assert_eq!(recorder.warnings, Vec::<String>::new());
        let times = check::video_times(parts[0].file()).unwrap_or_default();
        for (number, frame) in times.iter().enumerate() {
            let ahead = frame.pts_ms - frame.dts_ms;
            assert!((0.0..=200.0).contains(&ahead), "frame {number}: {frame:?}");
        }
    }
}

#[test]
fn audio_alone_is_an_mp4_file() {
    for audio in [media::opus(), media::opus_mono(), media::aac()] {
        let mut recorder = Recorder::in_container("mp4");
        let mut audio = Sender::named(&recorder, "audio_alice", audio);
        send_until(2000, &mut [&mut audio]);
        let parts = recorder.end();
        assert!(parts[0].file().ends_with("alice-1.mp4"), "{parts:#?}");
        plays_whole(&parts[0].file(), 0, 2000);
    }
}

fn goes_to_matroska(video: &'static Media, audio: &'static Media, name: &str) {
    let mut recorder = Recorder::with(|sink, _| {
        sink.set_property_from_str("container", "mp4");
        sink.set_property("max-size-time", 1_500_000_000u64);
    });
    let mut video = Sender::named(&recorder, "video_alice", video);
    let mut audio = Sender::named(&recorder, "audio_alice", audio);
    send_until(4000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 2, "{parts:#?}");
    for part in &parts {
        assert_eq!(part.text("container"), "matroska");
        assert_eq!(part.file().extension().unwrap(), "mkv");
    }
    let frames: usize = parts.iter().map(|p| play(&p.file()).frames).sum();
    assert_eq!(frames, video.sent);
    let [warning] = recorder.warnings.as_slice() else {
        panic!("one warning for all parts, not {:#?}", recorder.warnings);
    };
    for word in [name, "\"alice\"", "Matroska", "container=mp4"] {
        assert!(warning.contains(word), "no {word} in {warning}");
    }
}

#[test]
fn what_mp4_does_not_hold_goes_to_matroska_and_is_said_once() {
    goes_to_matroska(media::vp8(), media::opus(), "VP8");
    goes_to_matroska(media::h264(), media::pcmu(), "PCMU");
}

#[test]
fn what_found_room_on_a_full_disk_plays() {
    let mut mount = None;
    let mut recorder = Recorder::with(|sink, folder| {
        mount = Mount::in_memory(&folder.join("small"), "1m");
        sink.set_property_from_str("container", "mp4");
        let location = folder.join("small/%s-%n.%e");
        sink.set_property("location", location.to_str().unwrap());
        sink.set_property("manifest", folder.join("list.jsonl").to_str().unwrap());
        sink.set_property("min-free-space", 0u64);
    });
    let Some(disk) = mount else {
        return;
    };
    let _filler = disk.fill(100_000);
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_live_until(5000, &mut [&mut video, &mut audio]);
    let failed = recorder.next("part-failed");
    assert!(failed.text("error").contains("No space left"), "{failed:?}");
    let left = play(&failed.file());
    assert!(left.frames >= 15, "{left:?}");
    assert!(left.audio_ms >= 1000, "{left:?}");
}
