// SPDX-License-Identifier: MPL-2.0
//! What publishers may say and send who mean us no good.

use std::time::Instant;

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

use crate::event::Event;
use crate::peer::{Action, Datagram, Peer};
use crate::rtp::{Header, Media, Out, Reporter};
use crate::sdp::{BROWSER, Offer};
use crate::settings::Settings;

fn media(now: Instant) -> Media {
    let reporter = Reporter {
        ssrc: 1,
        name: "x".into(),
    };
    Media::new(now, &Settings::default(), reporter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Lines of an offer are left out, repeated, exchanged, and bytes of it changed.
    #[test]
    fn any_offer_is_answered_or_refused(
        changes in vec((0..4_u8, any::<u16>(), any::<u16>(), any::<u8>()), 0..12)
    ) {
        let mut lines: Vec<Vec<u8>> = BROWSER.split("\r\n").map(|line| line.into()).collect();
        for (what, one, other, byte) in changes {
            let (one, other) = (usize::from(one) % lines.len(), usize::from(other) % lines.len());
            match what {
                0 => drop(lines.remove(one)),
                1 => lines.insert(one, lines[other].clone()),
                2 => lines.swap(one, other),
                _ => {
                    let at = usize::from(byte) % (lines[one].len() + 1);
                    lines[one].insert(at, byte);
                }
            }
        }
        let text = String::from_utf8_lossy(&lines.join(&b"\r\n"[..])).into_owned();
        let now = Instant::now();
        let local = ["192.0.2.1:5000".parse().unwrap()];
        let mut peer = Peer::new(now, &Settings::default(), &local, 7, media(now)).unwrap();
        let mut actions = Vec::new();
        peer.offer(now, &text, &mut actions);
        prop_assert!(matches!(actions[0], Action::Event(Event::Answer(_))));
        peer.tick(now, &mut actions);
    }

    /// Packets that are genuine and make no sense: media, repeats and reports.
    #[test]
    fn whatever_is_sent_is_bounded(
        packets in vec((0..4_u8, any::<u16>(), any::<bool>(), vec(any::<u8>(), 0..80)), 1..300)
    ) {
        let now = Instant::now();
        let mut media = media(now);
        media.offered(&Offer::read(BROWSER).unwrap(), &mut Vec::new());
        let mut out = Vec::new();
        for (kind, sequence, extended, body) in packets {
            let (payload_type, ssrc) = match kind {
                0 => (96, 1000_u32),
                1 => (97, 1001),
                2 => (111, 2000),
                _ => {
                    let mut report = body;
                    if let [_, kind, _, length, ..] = &mut report[..] {
                        *kind = 200 + *kind % 8;
                        *length %= 20;
                    }
                    media.reports(now, &report, &mut out);
                    continue;
                }
            };
            let mut packet = vec![0x80 | (sequence as u8 & 0x20), payload_type];
            packet.extend(sequence.to_be_bytes());
            packet.extend([0; 4]);
            packet.extend(ssrc.to_be_bytes());
            if extended {
                packet[0] |= 0x10;
                packet.extend([0xbe, 0xde, 0, 2]);
            }
            packet.extend(body);
            if let Some(header) = Header::parse(&packet)
                && let Some(place) = media.place(&packet, &header)
            {
                media.packet(now, BytesMut::from(&packet[..]), header, place, &mut out);
            }
        }
        let end = now + Settings::default().latency * 2;
        media.flush(end, &mut out);
        let requests = out.iter().filter(|out| matches!(out, Out::Report(_))).count();
        prop_assert!(requests < 400);
        for out in out {
            if let Out::Packet(packet) = out {
                prop_assert!(packet.payload_at <= packet.data.len());
            }
        }
    }

    /// Datagrams from an address that is known.
    #[test]
    fn any_datagram_is_taken(datagrams in vec(vec(any::<u8>(), 0..200), 0..50)) {
        let now = Instant::now();
        let local = "192.0.2.1:5000".parse().unwrap();
        let mut peer = Peer::new(now, &Settings::default(), &[local], 7, media(now)).unwrap();
        let mut actions = Vec::new();
        peer.offer(now, BROWSER, &mut actions);
        for bytes in &datagrams {
            let path = (local, "192.0.2.2:6000".parse().unwrap());
            let datagram = Datagram { came: now, path, bytes };
            peer.datagram(now, &datagram, &mut actions);
        }
    }
}
