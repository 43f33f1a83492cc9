// SPDX-License-Identifier: MPL-2.0

mod hostile;
mod publisher;
mod scene;

use std::time::Duration;

pub(crate) use publisher::Publisher;
use publisher::VIDEO;
use scene::Scene;

use crate::event::{Closed, DtlsState, Event, IceState, OfferError};
use crate::peer::{Action, Datagram};

const SECOND: Duration = Duration::from_secs(1);

fn connected() -> Scene {
    let mut scene = Scene::new();
    scene.agree(|offer| offer);
    scene.pass(SECOND, false);
    scene
}

fn indices(scene: &Scene) -> Vec<u64> {
    scene.packets.iter().map(|packet| packet.index).collect()
}

#[test]
fn a_publisher_is_received() {
    let mut scene = connected();
    assert!(
        scene.has(|event| matches!(event, Event::Ice(IceState::Connected | IceState::Completed)))
    );
    assert!(scene.has(|event| matches!(event, Event::Dtls(DtlsState::Connected))));
    assert!(scene.has(|event| matches!(event, Event::Certificate(_))));
    assert!(scene.has(|event| matches!(event, Event::LocalCandidate(_))));
    assert!(
        scene.has(
            |event| matches!(event, Event::ChannelOpen { label, .. } if label == "sendChannel")
        )
    );
    assert!(!scene.peer.is_connecting(scene.now));

    scene.pass(2 * SECOND, true);
    scene.publisher.report(0x0001_0002_0003_0004);
    scene.pass(SECOND, false);
    let (count, first) = (scene.packets.len() as u64, scene.packets[0].index);
    assert!(count >= 200);
    assert!(indices(&scene).into_iter().eq(first..first + count));
    for packet in &scene.packets {
        assert_eq!(packet.payload()[..2], (packet.index as u16).to_be_bytes());
        assert_eq!((packet.lost, packet.is_repeat), (0, false));
    }
    let tracks = scene.events.iter().filter_map(|event| match event {
        Event::Track(track) => Some((track.mid.as_str(), track.codec.as_str(), track.ssrc)),
        _ => None,
    });
    assert_eq!(tracks.collect::<Vec<_>>(), [("v", "VP8", VIDEO)]);
    assert!(scene.has(|event| matches!(
        event,
        Event::SenderReport(report) if report.ntp == 0x0001_0002_0003_0004
    )));
    let statistics = scene.peer.statistics();
    assert_eq!(statistics.protection, Some("AEAD_AES_128_GCM"));
    assert_eq!(statistics.streams[0].received, count);
    let kinds = (statistics.local_kind, statistics.remote_kind);
    assert_eq!(kinds, (Some("host"), Some("host")));
    assert_eq!(statistics.round_trip, Some(Duration::from_millis(20)));
}

#[test]
fn texts_go_both_ways() {
    let mut scene = connected();
    let Some(channel) = scene.events.iter().find_map(|event| match event {
        Event::ChannelOpen { channel, .. } => Some(*channel),
        _ => None,
    }) else {
        panic!("no channel");
    };
    assert!(scene.publisher.say("hello"));
    let now = scene.now;
    scene.act(|peer, out| peer.send(now, channel, "ping", out));
    scene.pass(SECOND, false);
    assert_eq!(scene.publisher.received, ["ping"]);
    assert!(scene.has(|event| matches!(event, Event::ChannelText { text, .. } if text == "hello")));
}

#[test]
fn what_the_publisher_sends_is_told_of_and_checks_of_ice_are_not() {
    let mut scene = connected();
    scene.pass(20 * SECOND, false);
    let quiet = scene.heard;
    scene.pass(5 * SECOND, false);
    assert_eq!(scene.heard, quiet);
    assert!(!scene.has(|event| matches!(event, Event::Ice(IceState::Disconnected))));
    scene.pass(SECOND, true);
    assert!(scene.heard > quiet);
    let media = scene.heard;
    scene.pass(SECOND, false);
    scene.publisher.say("here");
    scene.pass(SECOND / 10, false);
    assert!(scene.heard > media);
}

#[test]
fn whatever_is_lost_is_repaired() {
    for with_rtx in [true, false] {
        let mut scene = connected();
        scene.publisher.repeats_with_rtx = with_rtx;
        scene.loses = Box::new(|number| number % 7 == 3 || (100..105).contains(&number));
        scene.pass(3 * SECOND, true);
        scene.loses = Box::new(|_| false);
        scene.pass(SECOND, true);
        let indices = indices(&scene);
        assert!(indices.len() > 395, "{}", indices.len());
        assert!(indices.windows(2).all(|pair| pair[1] == pair[0] + 1));
        let statistics = &scene.peer.statistics().streams[0];
        assert_eq!(statistics.lost, 0);
        assert!(statistics.repaired > 40, "{statistics:?}");
        assert!(scene.packets.iter().any(|packet| packet.is_repeat));
    }
}

#[test]
fn packets_that_overtake_are_put_back_and_not_requested() {
    let mut scene = connected();
    scene.delays = Box::new(|number| if number % 5 == 0 { 15 } else { 0 });
    scene.pass(2 * SECOND, true);
    let indices = indices(&scene);
    assert!(indices.len() > 190);
    assert!(indices.windows(2).all(|pair| pair[1] == pair[0] + 1));
    assert_eq!(scene.peer.statistics().streams[0].requested, 0);
}

#[test]
fn keyframes_are_requested() {
    let mut scene = connected();
    scene.pass(SECOND, true);
    scene.act(|peer, out| peer.request_keyframe(VIDEO, out));
    scene.act(|peer, out| peer.request_keyframe(99, out));
    scene.pass(SECOND, true);
    assert_eq!(scene.publisher.keyframes_requested, 1);
}

#[test]
fn who_shows_another_certificate_is_not_heard() {
    let mut scene = Scene::new();
    scene.agree(|offer| {
        let at = offer.find("a=fingerprint:sha-256 ").unwrap() + "a=fingerprint:sha-256 ".len();
        format!("{}00:00{}", &offer[..at], &offer[at + 5..])
    });
    scene.pass(SECOND, true);
    assert!(scene.has(|event| matches!(event, Event::Closed(Closed::Certificate))));
    assert!(!scene.has(|event| matches!(event, Event::ChannelOpen { .. } | Event::Certificate(_))));
    assert!(scene.packets.is_empty());
}

#[test]
fn another_certificate_is_not_accepted_later() {
    let mut scene = connected();
    let now = scene.now;
    let offer = scene
        .publisher
        .offer()
        .replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-512 ");
    scene.act(|peer, out| peer.offer(now, &offer, out));
    let Some(Event::Answer(Err(OfferError::Refused(_)))) = scene.events.last() else {
        panic!("{:?}", scene.events.last());
    };
}

#[test]
fn a_publisher_restarts_ice_in_its_place() {
    let mut scene = connected();
    let candidates = |scene: &Scene| {
        let all = scene.events.iter();
        all.filter(|event| matches!(event, Event::LocalCandidate(_)))
            .count()
    };
    let before = (candidates(&scene), scene.peer.user());
    scene.agree(|offer| offer);
    assert_eq!(candidates(&scene), before.0 + 1);
    assert_ne!(scene.peer.user(), before.1);
    scene.pass(2 * SECOND, true);
    assert!(scene.packets.len() > 150);
    assert!(scene.publisher.say("still here"));
    scene.pass(SECOND, false);
    assert!(scene.has(|event| matches!(event, Event::ChannelText { .. })));
}

#[test]
fn who_leaves_is_gone_at_once() {
    let mut scene = connected();
    scene.publisher.rtc.close().unwrap();
    scene.publisher.drive();
    scene.pass(SECOND, false);
    assert!(scene.has(|event| matches!(event, Event::Closed(Closed::Remote))));
    assert!(scene.peer.is_closed());
}

#[test]
fn we_say_that_we_leave() {
    let mut scene = connected();
    let now = scene.now;
    scene.act(|peer, out| peer.close(now, out));
    assert!(matches!(
        scene.events.last(),
        Some(Event::Closed(Closed::Local))
    ));
}

#[test]
fn an_offer_that_cannot_be_read_changes_nothing() {
    let mut scene = connected();
    let now = scene.now;
    for text in ["", "v=0\r\n", "rubbish"] {
        scene.act(|peer, out| peer.offer(now, text, out));
        assert!(matches!(scene.events.last(), Some(Event::Answer(Err(_)))));
    }
    scene.pass(SECOND, true);
    assert!(scene.packets.len() > 80);
}

#[test]
fn rubbish_does_no_harm() {
    let mut scene = connected();
    scene.pass(SECOND, true);
    let before = scene.packets.len();
    for first in 0..=255_u8 {
        for length in [1, 2, 11, 12, 13, 20, 40, 200, 1400] {
            for fill in [0, 0x55, 0xff] {
                let mut datagram = vec![fill; length];
                datagram[0] = first;
                scene.receive(&datagram);
                if length > 20 {
                    // STUN by its cookie, RTP by its SSRC, a record of DTLS by its version.
                    datagram[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
                    datagram[1..3].copy_from_slice(&[0xfe, 0xfd]);
                    datagram[8..12].copy_from_slice(&VIDEO.to_be_bytes());
                    scene.receive(&datagram);
                    datagram[1] = 96;
                    scene.receive(&datagram);
                    datagram[1] = 200;
                    scene.receive(&datagram);
                }
            }
        }
    }
    assert_eq!(scene.packets.len(), before);
    scene.pass(SECOND, true);
    assert!(
        scene.packets.len() > before + 80,
        "{:?}",
        scene.events.last()
    );
}

/// Nothing comes through until ICE has seen that.
fn cut_off() -> Scene {
    let mut scene = connected();
    scene.is_cut = true;
    let is_lost =
        |scene: &Scene| scene.has(|event| matches!(event, Event::Ice(IceState::Disconnected)));
    for _ in 0..600 {
        if !is_lost(&scene) {
            scene.pass(SECOND / 10, false);
        }
    }
    assert!(is_lost(&scene));
    scene
}

#[test]
fn who_stays_out_of_reach_is_given_up_after_ten_seconds() {
    let mut scene = cut_off();
    scene.pass(9 * SECOND, false);
    assert!(!scene.peer.is_closed());
    scene.pass(2 * SECOND, false);
    assert!(scene.has(|event| matches!(
        event,
        Event::Closed(Closed::Failed(why)) if why.starts_with("ICE")
    )));
}

/// On a machine that is too busy, the answers to checks are among what is dropped.
#[test]
fn who_still_sends_media_is_not_given_up() {
    let mut scene = cut_off();
    for _ in 0..40 {
        let packet = scene.publisher.film().unwrap();
        scene.receive(&packet);
        scene.pass(SECOND / 2, false);
    }
    assert!(!scene.peer.is_closed());
    scene.pass(11 * SECOND, false);
    assert!(scene.peer.is_closed());
}

#[test]
fn who_restarts_ice_in_time_is_not_given_up() {
    let mut scene = cut_off();
    scene.is_cut = false;
    scene.agree(|offer| offer);
    scene.pass(15 * SECOND, true);
    assert!(!scene.peer.is_closed());
    assert!(scene.packets.len() > 1000);
}

#[test]
fn who_was_never_reached_is_not_given_up() {
    let mut scene = Scene::new();
    scene.is_cut = true;
    scene.agree(|offer| offer);
    scene.pass(60 * SECOND, false);
    assert!(scene.has(|event| matches!(event, Event::Ice(IceState::Disconnected))));
    assert!(!scene.peer.is_closed());
}

/// A browser that loses one way sends on another, before ICE has noticed here.
#[test]
fn a_publisher_is_answered_the_way_its_media_comes() {
    let mut scene = connected();
    scene.pass(SECOND, true);
    let path = ("192.0.2.3:5000".parse().unwrap(), scene.publisher.address);
    let (packet, came) = (scene.publisher.film().unwrap(), scene.now);
    let bytes = &packet[..];
    let mut out = Vec::new();
    let datagram = Datagram { came, path, bytes };
    scene.peer.datagram(came, &datagram, &mut out);
    out.clear();
    scene.peer.request_keyframe(VIDEO, &mut out);
    let ways = out.iter().map(|action| match action {
        Action::Send { from, to, .. } => (*from, *to),
        other => panic!("{other:?}"),
    });
    assert_eq!(ways.collect::<Vec<_>>(), [path]);
}
