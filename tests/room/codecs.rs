// SPDX-License-Identifier: MPL-2.0
//! Each codec, from a publisher to a file that two players take.

use vdoroom_test_support::{Codec, Dialect, Publisher, RoomServer, Sound};

use crate::recording::Recording;

/// Long enough for three flashes.
const FRAMES: u64 = 45;
const RATE: u32 = 15;

struct Person {
    name: &'static str,
    codec: Codec,
    sound: Sound,
}

fn record(people: &[Person]) {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let publishers: Vec<_> = people
        .iter()
        .map(|person| {
            Publisher::builder(server.url(), "r", person.name)
                .codec(person.codec)
                .sound(person.sound)
                .frame_rate(RATE)
                .start()
                .unwrap()
        })
        .collect();
    let names: Vec<_> = people.iter().map(|p| p.name).collect();
    recording.wait_for_frames(&names, FRAMES);
    let recorded = recording.finish();
    for (person, publisher) in people.iter().zip(&publishers) {
        println!("{} sent {}", person.name, publisher.frames_sent());
        println!("{:#?}", recorded.files[person.name]);
        println!("{:#?}", publisher.complaints());
    }
    for line in &recorded.manifest { println!("{line}"); }
    recorded.assert_whole(&names);
}

fn one(codec: Codec, sound: Sound) {
    record(&[Person { name: "x", codec, sound }]);
}
#[test]
fn h264main() { one(Codec::H264Main, Sound::OpusMono); }
#[test]
fn h264high() { one(Codec::H264High, Sound::OpusDtx); }
#[test]
fn h265() { one(Codec::H265, Sound::Opus); }
#[test]
fn pcmu() { one(Codec::Vp8, Sound::Pcmu); }
#[test]
fn av1() { one(Codec::Av1, Sound::G722); }
#[test]
fn vp92() { one(Codec::Vp9Profile2, Sound::Pcma); }
