// SPDX-License-Identifier: MPL-2.0
//! Every kind of publisher, in both dialects, with every kind of password.

use gst::prelude::*;
use vdoroom_testkit::{Codec, Dialect, Flavour, Password, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recording};

/// Long enough for three flashes.
const FRAMES: u64 = 60;

struct Case {
    dialect: Dialect,
    password: Password,
    /// As a user would set it; `None` leaves the property alone.
    property: Option<&'static str>,
}

impl Case {
    fn records(self, publishers: &[(&str, Flavour, Codec)]) {
        let server = RoomServer::start(self.dialect);
        let mut recording = Recording::start(&server, "studio 1", |source| {
            if let Some(password) = self.property {
                source.set_property("password", password);
            }
        });
        let people: Vec<Publisher> = publishers
            .iter()
            .map(|(name, flavour, codec)| {
                Publisher::builder(server.url(), "studio 1", name)
                    .flavour(*flavour)
                    .codec(*codec)
                    .password(self.password.clone())
                    .dialect(self.dialect)
                    .start()
                    .unwrap()
            })
            .collect();
        for person in &people {
            person.wait_for_viewer(DEADLINE).unwrap();
        }
        let names: Vec<_> = publishers.iter().map(|(name, ..)| *name).collect();
        recording.wait_for_frames(&names, FRAMES);
        let all: Vec<_> = names.iter().copied().zip(&people).collect();
        recording.finish_complete(&all);
        for person in people {
            assert_eq!(person.complaints(), Vec::<String>::new());
        }
    }
}

const HOSTED: &[(&str, Flavour, Codec)] = &[
    ("browser", Flavour::Browser, Codec::Vp8),
    ("sdk", Flavour::Sdk, Codec::Vp9),
    ("raspberry", Flavour::Raspberry, Codec::H264),
    ("obs", Flavour::Obs, Codec::H264),
];

/// The SDK cannot publish behind a relay (protocol 1.2).
const RELAY: &[(&str, Flavour, Codec)] = &[
    ("browser", Flavour::Browser, Codec::H264),
    ("raspberry", Flavour::Raspberry, Codec::Vp8),
    ("obs", Flavour::Obs, Codec::H264),
];

#[test]
fn a_hosted_room_with_the_default_password() {
    Case {
        dialect: Dialect::Hosted,
        password: Password::Default,
        property: None,
    }
    .records(HOSTED);
}

#[test]
fn a_hosted_room_with_a_password_of_its_own() {
    Case {
        dialect: Dialect::Hosted,
        password: Password::Own("sésame & co".into()),
        property: Some("sésame & co"),
    }
    .records(HOSTED);
}

#[test]
fn a_hosted_room_without_a_password() {
    Case {
        dialect: Dialect::Hosted,
        password: Password::Off,
        property: Some("off"),
    }
    .records(HOSTED);
}

#[test]
fn a_relayed_room_with_the_default_password() {
    Case {
        dialect: Dialect::Relay,
        password: Password::Default,
        property: None,
    }
    .records(RELAY);
}

#[test]
fn a_relayed_room_with_a_password_of_its_own() {
    Case {
        dialect: Dialect::Relay,
        password: Password::Own("sesame".into()),
        property: Some("sesame"),
    }
    .records(RELAY);
}

#[test]
fn a_relayed_room_without_a_password() {
    Case {
        dialect: Dialect::Relay,
        password: Password::Off,
        property: Some("false"),
    }
    .records(RELAY);
}

#[test]
fn each_codec_gets_its_container() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let codecs = [("a", Codec::H264), ("b", Codec::Vp8), ("c", Codec::Vp9)];
    let people: Vec<_> = codecs
        .iter()
        .map(|(name, codec)| {
            Publisher::builder(server.url(), "r", name)
                .codec(*codec)
                .start()
                .unwrap()
        })
        .collect();
    recording.wait_for_frames(&["a", "b", "c"], FRAMES);
    let all: Vec<_> = ["a", "b", "c"].into_iter().zip(&people).collect();
    let recorded = recording.finish_complete(&all);
    for (name, extension) in [("a", "ts"), ("b", "mkv"), ("c", "mkv")] {
        let (file, _) = &recorded.files[name][0];
        assert_eq!(file.extension().and_then(|e| e.to_str()), Some(extension));
    }
}
