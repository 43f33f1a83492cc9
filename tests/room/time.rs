// SPDX-License-Identifier: MPL-2.0
//! Sound and picture together, and everybody on one timeline.

use std::time::{Duration, Instant};

use vdoroom_test_support::publisher::{SenderReports, Timeline};
use vdoroom_test_support::{Codec, Dialect, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recording};

#[test]
fn scratch() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let build = |name: &str| {
        Publisher::builder(server.url(), "r", name)
            .codec(Codec::Vp8)
            .frame_rate(15)
    };
    let ms = Duration::from_millis;
    let seconds: u64 = std::env::var("SECS").map_or(20, |s| s.parse().unwrap());
    let people = vec![
        build("plain").start().unwrap(),
        build("fast")
            .timeline(&Timeline::fast(2000))
            .start()
            .unwrap(),
        build("card").fast_sound_card(2000).start().unwrap(),
        build("vlate").video_delay(ms(200)).start().unwrap(),
        build("alate").audio_delay(ms(200)).start().unwrap(),
        build("zero")
            .video_delay(ms(200))
            .sender_reports(SenderReports::ZeroNtp)
            .start()
            .unwrap(),
        build("hours")
            .sender_reports(SenderReports::JumpingNtp)
            .start()
            .unwrap(),
        build("late2")
            .sender_reports(SenderReports::LatePictures { seconds: 2 })
            .start()
            .unwrap(),
        build("ponly")
            .sender_reports(SenderReports::PicturesOnly)
            .start()
            .unwrap(),
        build("none")
            .sender_reports(SenderReports::None)
            .start()
            .unwrap(),
    ];
    let end = Instant::now() + Duration::from_secs(seconds);
    recording.wait("a while", |_| {
        Instant::now() > end.min(Instant::now() + DEADLINE)
    });
    let recorded = recording.finish();
    for (name, parts) in &recorded.files {
        for (path, report) in parts {
            println!("{name} {path:?} {:?}", report.problems());
            println!("  {:.0?}", report.flash_beep_offsets);
            let a = report.audio.as_ref().unwrap();
            println!("  audio gap {:?} samples {}", a.largest_gap, a.samples);
        }
    }
    for line in &recorded.manifest {
        println!("{line}");
    }
    for person in &people {
        assert_eq!(person.complaints(), Vec::<String>::new());
    }
}
