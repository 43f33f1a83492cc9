// SPDX-License-Identifier: MPL-2.0
//! A disk that is full, gone, closed to us or stuck ends the part that is on it. Who is recorded to
//! another place loses nothing.

use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::media;
use crate::mount::Mount;
use crate::playback::play;
use crate::room::{Part, Recorder, Sender, send_live_until, send_until};

/// Alice and Bob, each in a folder of their own.
struct Room {
    recorder: Recorder,
    alice: Sender,
    bob: Sender,
}

impl Room {
    fn new<M>(
        min_free_space: u64,
        mount: impl FnOnce(&Recorder) -> Option<M>,
    ) -> Option<(Self, M)> {
        let recorder = Recorder::with(|sink, folder| {
            let location = folder.join("%s/%n.%e");
            sink.set_property("location", location.to_str().unwrap());
            sink.set_property("min-free-space", min_free_space);
            let manifest = folder.join("manifest.jsonl");
            sink.set_property("manifest", manifest.to_str().unwrap());
        });
        let mount = mount(&recorder)?;
        let alice = Sender::named(&recorder, "video_alice", media::h264());
        let bob = Sender::named(&recorder, "video_bob", media::vp8());
        let room = Self {
            recorder,
            alice,
            bob,
        };
        Some((room, mount))
    }

    fn with_ext4() -> Option<(Self, Mount)> {
        Self::new(0, |recorder| {
            let folder = &recorder.folder.0;
            Mount::ext4(&folder.join("alice"), &folder.join("image"))
        })
    }

    fn send_live_until(&mut self, ms: u64) {
        send_live_until(ms, &mut [&mut self.alice, &mut self.bob]);
    }

    /// Both are being written.
    fn begin(&mut self) {
        send_until(1000, &mut [&mut self.alice, &mut self.bob]);
        self.recorder.next("part-opened");
        self.recorder.next("part-opened");
    }

    /// Alice's first part fails, and a warning says which file and why.
    fn alice_fails(&mut self, why: &str) -> Part {
        let failed = self.recorder.next("part-failed");
        assert!(failed.file().ends_with("alice/1.ts"), "{failed:?}");
        assert!(failed.text("error").contains(why), "{failed:?}");
        // The warning follows the message.
        let warning = self.recorder.next_warning();
        assert!(
            warning.contains("alice/1.ts") && warning.contains(why),
            "{warning}"
        );
        failed
    }

    /// Alice's next part begins, and holds frames at the end. Bob's has all of them.
    fn alice_goes_on(&mut self) {
        let opened = self.recorder.next("part-opened");
        assert_eq!(opened.text("began"), "retry");
        assert!(
            opened.file().parent().unwrap().ends_with("alice"),
            "{opened:?}"
        );
        self.send_live_until(9_900);
        let parts = self.recorder.end();
        let of = |name: &str| {
            let part = parts.iter().find(|p| p.text("stream") == name);
            play(
                &part
                    .unwrap_or_else(|| panic!("no part of {name}: {parts:#?}"))
                    .file(),
            )
        };
        assert_eq!(of("bob").frames, self.bob.sent, "bob loses nothing");
        assert!(of("alice").frames > 0);
    }
}

#[test]
fn a_full_disk_ends_its_own_part_and_the_next_begins_when_there_is_space() {
    let mount = |r: &Recorder| Mount::in_memory(&r.folder.0.join("alice"), "1m");
    let Some((mut room, disk)) = Room::new(0, mount) else {
        return;
    };
    let filler = disk.fill(100_000);
    room.begin();
    room.send_live_until(5000);
    let failed = room.alice_fails("No space left");
    let left = play(&failed.file());
    assert!(left.frames >= 15, "what found room plays: {left:?}");
    std::fs::remove_file(filler).unwrap();
    room.send_live_until(8000);
    room.alice_goes_on();
}

#[test]
fn a_recording_that_fills_its_disk_ends_cleanly_before_it_is_full() {
    let mount = |r: &Recorder| Mount::in_memory(&r.folder.0.join("alice"), "1m");
    let Some((mut room, disk)) = Room::new(500_000, mount) else {
        return;
    };
    let filler = disk.fill(580_000);
    room.begin();
    room.send_live_until(5000);
    let closed = room.recorder.next("part-closed");
    assert!(closed.file().ends_with("alice/1.ts"), "{closed:?}");
    assert_eq!(closed.text("ended"), "min-free-space");
    assert!(play(&closed.file()).frames >= 15);
    std::fs::remove_file(filler).unwrap();
    room.send_live_until(8000);
    room.alice_goes_on();
}

#[test]
fn a_folder_that_is_removed_ends_the_part_in_it_and_is_made_again() {
    let Some((mut room, ())) = Room::new(0, |_| Some(())) else {
        return;
    };
    room.begin();
    std::fs::remove_dir_all(room.recorder.folder.0.join("alice")).unwrap();
    room.send_live_until(4000);
    room.alice_fails("removed");
    room.send_live_until(7000);
    room.alice_goes_on();
}

#[test]
fn a_file_that_may_not_be_written_any_more_ends_its_own_part() {
    let Some((mut room, disk)) = Room::with_ext4() else {
        return;
    };
    room.begin();
    let file = disk.folder.join("1.ts");
    disk.set_immutable(&file, true);
    disk.set_immutable(&disk.folder, true);
    room.send_live_until(3000);
    room.alice_fails("not permitted");
    disk.set_immutable(&disk.folder, false);
    disk.set_immutable(&file, false);
    room.send_live_until(7000);
    room.alice_goes_on();
}

#[test]
fn a_write_that_hangs_ends_its_own_part_and_the_next_begins_when_the_disk_is_back() {
    let Some((mut room, mut disk)) = Room::with_ext4() else {
        return;
    };
    room.begin();
    disk.freeze();
    room.send_live_until(7500);
    let failed = room.alice_fails("the disk took nothing for 5 s");
    disk.thaw();
    room.send_live_until(9500);
    room.alice_goes_on();
    let left = play(&failed.file());
    assert!(left.frames >= 15 * 5, "what waited for the disk: {left:?}");
}

#[test]
fn a_recorder_ends_in_time_while_its_disk_hangs() {
    let Some((mut room, mut disk)) = Room::with_ext4() else {
        return;
    };
    room.begin();
    disk.freeze();
    room.send_live_until(2000);
    let began = Instant::now();
    let parts = room.recorder.end();
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "EOS after {:?}",
        began.elapsed()
    );
    assert_eq!(parts.len(), 1, "{parts:#?}");
    assert_eq!(play(&parts[0].file()).frames, room.bob.sent);
    let began = Instant::now();
    room.recorder.pipeline.set_state(gst::State::Null).unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "NULL after {:?}",
        began.elapsed()
    );
    disk.thaw();
    assert!(play(&disk.folder.join("1.ts")).frames >= 15);
}
