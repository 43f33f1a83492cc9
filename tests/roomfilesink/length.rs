// SPDX-License-Identifier: MPL-2.0
//! Recordings that go on for more than a day.

use std::time::Duration;

use crate::long_run::{Loop, record};
use crate::media;
use crate::timeline;
use crate::usage::alone;

fn pictures(media: &'static media::Media) -> Loop {
    Loop {
        name: "video_alice",
        media,
        interval: Duration::from_secs(1),
    }
}

fn sound() -> Loop {
    Loop {
        name: "audio_alice",
        media: media::long_opus(),
        interval: Duration::from_millis(120),
    }
}

#[test]
fn ts() {
    if !alone("length::ts") {
        return;
    }
    let o = record(0..30, &[pictures(media::tiny_h264()), sound()]);
    for p in &o.parts {
        eprintln!("{p:?} {:?}", p.file().metadata().unwrap().len());
        let now = std::time::Instant::now();
        eprintln!("{:#?} {:?}", timeline::read(&p.file()), now.elapsed());
    }
    let _ = (&o.sent, &o.samples, &o.recorder);
}
#[test]
fn mkv() {
    if !alone("length::mkv") {
        return;
    }
    let o = record(0..30, &[pictures(media::tiny_vp8()), sound()]);
    for p in &o.parts {
        eprintln!("{p:?} {:?}", p.file().metadata().unwrap().len());
        let now = std::time::Instant::now();
        eprintln!("{:#?} {:?}", timeline::read(&p.file()), now.elapsed());
    }
}
#[test]
fn mka() {
    if !alone("length::mka") {
        return;
    }
    let o = record(0..30, &[sound()]);
    for p in &o.parts {
        eprintln!("{p:?} {:?}", p.file().metadata().unwrap().len());
        let now = std::time::Instant::now();
        eprintln!("{:#?} {:?}", timeline::read(&p.file()), now.elapsed());
    }
}
