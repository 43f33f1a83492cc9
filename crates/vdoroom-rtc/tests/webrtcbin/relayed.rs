// SPDX-License-Identifier: MPL-2.0
//! Publishers that are reached through a TURN server only.

use vdoroom_rtc::{Event, Settings, Transport};

use super::coturn::Coturn;
use super::publisher::Publisher;
use super::viewer::Viewer;
use super::{AUDIO, LONGEST, VIDEO, alone};

fn is_received_through(transport: Transport, name: &str) {
    let _alone = alone();
    let Some(coturn) = Coturn::start(name) else {
        return;
    };
    let publisher = Publisher::start(true);
    let settings = Settings {
        turn: vec![coturn.settings(transport)],
        relay_only: true,
        ..Settings::default()
    };
    let viewer = Viewer::of(&publisher, settings, None);
    viewer.wait(LONGEST, |heard| heard.packets("audio") > 5 * AUDIO);
    let statistics = viewer.statistics(LONGEST);
    println!("{statistics:#?}");
    {
        let heard = viewer.heard();
        assert!(heard.frames() > 4 * VIDEO, "{} frames", heard.frames());
        heard.assert_whole();
        let candidates = heard.candidates();
        assert!(!candidates.is_empty());
        assert!(candidates.iter().all(|text| text.contains("typ relay")));
        assert!(heard.has(|event| matches!(event, Event::GatheringDone)));
    }
    let (ours, _) = statistics.pair.unwrap();
    assert_eq!(ours.ip(), coturn.ip());
    assert_eq!(coturn.allocations(), (1, 0));
    viewer.connection.close();
    coturn.wait_until_given_back(LONGEST, 1);
    assert_eq!(coturn.was_told(), 1);
}

#[test]
fn a_publisher_is_received_through_a_turn_server_over_udp() {
    is_received_through(Transport::Udp, "turn-udp");
}

#[test]
fn a_publisher_is_received_through_a_turn_server_over_tcp() {
    is_received_through(Transport::Tcp, "turn-tcp");
}

#[test]
fn the_last_connection_gives_its_address_back_too() {
    let _alone = alone();
    let Some(coturn) = Coturn::start("turn-last") else {
        return;
    };
    let publisher = Publisher::start(true);
    let settings = Settings {
        turn: vec![coturn.settings(Transport::Udp)],
        ..Settings::default()
    };
    let viewer = Viewer::of(&publisher, settings, None);
    viewer.wait(LONGEST, |heard| heard.frames() > 5);
    viewer.wait(LONGEST, |heard| {
        let mut candidates = heard.candidates().into_iter();
        candidates.any(|text| text.contains("typ relay"))
    });
    // The I/O thread ends with it.
    drop(viewer);
    coturn.wait_until_given_back(LONGEST, 1);
    assert_eq!(coturn.was_told(), 1);
    super::threads::wait_for_threads(LONGEST, 0);
}
