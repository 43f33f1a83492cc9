// SPDX-License-Identifier: MPL-2.0
//! Every flavour of publisher against a minimal viewer.

mod kit;

use std::time::Duration;

use kit::{Manners, Viewer};
use vdoroom_test_support::{Codec, Dialect, Flavour, Password, Publisher, RoomServer, Secret};

const SOON: Duration = Duration::from_secs(15);

/// Plays one publisher until three seconds of it were seen, and looks at what came.
fn shows_every_frame_in_time(flavour: Flavour, codec: Codec, dialect: Dialect, password: Password) {
    let server = RoomServer::start(dialect);
    let secret = Secret::new(&password, "vdo.ninja");
    let publisher = Publisher::builder(server.url(), "room", "alice")
        .flavour(flavour)
        .codec(codec)
        .dialect(dialect)
        .password(password)
        .start()
        .unwrap();
    publisher.wait_until_joined(SOON).unwrap();
    let manners = match dialect {
        Dialect::Hosted => Manners::hosted(secret),
        _ => Manners::relay(secret),
    };
    let viewer = Viewer::start(server.url(), "room", "alice", manners);
    publisher
        .wait_for_viewer(SOON)
        .unwrap_or_else(|error| panic!("{error}"));
    let seen = viewer.wait_for(SOON, |seen| seen.flashes.len() > 3 && seen.beeps.len() > 3);
    assert_eq!(
        publisher.complaints(),
        [""; 0],
        "{}",
        publisher.conversation()
    );
    let unread = seen.frames.iter().filter(|frame| frame.is_none()).count();
    assert_eq!(
        (seen.missing(), unread),
        (0, 0),
        "missing and unreadable frames: {seen:?}"
    );
    let offsets = seen.offsets();
    assert!(
        offsets.iter().all(|offset| offset.abs() < 60.0),
        "beep against flash: {offsets:?}"
    );
    eprintln!(
        "{flavour:?} {codec:?}: {} frames, {offsets:?}",
        seen.frames.len()
    );
    publisher.stop();
    viewer.wait_for(SOON, |seen| {
        seen.channel.iter().any(|json| json["bye"] == true)
    });
}

#[test]
fn a_browser_shows_every_frame_in_time() {
    let flavour = Flavour::Browser;
    shows_every_frame_in_time(flavour, Codec::H264, Dialect::Hosted, Password::Default);
    shows_every_frame_in_time(flavour, Codec::Vp8, Dialect::Relay, Password::Off);
    shows_every_frame_in_time(
        flavour,
        Codec::Vp9,
        Dialect::BasicRelay,
        Password::own("p@ss"),
    );
}

#[test]
fn the_sdk_shows_every_frame_in_time() {
    let flavour = Flavour::Sdk;
    shows_every_frame_in_time(flavour, Codec::Vp8, Dialect::Hosted, Password::Default);
    shows_every_frame_in_time(flavour, Codec::H264, Dialect::Hosted, Password::own("x"));
}

#[test]
fn a_raspberry_shows_every_frame_in_time() {
    let flavour = Flavour::Raspberry;
    shows_every_frame_in_time(flavour, Codec::H264, Dialect::Hosted, Password::own("x"));
    shows_every_frame_in_time(flavour, Codec::Vp8, Dialect::Relay, Password::Off);
}

#[test]
fn the_obs_plugin_shows_every_frame_in_time() {
    let flavour = Flavour::Obs;
    shows_every_frame_in_time(flavour, Codec::H264, Dialect::Hosted, Password::Default);
    shows_every_frame_in_time(flavour, Codec::H264, Dialect::Relay, Password::own("x"));
}
