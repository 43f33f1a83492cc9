// SPDX-License-Identifier: MPL-2.0
//! A real browser's page against a minimal viewer.

use vdoroom_testkit::require::require;
use vdoroom_testkit::{Chromium, Dialect, Password, RoomServer, Secret};

use crate::{
    SOON, alone,
    viewer::{Manners, Viewer},
};

fn is_sent_and_seen(codec: &str, dialect: Dialect, password: Password) {
    let _turn = alone();
    let server = RoomServer::start(dialect);
    let secret = Secret::new(&password, "vdo.ninja");
    let mut page = Chromium::builder(server.url(), "room", "chrome").codec(codec);
    if let Password::Own(text) = &password {
        page = page.password(text);
    }
    let mut manners = Manners::hosted(secret);
    if dialect == Dialect::Relay {
        (page, manners.relay) = (page.relay(), true);
    }
    let page = page.start().unwrap();
    page.wait_until_joined(SOON)
        .unwrap_or_else(|error| panic!("{error}"));
    let viewer = Viewer::start(server.url(), "room", "chrome", manners);
    page.wait_for_viewer(SOON)
        .unwrap_or_else(|error| panic!("{error}"));
    let sent = page
        .wait_until_sending(SOON)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(sent["codec"], format!("video/{codec}"));
    viewer.wait_for(SOON, |seen| seen.frames.len() > 30);
    assert_eq!(page.complaints(), [""; 0], "{}", server.conversation());
    page.hang_up();
    viewer.wait_for(SOON, |seen| {
        seen.channel.iter().any(|json| json["bye"] == true)
    });
}

#[test]
fn chromium_sends_vp8_to_a_hosted_room() {
    is_sent_and_seen("VP8", Dialect::Hosted, Password::Default);
}

#[test]
fn chromium_sends_vp9_to_a_relayed_room_with_a_password() {
    is_sent_and_seen("VP9", Dialect::Relay, Password::own("p@ss"));
}

#[test]
fn chromium_sends_h264_if_its_build_can() {
    let server = RoomServer::start(Dialect::Hosted);
    let page = Chromium::builder(server.url(), "room", "chrome")
        .start()
        .unwrap();
    let codecs = page
        .video_codecs(SOON)
        .unwrap_or_else(|error| panic!("{error}"));
    drop(page);
    if codecs.iter().any(|codec| codec == "video/H264") {
        is_sent_and_seen("H264", Dialect::Hosted, Password::Default);
    } else {
        require(false, &format!("this Chromium sends only {codecs:?}"));
    }
}
