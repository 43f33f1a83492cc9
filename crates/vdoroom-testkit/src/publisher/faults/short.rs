// SPDX-License-Identifier: MPL-2.0
//! Datagrams that are too short for what their first byte promises, from the address of the connection:
//! no ICE agent throws them away.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use gst::prelude::*;

/// RTP, RTCP, DTLS, a TURN channel, and nothing known (RFC 7983), each with its second byte.
const STARTS: [[u8; 2]; 5] = [[128, 96], [128, 200], [22, 254], [64, 0], [255, 255]];
/// One more than the header of RTP.
const LENGTHS: usize = 14;
/// Behind how many datagrams of its own a publisher sends one.
const INTERVAL: usize = 4;

/// Sends one of each kind and length, again and again, among what `webrtcbin` sends.
pub fn among(webrtcbin: &gst::Element) {
    if let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() {
        bin.connect_deep_element_added(|_, _, element| {
            let is_socket = element.factory().is_some_and(|f| f.name() == "nicesink");
            if let Some(pad) = element.static_pad("sink").filter(|_| is_socket) {
                on(&pad);
            }
        });
    }
}

fn on(pad: &gst::Pad) {
    let sent = AtomicUsize::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let is_own = info.buffer().is_some_and(|b| b.size() >= LENGTHS);
        let number = sent.fetch_add(usize::from(is_own), Relaxed);
        if is_own && number.is_multiple_of(INTERVAL) {
            // An error comes back with the next datagram as well.
            let _ = pad.chain(gst::Buffer::from_slice(datagram(number / INTERVAL)));
        }
        gst::PadProbeReturn::Ok
    });
}

/// The one with this number.
fn datagram(number: usize) -> Vec<u8> {
    let start = STARTS[number % STARTS.len()];
    // No socket sends an empty buffer.
    let length = 1 + number / STARTS.len() % (LENGTHS - 1);
    let mut all = start.to_vec();
    all.resize(length, 0);
    all
}
