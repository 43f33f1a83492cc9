// SPDX-License-Identifier: MPL-2.0
//! Publishers of GStreamer, in real time. Before 1.28 their certificates are RSA.

mod coturn;
mod network;
mod publisher;
mod relayed;
mod threads;
mod viewer;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use network::{Impairment, Network};
use publisher::Publisher;
use viewer::Viewer;

use vdoroom_rtc::{DtlsState, Event, Settings};

const LONGEST: Duration = Duration::from_secs(20);

/// Frames per second and packets of audio per second of a publisher.
const VIDEO: usize = 30;
const AUDIO: usize = 50;

/// Each of them encodes video, in real time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn settings() -> Settings {
    Settings::default()
}

#[test]
fn a_publisher_is_received_whole() {
    let _alone = alone();
    let publisher = Publisher::start(true);
    let viewer = Viewer::of(&publisher, settings(), None);
    viewer.wait(LONGEST, |heard| heard.packets("audio") > 5 * AUDIO);
    let statistics = viewer.statistics(LONGEST);
    println!("{statistics:#?}");
    let heard = viewer.heard();
    assert!(heard.has(|event| matches!(event, Event::Dtls(DtlsState::Connected))));
    assert!(heard.has(|event| matches!(event, Event::SenderReport(_))));
    assert!(heard.frames() > 4 * VIDEO, "{} frames", heard.frames());
    heard.assert_whole();
    for track in heard.tracks() {
        assert!(
            ["VP8", "OPUS"].contains(&track.codec.to_uppercase().as_str()),
            "{track:?}"
        );
    }
    assert!(statistics.pair.is_some() && statistics.round_trip.is_some());
    assert_eq!(statistics.refused, 0);
    assert!(statistics.streams.iter().all(|stream| stream.lost == 0));
}

#[test]
fn texts_go_both_ways_and_keyframes_come_on_request() {
    let _alone = alone();
    let publisher = Publisher::start(true);
    let viewer = Viewer::of(&publisher, settings(), None);
    viewer.wait(LONGEST, |heard| {
        heard.channel().is_some() && heard.frames() > 10
    });
    let channel = viewer.heard().channel().unwrap();
    viewer.connection.send(channel, "ping".into());
    publisher.wait_for_text(LONGEST, "ping");
    publisher.say("pong");
    viewer.wait(LONGEST, |heard| {
        heard.has(|event| matches!(event, Event::ChannelText { text, .. } if text == "pong"))
    });
    let before = viewer.heard().keyframes();
    let video = viewer.heard().track("video").unwrap().ssrc;
    viewer.connection.request_keyframe(video);
    viewer.wait(LONGEST, |heard| heard.keyframes() > before);
}

#[test]
fn what_the_network_loses_is_repaired() {
    let _alone = alone();
    for retransmission in [true, false] {
        let publisher = Publisher::start(retransmission);
        let network = Network::start(Impairment {
            loses: 5,
            ..Impairment::default()
        });
        let viewer = Viewer::of(&publisher, settings(), Some(&network));
        viewer.wait(LONGEST, |heard| heard.packets("video") > 300);
        let statistics = viewer.statistics(LONGEST);
        println!("{statistics:#?}");
        let heard = viewer.heard();
        assert!(network.lost() > 10);
        let video = heard.track("video").unwrap().ssrc;
        let video = statistics
            .streams
            .iter()
            .find(|stream| stream.ssrc == video)
            .unwrap();
        match retransmission {
            true => {
                assert!(video.repaired > 5, "{video:?}");
                assert!(video.lost * 20 <= video.repaired, "{video:?}");
            }
            false => assert!(video.lost > 0, "it was marked: {video:?}"),
        }
        heard.assert_in_order();
        assert!(heard.longest_wait() < settings().latency + Duration::from_millis(60));
    }
}

#[test]
fn what_the_network_mixes_up_is_put_in_order() {
    let _alone = alone();
    let publisher = Publisher::start(true);
    let network = Network::start(Impairment {
        delays: 10,
        by: Duration::from_millis(15),
        ..Impairment::default()
    });
    let viewer = Viewer::of(&publisher, settings(), Some(&network));
    viewer.wait(LONGEST, |heard| heard.packets("video") > 300);
    let heard = viewer.heard();
    heard.assert_whole();
    assert!(network.delayed() > 10);
}

#[test]
fn the_thread_begins_with_the_first_connection_and_ends_with_the_last() {
    let _alone = alone();
    threads::wait_for_threads(LONGEST, 0);
    let publishers = [Publisher::start(true), Publisher::start(true)];
    let viewers = publishers
        .each_ref()
        .map(|publisher| Viewer::of(publisher, settings(), None));
    for viewer in &viewers {
        viewer.wait(LONGEST, |heard| heard.frames() > 5);
    }
    threads::wait_for_threads(LONGEST, 1);
    for viewer in &viewers {
        viewer.connection.close();
        viewer.wait(LONGEST, |heard| {
            heard.has(|event| matches!(event, Event::Closed(_)))
        });
    }
    drop(viewers);
    threads::wait_for_threads(LONGEST, 0);
}
