// SPDX-License-Identifier: MPL-2.0
//! What a server may say that means us no good.

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

use super::scene::{Scene, settings};
use super::server::{Server, indication};
use super::{CHECK, MEDIA, SECOND, publisher};
use crate::settings::Transport;

#[test]
fn what_no_server_that_was_asked_has_sent_is_not_taken() {
    let mut scene = Scene::relaying(Transport::Udp);
    scene.hear(0, &indication(publisher(1), MEDIA));
    assert!(scene.received.is_empty());
}

#[test]
fn a_server_that_does_not_speak_turn_is_left() {
    let mut scene = Scene::relaying(Transport::Tcp);
    let ours = scene.server().relayed;
    scene.hear(0, &[0xff; 100]);
    assert_eq!(scene.lost, [ours]);
    assert_eq!(scene.open, [None]);
}

#[test]
fn a_server_that_always_wants_something_else_is_not_asked_for_ever() {
    let mut scene = Scene::new(&[settings(Transport::Udp)]);
    scene.serve("203.0.113.1", Server::new("203.0.113.1:50000"));
    scene.name(&["203.0.113.1"]);
    for n in 0..1000 {
        scene.server().nonce = format!("once{n}");
        scene.pass(SECOND / 50);
        if scene.relays.are_over() {
            return;
        }
        scene.server().allocated = false;
    }
    assert!(scene.relays.are_over() || !scene.gained.is_empty());
}

#[test]
fn no_more_addresses_are_kept_than_a_publisher_has() {
    let mut scene = Scene::relaying(Transport::Udp);
    for n in 0..10_000_u16 {
        let [high, low] = n.to_be_bytes();
        scene.send(([198, 18, high, low], 5000).into(), CHECK);
    }
    scene.pass(60 * SECOND);
    let permitted = &mut scene.server().permitted;
    permitted.sort();
    permitted.dedup();
    assert_eq!(permitted.len(), 128);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Answers of a server whose bytes are changed, and what is made up, at each stage.
    #[test]
    fn whatever_a_server_says_is_survived(
        is_stream in any::<bool>(),
        changes in vec((any::<u16>(), any::<u8>(), vec(any::<u8>(), 0..60)), 0..60)
    ) {
        let transport = if is_stream { Transport::Tcp } else { Transport::Udp };
        let mut scene = Scene::new(&[settings(transport)]);
        let mut server = Server::new("203.0.113.1:50000");
        server.is_stream = is_stream;
        scene.serve("203.0.113.1", server);
        scene.name(&["203.0.113.1"]);
        for (at, byte, rubbish) in changes {
            let mut message = indication(publisher(1), MEDIA);
            let at = usize::from(at) % message.len();
            message[at] = byte;
            scene.hear(0, &message);
            scene.hear(0, &rubbish);
            if scene.gained.len() == 1 && scene.lost.is_empty() {
                scene.send(publisher(u16::from(byte)), &[byte, 1]);
            }
            scene.pass(SECOND / 20);
        }
        prop_assert!(scene.gained.len() <= 1);
    }
}
