// SPDX-License-Identifier: MPL-2.0
//! Exports stay together over their whole length where clocks differ.

use std::time::Duration;

use vdoroom_testkit::check;

use crate::exporting::{TOGETHER, export, exported, multiples};
use crate::long_run::{self, Loop};
use crate::{EXPORT_SECONDS, media};

/// Alice's clock is fast, Bob's is right. What both do at the same moment of their clocks is in the
/// recording where the recorder has put it.
#[test]
fn a_clock_that_is_fast_stays_together_with_one_that_is_right() {
    const FAST: f64 = 200e-6;
    let tracks = |name: [&'static str; 2], fast: f64, video| {
        let [video_pad, audio_pad] = name;
        let every = |ms: f64| Duration::from_secs_f64(ms / 1000.0 / (1.0 + fast));
        let track = |name, media, interval| Loop {
            name,
            media,
            interval,
        };
        [
            track(video_pad, video, every(1000.0 / 15.0)),
            track(audio_pad, media::beeping_opus(), every(20.0)),
        ]
    };
    let alice = tracks(["video_alice", "audio_alice"], FAST, media::counted_h264());
    let bob = tracks(["video_bob", "audio_bob"], 0.0, media::counted_vp8());
    let both = [alice[0], alice[1], bob[0], bob[1]];
    let recorder = long_run::record_seconds(EXPORT_SECONDS, &both);
    let folder = &recorder.folder.0;
    export(folder, &["--to", "mp4", "--align", "--quality", "draft"]);
    for (name, fast) in [("alice", FAST), ("bob", 0.0)] {
        let report = check::inspect(exported(folder, &format!("{name}.mp4")));
        let (video, audio) = (
            report.video.as_ref().unwrap(),
            report.audio.as_ref().unwrap(),
        );
        let period = 1000.0 / (1.0 + fast);
        let flashes = multiples("flashes", &video.flashes, period, TOGETHER);
        let beeps = multiples("beeps", &audio.beeps, period, TOGETHER);
        assert!(
            flashes.len() as u64 >= EXPORT_SECONDS - 2,
            "{name}: {}",
            flashes.len()
        );
        assert!(
            beeps.len() as u64 >= EXPORT_SECONDS - 2,
            "{name}: {}",
            beeps.len()
        );
        let worst = report.worst_flash_beep_offset().unwrap();
        println!("{name}: beep after flash by {worst:.2} ms at most");
        assert!(worst.abs() < TOGETHER, "{name}: {worst}");
    }
}
