// SPDX-License-Identifier: MPL-2.0
//! A disk that is slow, yet takes something now and then.

use vdoroom_testkit::Folder;

use crate::child::{self, EVERY_CONTAINER};
use crate::playback::play;
use crate::strace;

/// Each write to `file` takes so many seconds, from the `first` (of one) on.
fn slow(folder: &Folder, file: &str, first: u32, seconds: f64) -> String {
    let file = folder.0.join(file);
    // strace finds a path only if it is there. The recorder never overwrites it.
    let microseconds = (seconds * 1e6) as u64;
    format!(
        "-P {} -e trace=writev -e inject=writev:delay_enter={microseconds}:when={first}+",
        file.display()
    )
}

#[test]
fn a_slow_disk_loses_nothing_as_long_as_it_takes_everything_in_the_end() {
    if !strace::can_trace() {
        return;
    }
    let folder = Folder::new();
    let line = child::line(&folder.0, EVERY_CONTAINER, "")
        .replace("videotestsrc", "videotestsrc num-buffers=75")
        .replace("audiotestsrc", "audiotestsrc num-buffers=250");
    strace::run(&folder, &slow(&folder, "mkv-1.mkv", 1, 1.5), &line);
    for person in EVERY_CONTAINER {
        let files = child::files(&folder, person.name);
        assert_eq!(files.len(), 1, "{files:?}");
        let played = play(&files[0]);
        let frames = if person.video.is_empty() { 0 } else { 75 };
        assert_eq!(played.frames, frames, "{}: {played:?}", person.name);
        assert!(
            played.audio_ms.abs_diff(5000) <= 40,
            "{}: {played:?}",
            person.name
        );
    }
}

#[test]
fn what_waits_for_a_slow_disk_is_bounded() {
    if !strace::can_trace() {
        return;
    }
    let folder = Folder::new();
    // Frames of 8 kB, as fast as they are taken: both bounds are passed within a write.
    let line = format!(
        "audiotestsrc num-buffers=12000 samplesperbuffer=8000 ! audio/x-raw,rate=8000,channels=1 \
         ! mulawenc ! r.audio_a roomfilesink name=r location={}/%s-%n.%e",
        folder.0.display()
    );
    // The first writes are quick: how much of them the disk took must not hang on chance.
    let printed = strace::run(&folder, &slow(&folder, "a-1.mka", 4, 4.5), &line);
    assert!(
        printed.contains("a-1.mka failed: the disk is too slow"),
        "{printed}"
    );
    // What waited is lost with the process, which ends before the disk takes it.
    let played = play(&folder.0.join("a-1.mka"));
    assert!(played.audio_ms > 0, "what was written plays: {played:?}");
}
