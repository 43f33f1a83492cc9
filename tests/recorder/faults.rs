// SPDX-License-Identifier: MPL-2.0
//! What goes wrong with one file stays with that file.

use std::path::{Path, PathBuf};

use gst::prelude::*;

use crate::media;
use crate::playback::play;
use crate::room::{Folder, Recorder, Sender, send_live_until, send_until};

#[test]
fn a_missing_folder_fails_its_own_part_with_a_message_and_no_other() {
    let mut recorder = Recorder::with(|sink, folder| {
        std::fs::create_dir(folder.join("bob")).unwrap();
        let location = folder.join("%s/%n.%e");
        sink.set_property("location", location.to_str().unwrap());
        sink.set_property("create-folders", false);
    });
    let mut alice = Sender::named(&recorder, "video_alice", media::vp8());
    let mut bob = Sender::named(&recorder, "video_bob", media::vp8());
    send_until(2000, &mut [&mut alice, &mut bob]);
    let failed = recorder.next("part-failed");
    assert!(failed.file().ends_with("alice/1.mkv"), "{failed:?}");
    assert!(failed.text("error").contains("No such file"), "{failed:?}");
    send_until(4000, &mut [&mut alice, &mut bob]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 1, "{parts:#?}");
    assert_eq!(play(&parts[0].file()).frames, bob.sent);
    let warning = &recorder.warnings[0];
    assert!(
        warning.contains("alice/1.mkv") && warning.contains("No such file"),
        "{warning}"
    );
}

#[test]
fn recording_goes_on_in_the_next_part_when_the_folder_is_there_again() {
    let mut recorder = Recorder::with(|sink, folder| {
        let location = folder.join("later/%s-%n.%e");
        sink.set_property("location", location.to_str().unwrap());
        sink.set_property("create-folders", false);
    });
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    send_until(1000, &mut [&mut video]);
    recorder.next("part-failed");
    std::fs::create_dir(recorder.folder.0.join("later")).unwrap();
    send_until(3000, &mut [&mut video]);
    let opened = recorder.next("part-opened");
    assert_eq!(opened.text("began"), "retry");
    send_until(8000, &mut [&mut video]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 1, "{parts:#?}");
    let played = play(&parts[0].file());
    assert!(
        played.frames >= 75,
        "what came after the failure is there: {played:?}"
    );
}

#[test]
fn a_codec_that_the_forced_container_cannot_hold_leaves_the_rest_of_the_person() {
    let mut recorder = Recorder::with(|sink, _| sink.set_property_from_str("container", "mpegts"));
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    let mut audio = Sender::named(&recorder, "audio_alice", media::pcmu());
    send_until(3000, &mut [&mut video, &mut audio]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 1, "{parts:#?}");
    assert_eq!(play(&parts[0].file()).frames, video.sent);
    assert_eq!(recorder.warnings.len(), 1, "{:?}", recorder.warnings);
    assert!(
        recorder.warnings[0].contains("PCMU"),
        "{:?}",
        recorder.warnings
    );
}

/// A recorder that wants all but 32 MiB of its disk to stay free, and what fills that. A file system
/// of its own: others do not fill it meanwhile.
fn short_of_space() -> (Folder, Recorder, PathBuf) {
    let folder = Folder::inside(Path::new("/dev/shm"));
    let stat = rustix::fs::statvfs(&folder.0).unwrap();
    let free = stat.f_bavail * stat.f_frsize;
    let location = folder.0.join("%s-%n.%e");
    let recorder = Recorder::with(|sink, _| {
        sink.set_property("location", location.to_str().unwrap());
        sink.set_property("min-free-space", free - (32 << 20));
    });
    let filler = folder.0.join("filler");
    (folder, recorder, filler)
}

fn fill(filler: &Path) {
    std::fs::write(filler, vec![1; 48 << 20]).unwrap();
}

#[test]
fn too_little_free_space_ends_the_part_cleanly_and_the_next_begins_when_there_is_more() {
    let (_folder, mut recorder, filler) = short_of_space();
    let mut video = Sender::named(&recorder, "video_alice", media::h264());
    send_until(2000, &mut [&mut video]);
    let first = recorder.next("part-opened");
    fill(&filler);
    let closed = recorder.next("part-closed");
    assert_eq!(closed.text("ended"), "min-free-space");
    assert_eq!(play(&first.file()).frames, video.sent);
    send_until(4000, &mut [&mut video]);
    std::fs::remove_file(filler).unwrap();
    send_until(7000, &mut [&mut video]);
    let second = recorder.next("part-opened");
    assert_eq!(second.text("began"), "retry");
    assert_eq!(second.fields.get::<u64>("number"), Ok(2));
    assert_eq!(recorder.warnings.len(), 1, "{:?}", recorder.warnings);
    let warning = &recorder.warnings[0];
    assert!(warning.contains("min-free-space"), "{warning}");
    let parts = recorder.end();
    assert!(play(&parts[0].file()).frames >= 45, "{parts:#?}");
}

#[test]
fn people_on_a_full_disk_fail_once_each_and_are_warned_of_once() {
    const PEOPLE: usize = 3;
    let (folder, mut recorder, filler) = short_of_space();
    fill(&filler);
    let person = |n| Sender::named(&recorder, &format!("video_guest{n}"), media::h264());
    let mut guests: Vec<_> = (0..PEOPLE).map(person).collect();
    // Long enough for several tries, were there any.
    for guest in &mut guests {
        send_live_until(500, &mut [guest]);
    }
    for _ in &guests {
        let failed = recorder.next("part-failed");
        assert!(
            failed.text("error").contains("min-free-space"),
            "{failed:?}"
        );
    }
    let mut all: Vec<_> = guests.iter_mut().collect();
    send_live_until(4500, &mut all);
    std::fs::remove_file(filler).unwrap();
    send_live_until(8000, &mut all);
    let parts = recorder.end();
    assert_eq!(parts.len(), PEOPLE, "{parts:#?}");
    let manifest = folder.manifest();
    let failures = manifest.iter().filter(|l| l["event"] == "part-failed");
    assert_eq!(failures.count(), PEOPLE, "{manifest:#?}");
    assert_eq!(recorder.warnings.len(), 1, "{:?}", recorder.warnings);
}

#[test]
fn a_wrong_location_is_an_error_that_names_what_is_wrong() {
    gst::init().unwrap();
    gstvdoroom::plugin_register_static().unwrap();
    let pipeline = gst::Pipeline::new();
    let sink = gst::ElementFactory::make("roomfilesink")
        .property("location", "a%q")
        .build()
        .unwrap();
    pipeline.add(&sink).unwrap();
    assert!(pipeline.set_state(gst::State::Paused).is_err());
    let bus = pipeline.bus().unwrap();
    let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
    let gst::MessageView::Error(error) = message.view() else {
        unreachable!()
    };
    assert!(error.error().to_string().contains("%q"), "{error:?}");
    pipeline.set_state(gst::State::Null).unwrap();
}
