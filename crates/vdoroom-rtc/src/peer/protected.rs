// SPDX-License-Identifier: MPL-2.0
//! Media and reports of one connection, which SRTP protects. They do not pass through str0m: it
//! keeps packets for 100 numbers only, requests none without RTX, and asks itself for each packet
//! what else there is to do.

use std::net::SocketAddr;
use std::time::Instant;

use super::action::{Action, Datagram};
use crate::crypto::{Keys, Srtp};
use crate::rtp::{Header, Media, Out};
use crate::sdp::Offer;

/// Payload types that are types of RTCP packets, with the marker bit (RFC 5761 section 4).
const REPORTS: std::ops::RangeInclusive<u8> = 192..=223;

/// RTP and RTCP (RFC 7983).
const MEDIA: std::ops::RangeInclusive<u8> = 128..=191;

pub(crate) struct Protected {
    pub media: Media,
    /// Packets that have no place, or are not genuine.
    pub refused: u64,
    /// When the newest genuine packet came.
    pub heard: Option<Instant>,
    srtp: Option<Srtp>,
    /// Which way the newest genuine packet came. A publisher changes its way without telling ICE, and
    /// is reached on the one that works for it.
    way: Pair,
    out: Vec<Out>,
}

/// Our address and the publisher's, once they are known.
type Pair = Option<(SocketAddr, SocketAddr)>;

impl Protected {
    pub(crate) fn new(media: Media) -> Self {
        Self {
            media,
            refused: 0,
            heard: None,
            srtp: None,
            way: None,
            out: Vec::new(),
        }
    }

    pub(crate) fn protect(&mut self, keys: &Keys) {
        self.srtp = Srtp::new(keys);
    }

    pub(crate) fn datagram(
        &mut self,
        datagram: &Datagram<'_>,
        pair: Pair,
        actions: &mut Vec<Action>,
    ) {
        let [first, second, ..] = *datagram.bytes else {
            return;
        };
        if !MEDIA.contains(&first) {
            return;
        }
        let is_taken = match REPORTS.contains(&second) {
            true => self.reports(datagram.came, datagram.bytes),
            false => self.packet(datagram.came, datagram.bytes),
        };
        match is_taken {
            Some(()) => {
                self.way = Some(datagram.path);
                self.heard = Some(datagram.came);
                actions.push(Action::Heard(datagram.came));
            }
            None => self.refused += 1,
        }
        self.act(pair, actions);
    }

    fn packet(&mut self, now: Instant, packet: &[u8]) -> Option<()> {
        let srtp = self.srtp.as_mut()?;
        let header = Header::parse(packet)?;
        let place = self.media.place(packet, &header)?;
        let numbers = (header.ssrc, header.sequence, header.length);
        let packet = srtp.open(packet, numbers)?;
        self.media.packet(now, packet, header, place, &mut self.out);
        Some(())
    }

    fn reports(&mut self, now: Instant, packet: &[u8]) -> Option<()> {
        let packet = self.srtp.as_mut()?.open_reports(packet)?;
        self.media.reports(now, &packet, &mut self.out);
        Some(())
    }

    pub(crate) fn flush(&mut self, now: Instant, pair: Pair, actions: &mut Vec<Action>) {
        self.media.flush(now, &mut self.out);
        self.act(pair, actions);
    }

    /// Another offer was accepted. What waits of media that has ended goes out with what comes next.
    pub(crate) fn offered(&mut self, offer: &Offer) {
        self.media.offered(offer, &mut self.out);
    }

    /// Nothing more will come.
    pub(crate) fn finish(&mut self, actions: &mut Vec<Action>) {
        self.media.finish(&mut self.out);
        self.act(None, actions);
    }

    pub(crate) fn request_keyframe(&mut self, ssrc: u32, pair: Pair, actions: &mut Vec<Action>) {
        self.media.request_keyframe(ssrc, &mut self.out);
        self.act(pair, actions);
    }

    fn act(&mut self, pair: Pair, actions: &mut Vec<Action>) {
        for out in self.out.drain(..) {
            match out {
                Out::Packet(packet) => actions.push(Action::Packet(packet)),
                Out::Event(event) => actions.push(Action::Event(event)),
                Out::Report(report) => {
                    let sealed = self
                        .srtp
                        .as_mut()
                        .and_then(|srtp| srtp.seal_reports(&report));
                    if let (Some(sealed), Some((from, to))) = (sealed, self.way.or(pair)) {
                        actions.push(Action::Send {
                            from,
                            to,
                            datagram: sealed.to_vec(),
                        });
                    }
                }
            }
        }
    }
}
