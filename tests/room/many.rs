// SPDX-License-Identifier: MPL-2.0
//! More people than most rooms have, on a machine that is nearly too small for both ends of all
//! their connections.

use std::time::{Duration, Instant};

use vdoroom_testkit::publisher::{Film, Script};
use vdoroom_testkit::{Codec, Dialect, Flavour, Publisher, RoomServer};

use crate::recording::Recording;

const GUESTS: usize = 26;
const SCRIPT: Script = Script {
    codec: Codec::Vp8,
    width: 160,
    height: 90,
    rate: 10,
    bitrate: 50_000,
};

/// A recorder gets its keys last: audio that comes before cannot be decrypted.
const HEAD_PACKETS: usize = 25;

/// A keyframe that comes before is asked for again.
const HEAD_FRAMES: usize = 10;

/// Of a frame that is missing, there would be two of 100 ms.
const GAP: gst::ClockTime = gst::ClockTime::from_mseconds(150);

/// What is under way when the publishers are asked what they have sent.
const ARRIVED: Duration = Duration::from_secs(5);

#[test]
fn of_twenty_six_guests_everybody_has_one_file_with_all_that_was_sent() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let film = Film::make(SCRIPT).unwrap();
    let names: Vec<_> = (0..GUESTS).map(|n| format!("guest{n}")).collect();
    let people: Vec<_> = names
        .iter()
        .map(|name| {
            let guest = Publisher::builder(server.url(), "r", name);
            let guest = guest.codec(SCRIPT.codec).film(&film);
            guest.flavour(Flavour::Raspberry).start().unwrap()
        })
        .collect();
    let all: Vec<_> = names.iter().map(String::as_str).collect();
    recording.wait_for_frames(&all, 40);
    let sent: Vec<_> = people.iter().map(Publisher::sent).collect();
    let deadline = Instant::now() + ARRIVED;
    let has_arrived = |recording: &Recording| {
        let of_all = all.iter().zip(&sent);
        of_all
            .into_iter()
            .all(|(name, sent)| recording.buffers(name, "video") >= Some(sent.frames() as u64))
    };
    while !has_arrived(&recording) && Instant::now() < deadline {
        recording.read_bus(Duration::from_millis(20));
    }
    let recorded = recording.finish();
    assert_eq!(recorded.complaints, Vec::<String>::new());
    for (name, sent) in all.iter().zip(&sent) {
        let report = recorded.only(name);
        assert_eq!(report.problems(), Vec::<String>::new(), "{name}");
        let (video, audio) = (report.video.as_ref(), report.audio.as_ref());
        let video = video.expect("its video");
        let frames = video.frames_decoded as usize;
        assert!(
            frames + HEAD_FRAMES >= sent.frames() && video.largest_gap < GAP,
            "{name}: {frames} of {} frames, {video:?}",
            sent.frames()
        );
        let packets = audio.map_or(0, |audio| audio.packets.len());
        assert!(
            packets + HEAD_PACKETS >= sent.audio.len(),
            "{name}: {packets} of {} packets of audio",
            sent.audio.len()
        );
    }
}
