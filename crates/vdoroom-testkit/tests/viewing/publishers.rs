// SPDX-License-Identifier: MPL-2.0
//! Every flavour of publisher against a minimal viewer.

use std::time::Duration;

use serde_json::json;
use vdoroom_testkit::{
    Closing, Codec, Dialect, Flavour, Password, Publisher, RoomServer, Secret, Who, log::LogEntry,
    publisher::PublisherBuilder, server::Certificate,
};

use crate::{
    SOON, alone,
    viewer::{Manners, Received, Viewer},
};

/// Plays one publisher until three seconds of it were seen, and looks at what came.
fn shows_every_frame_in_time(flavour: Flavour, codec: Codec, dialect: Dialect, password: Password) {
    let _turn = alone();
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

/// A hosted server without encryption, one publisher and one viewer of it.
struct Scene {
    server: RoomServer,
    publisher: Publisher,
    viewer: Viewer,
}

impl Scene {
    fn new(configure: fn(PublisherBuilder) -> PublisherBuilder) -> Self {
        let server = RoomServer::start(Dialect::Hosted);
        let builder = Publisher::builder(server.url(), "room", "alice").password(Password::Off);
        let publisher = configure(builder).start().unwrap();
        publisher.wait_until_joined(SOON).unwrap();
        let secret = Secret::new(&Password::Off, "vdo.ninja");
        let viewer = Viewer::start(server.url(), "room", "alice", Manners::hosted(secret));
        publisher
            .wait_for_viewer(SOON)
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            server,
            publisher,
            viewer,
        }
    }

    fn wait_for_frames(&self) -> Received {
        self.viewer.wait_for(SOON, |seen| seen.frames.len() > 10)
    }
}

fn says_bye(seen: &Received) -> bool {
    seen.channel.iter().any(|json| json["bye"] == true)
}

#[test]
fn one_encoder_feeds_two_viewers() {
    let _turn = alone();
    let scene = Scene::new(|alice| alice);
    let secret = Secret::new(&Password::Off, "vdo.ninja");
    let second = Viewer::start(scene.server.url(), "room", "alice", Manners::hosted(secret));
    let seen = second.wait_for(SOON, |seen| seen.frames.len() > 10);
    assert_eq!((seen.missing(), scene.wait_for_frames().missing()), (0, 0));
    assert_eq!(scene.publisher.viewers(), 2);
}

#[test]
fn a_publisher_says_bye_when_it_stops_and_nothing_when_it_crashes() {
    let _turn = alone();
    let byes = |end: fn(Publisher) -> Vec<LogEntry>| {
        let scene = Scene::new(|alice| alice);
        scene.wait_for_frames();
        let said = end(scene.publisher);
        said.iter()
            .filter(|entry| entry.text.contains("\"bye\""))
            .count()
    };
    assert_eq!((byes(Publisher::stop), byes(Publisher::crash)), (1, 0));
}

#[test]
fn a_publisher_that_reloads_comes_back_under_another_uuid() {
    let _turn = alone();
    let scene = Scene::new(|alice| alice);
    scene.wait_for_frames();
    scene.publisher.reload();
    let seen = scene.viewer.wait_for(SOON, |seen| {
        let joined = |json: &&serde_json::Value| json["request"] == "someonejoined";
        says_bye(seen) && seen.messages.iter().any(|json| joined(&json))
    });
    let listed = &seen.messages[0]["list"][0]["UUID"];
    let joined = seen
        .messages
        .iter()
        .find(|json| json["request"] == "someonejoined")
        .unwrap();
    assert_ne!(&joined["UUID"], listed);
}

#[test]
fn a_publisher_that_loses_its_socket_keeps_sending() {
    let _turn = alone();
    let scene = Scene::new(|alice| alice);
    scene.wait_for_frames();
    scene.server.close(Who::Publishers, Closing::Abort);
    let frames = scene.publisher.frames_sent();
    let seen = scene
        .viewer
        .wait_for(SOON, |seen| seen.frames.len() as u64 > frames + 60);
    assert_eq!(seen.missing(), 0);
}

#[test]
fn a_browser_may_offer_its_tracks_one_by_one() {
    let _turn = alone();
    let scene = Scene::new(PublisherBuilder::split_offers);
    let seen = scene.viewer.wait_for(SOON, |seen| {
        !seen.flashes.is_empty() && !seen.beeps.is_empty()
    });
    assert_eq!(seen.offers.len(), 3, "the channel, the video, the audio");
}

#[test]
fn a_screen_is_offered_beside_the_camera_and_named_in_the_offer() {
    let _turn = alone();
    let scene = Scene::new(|alice| alice);
    scene.wait_for_frames();
    scene.publisher.share_screen();
    let seen = scene.viewer.wait_for(SOON, |seen| {
        seen.channel.iter().any(|json| json.get("screen").is_some())
    });
    let offer = seen
        .channel
        .iter()
        .find(|json| json.get("screen").is_some())
        .unwrap();
    assert_eq!(offer["screen"], json!([2]), "after video and audio");
    scene.viewer.wait_for(SOON, |seen| seen.videos == 2);
}

#[test]
fn a_camera_that_is_switched_on_later_is_offered() {
    let _turn = alone();
    let scene = Scene::new(PublisherBuilder::without_video);
    scene.viewer.wait_for(SOON, |seen| !seen.beeps.is_empty());
    scene.publisher.add_video();
    scene.wait_for_frames();
}

#[test]
fn a_guest_without_a_camera_sends_audio_only() {
    let _turn = alone();
    let scene = Scene::new(PublisherBuilder::without_video);
    let seen = scene.viewer.wait_for(SOON, |seen| seen.beeps.len() > 1);
    assert_eq!(seen.frames.len(), 0);
}

#[test]
fn a_muted_camera_is_black_and_a_muted_microphone_silent() {
    let _turn = alone();
    let scene = Scene::new(|alice| alice);
    scene.wait_for_frames();
    scene.publisher.mute_video(true);
    scene.publisher.mute_audio(true);
    let seen = scene.viewer.wait_for(SOON, |seen| {
        seen.channel.contains(&json!({"videoMuted": true}))
            && seen.channel.contains(&json!({"muteState": true}))
            && seen.frames.last() == Some(&None)
    });
    let (beeps, frames) = (seen.beeps.len(), seen.frames.len());
    let seen = scene
        .viewer
        .wait_for(SOON, |seen| seen.frames.len() > frames + 60);
    assert!(
        seen.beeps.len() <= beeps + 1,
        "one beep may have been under way"
    );
}

#[test]
fn video_changes_its_size_without_losing_a_frame() {
    let _turn = alone();
    let scene = Scene::new(|alice| alice);
    scene.wait_for_frames();
    scene.publisher.resize(640, 360);
    let seen = scene
        .viewer
        .wait_for(SOON, |seen| seen.widths.last() == Some(&640));
    let frames = seen.frames.len();
    let seen = scene
        .viewer
        .wait_for(SOON, |seen| seen.frames.len() > frames + 15);
    assert_eq!(seen.missing(), 0);
}

#[test]
fn a_viewer_that_asks_for_a_keyframe_is_counted() {
    let _turn = alone();
    let scene = Scene::new(|alice| alice);
    scene.wait_for_frames();
    assert!(scene.publisher.keyframe_requests() > 0);
}

#[test]
fn a_raspberry_drops_a_viewer_that_answers_no_pings() {
    let _turn = alone();
    let server = RoomServer::start(Dialect::Hosted);
    let alice = Publisher::builder(server.url(), "room", "alice")
        .flavour(Flavour::Raspberry)
        .password(Password::Off)
        .ping_interval(Duration::from_millis(100))
        .start()
        .unwrap();
    alice.wait_until_joined(SOON).unwrap();
    let mut manners = Manners::hosted(Secret::new(&Password::Off, "vdo.ninja"));
    manners.answers_pings = false;
    let viewer = Viewer::start(server.url(), "room", "alice", manners);
    alice
        .wait_for_viewer(SOON)
        .unwrap_or_else(|error| panic!("{error}"));
    alice
        .wait_for_no_viewer(SOON)
        .unwrap_or_else(|error| panic!("{error}"));
    let pings = |seen: &Received| {
        seen.channel
            .iter()
            .filter(|json| json.get("ping").is_some())
            .count()
    };
    assert_eq!(pings(&viewer.wait_for(SOON, |_| true)), 10);
}

#[test]
fn what_a_viewer_does_wrong_is_collected() {
    let _turn = alone();
    let scene = Scene::new(|alice| alice);
    scene.wait_for_frames();
    scene.viewer.say(json!({"type": "local", "candidates": []}));
    scene
        .viewer
        .say(json!({"audio": true, "video": true, "mid": "1"}));
    scene.viewer.say(json!({"bye": true}));
    scene
        .publisher
        .wait_for_no_viewer(SOON)
        .unwrap_or_else(|error| panic!("{error}"));
    let complaints = scene.publisher.complaints();
    assert_eq!(complaints.len(), 3, "{complaints:?}");
}

#[test]
fn a_publisher_joins_by_tls_if_it_trusts_the_server() {
    let certificate = Certificate::loopback();
    let server = RoomServer::builder()
        .certificate(certificate.clone())
        .logged()
        .start()
        .unwrap();
    let alice = Publisher::builder(server.url(), "room", "alice");
    let alice = alice.ca(&certificate.chain).start().unwrap();
    alice
        .wait_until_joined(SOON)
        .unwrap_or_else(|error| panic!("{error}"));
    server
        .wait_for(SOON, |entry| entry.text.contains("seed"))
        .unwrap();
}

#[test]
fn the_sdk_refuses_the_relay_dialect() {
    let sdk = Publisher::builder("ws://127.0.0.1:1", "room", "alice").flavour(Flavour::Sdk);
    assert!(sdk.dialect(Dialect::Relay).start().is_err());
}
