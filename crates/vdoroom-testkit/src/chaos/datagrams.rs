// SPDX-License-Identifier: MPL-2.0
//! Garbage for every UDP port of the recorder that a publisher was told of.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use crate::chance::Chance;
use crate::log::Direction;
use crate::publisher::Publisher;

use super::counters::{Counters, PACE};

/// What a first byte promises (RFC 7983): STUN, DTLS, RTP, and nothing known.
const FIRST_BYTES: [u8; 5] = [0, 22, 128, 200, 255];

pub fn throw(publisher: &Publisher, seed: u64, counters: &Counters) {
    let Ok(socket) = UdpSocket::bind("0.0.0.0:0") else {
        return;
    };
    let mut chance = Chance::new(seed);
    let mut targets = BTreeSet::new();
    let mut round = 0_u32;
    while !counters.over.load(Relaxed) {
        if round.is_multiple_of(100) {
            targets = ports(publisher);
        }
        round += 1;
        for target in &targets {
            let mut datagram: Vec<u8> = (0..chance.below(1500))
                .map(|_| chance.next().to_le_bytes()[3])
                .collect();
            if let Some(first) = datagram.first_mut() {
                *first = FIRST_BYTES[chance.below(FIRST_BYTES.len())];
            }
            if socket.send_to(&datagram, target).is_ok() {
                counters.datagrams.fetch_add(1, Relaxed);
            }
        }
        thread::sleep(PACE);
    }
}

/// The host candidates in what the publisher has received: addresses of this machine.
fn ports(publisher: &Publisher) -> BTreeSet<SocketAddr> {
    let mut found = BTreeSet::new();
    for entry in publisher.log() {
        if !matches!(entry.direction, Direction::Received) || !entry.text.contains("\"remote\"") {
            continue;
        }
        for candidate in entry.text.split("candidate:").skip(1) {
            let words: Vec<&str> = candidate.split(['"', ' ']).take(8).collect();
            if let [_, _, protocol, _, address, port, "typ", "host"] = words[..]
                && protocol.eq_ignore_ascii_case("udp")
                && let (Ok(ip), Ok(port)) = (address.parse::<IpAddr>(), port.parse())
                && ip.is_ipv4()
            {
                found.insert(SocketAddr::new(ip, port));
            }
        }
    }
    found
}
