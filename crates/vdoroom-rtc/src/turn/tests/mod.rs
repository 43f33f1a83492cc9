// SPDX-License-Identifier: MPL-2.0

mod hostile;
mod scene;
mod server;

use std::net::SocketAddr;
use std::time::Duration;

pub(crate) use scene::settings;
pub(crate) use server::Server;

use scene::Scene;
use turn_client_proto::types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};

use crate::settings::Transport;

const SECOND: Duration = Duration::from_secs(1);
const CHECK: &[u8] = &[0, 1, 0, 0];
const MEDIA: &[u8] = &[0x80, 96, 1];

fn publisher(port: u16) -> SocketAddr {
    ([198, 51, 100, 7], port).into()
}

#[test]
fn a_server_gives_an_address_and_relays_both_ways() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut scene = Scene::relaying(transport);
        assert!(!scene.relays.are_awaited());
        assert_eq!(scene.server().relay(publisher(1), CHECK), None);
        scene.send(publisher(1), CHECK);
        scene.pass(SECOND);
        assert_eq!(scene.server().sent, [(publisher(1), CHECK.to_vec())]);
        let check = scene.server().relay(publisher(1), CHECK).unwrap();
        scene.hear(0, &check);
        // The second before the server has answered.
        scene.send(publisher(1), MEDIA);
        scene.send(publisher(1), MEDIA);
        scene.pass(SECOND);
        let channels = &scene.server().channels;
        assert_eq!((channels.len(), channels[&0x4000]), (1, publisher(1)));
        scene.send(publisher(1), MEDIA);
        let media = scene.server().relay(publisher(1), MEDIA).unwrap();
        scene.hear(0, &media);
        let sent = scene.server().sent.split_off(1);
        assert_eq!(sent, [0; 3].map(|_| (publisher(1), MEDIA.to_vec())));
        let path = (scene.server().relayed, publisher(1));
        let received = [CHECK, MEDIA].map(|bytes| (path, bytes.to_vec()));
        assert_eq!(scene.received, received);
    }
}

#[test]
fn one_permission_is_enough_for_a_host_and_the_newest_waits_for_it() {
    let mut scene = Scene::relaying(Transport::Udp);
    // Requests are not sent all at once, so this one waits.
    scene.send(publisher(9), CHECK);
    scene.server().sent.clear();
    let other = SocketAddr::from(([198, 51, 100, 8], 1));
    for last in [1, 2] {
        scene.send(other, &[0, 1, 0, last]);
    }
    scene.send(publisher(2), CHECK);
    scene.pass(SECOND);
    let newest = (other, vec![0, 1, 0, 2]);
    assert!(scene.server().sent.contains(&newest));
    assert!(
        scene
            .server()
            .sent
            .contains(&(publisher(2), CHECK.to_vec()))
    );
    assert_eq!(scene.server().sent.len(), 2);
    assert_eq!(scene.server().permitted.len(), 2);
}

#[test]
fn all_of_it_is_renewed_and_what_is_gone_is_not_asked_for_without_end() {
    let mut scene = Scene::relaying(Transport::Udp);
    scene.send(publisher(1), CHECK);
    scene.pass(SECOND);
    scene.send(publisher(1), MEDIA);
    scene.pass(3600 * SECOND);
    let accepted = std::mem::take(&mut scene.server().accepted);
    let count = |method| accepted.iter().filter(|other| **other == method).count();
    assert_eq!(count(ALLOCATE), 1);
    // Before 600 s are over, for 1800 s then.
    assert_eq!(count(REFRESH), 2);
    assert!(
        (6..8).contains(&count(CHANNEL_BIND)),
        "{}",
        count(CHANNEL_BIND)
    );
    let permissions = count(CREATE_PERMISSION);
    assert!((10..17).contains(&permissions), "{permissions}");
    assert!(scene.lost.is_empty());
    scene.send(publisher(1), MEDIA);
    assert_eq!(scene.server().sent.len(), 3);
}

#[test]
fn a_password_that_is_refused_is_noticed_at_once() {
    let mut wrong = settings(Transport::Udp);
    wrong.password = "open".into();
    let mut scene = Scene::new(&[wrong]);
    scene.serve("203.0.113.1", Server::new("203.0.113.1:50000"));
    scene.name(&["203.0.113.1"]);
    assert!(scene.relays.are_awaited());
    scene.pass(SECOND);
    assert!(!scene.relays.are_awaited() && scene.relays.are_over());
    assert_eq!(scene.open, [None]);
    assert!(!scene.server().allocated);
}

#[test]
fn the_next_address_is_tried_when_one_is_of_no_use() {
    let mut scene = Scene::new(&[settings(Transport::Udp)]);
    for (ip, is_silent, is_full) in [
        ("203.0.113.1", true, false),
        ("203.0.113.2", false, true),
        ("203.0.113.3", false, false),
    ] {
        let mut server = Server::new(&format!("{ip}:50000"));
        server.is_silent = is_silent;
        server.is_full = is_full;
        scene.serve(ip, server);
    }
    let all = ["203.0.113.9", "203.0.113.1", "203.0.113.2", "203.0.113.3"];
    scene.name(&all);
    scene.pass(4 * SECOND);
    assert!(scene.relays.are_awaited() && scene.gained.is_empty());
    scene.pass(2 * SECOND);
    assert_eq!(scene.gained, [scene.servers[2].1.relayed]);
}

#[test]
fn a_name_without_an_address_is_not_waited_for() {
    let mut scene = Scene::new(&[settings(Transport::Udp)]);
    assert!(scene.relays.are_awaited());
    scene.name(&[]);
    assert!(!scene.relays.are_awaited() && scene.relays.are_over());
}

#[test]
fn an_address_is_given_back_when_the_connection_ends() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut scene = Scene::relaying(transport);
        scene.send(publisher(1), CHECK);
        // Whose name for its requests the server has changed in between.
        scene.server().nonce = "twice".into();
        scene.act(|relays, now, steps| relays.leave(now, steps));
        assert!(!scene.relays.are_over());
        scene.pass(SECOND);
        assert!(!scene.server().allocated);
        assert!(scene.relays.are_over());
        assert_eq!(scene.open, [None]);
    }
}

#[test]
fn an_address_that_comes_too_late_is_given_back() {
    let mut scene = Scene::new(&[settings(Transport::Udp)]);
    scene.serve("203.0.113.1", Server::new("203.0.113.1:50000"));
    scene.name(&["203.0.113.1"]);
    // The server has asked for the password, which is not sent yet.
    scene.act(|relays, now, steps| relays.leave(now, steps));
    scene.pass(SECOND);
    assert_eq!(scene.server().accepted, [ALLOCATE, REFRESH]);
    assert!(!scene.server().allocated);
    assert!(scene.gained.is_empty() && scene.relays.are_over());
}

#[test]
fn a_server_that_is_gone_is_not_waited_for_at_the_end() {
    let mut scene = Scene::relaying(Transport::Udp);
    scene.server().is_silent = true;
    scene.act(|relays, now, steps| relays.leave(now, steps));
    scene.pass(3 * SECOND);
    assert!(scene.relays.are_over());
    assert_eq!(scene.open, [None]);
}

#[test]
fn a_stream_that_ends_takes_the_address_along() {
    for (transport, is_lost) in [(Transport::Tcp, true), (Transport::Udp, false)] {
        let mut scene = Scene::relaying(transport);
        scene.act(|relays, now, steps| relays.failed(now, 0, steps));
        assert_eq!(!scene.lost.is_empty(), is_lost, "{transport:?}");
    }
}

#[test]
fn whom_the_server_forbids_is_not_asked_for_again_and_again() {
    let mut scene = Scene::relaying(Transport::Udp);
    scene.server().forbidden = Some(publisher(1).ip());
    for _ in 0..100 {
        scene.send(publisher(1), CHECK);
        scene.pass(SECOND / 10);
    }
    assert!(scene.server().sent.is_empty());
    assert_eq!(scene.server().refused, 2);
    scene.server().forbidden = None;
    scene.pass(10 * SECOND);
    scene.send(publisher(1), CHECK);
    scene.pass(SECOND);
    assert_eq!(scene.server().sent, [(publisher(1), CHECK.to_vec())]);
}

#[test]
fn four_servers_are_used_at_most_and_each_has_its_own_address() {
    let mut scene = Scene::new(&[0; 6].map(|_| settings(Transport::Udp)));
    scene.serve("203.0.113.1", Server::new("203.0.113.1:50000"));
    scene.name(&["203.0.113.1"]);
    assert_eq!(scene.open.iter().flatten().count(), 4);
}
