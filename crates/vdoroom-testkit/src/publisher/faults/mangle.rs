// SPDX-License-Identifier: MPL-2.0
//! RTP garbage that comes through DTLS and SRTP unharmed, for it is made before.

use std::sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed};

use gst::prelude::*;

use crate::chance::Chance;
use crate::publisher::status::Status;

/// The fixed header of RTP (RFC 3550 section 5.1), whose version, payload type and SSRC stay:
/// without them the packet would not leave.
const HEADER: usize = 12;

pub fn on(pad: &gst::Pad, seed: u64, status: Arc<Status>) {
    let chance = Mutex::new(Chance::new(seed));
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(mask, move |_, info| {
        let mut chance = chance.lock().unwrap_or_else(PoisonError::into_inner);
        let mut change = |buffer: &mut gst::BufferRef| {
            if chance.below(2) == 0 && spoil(buffer, &mut chance) {
                status.mangled_packets.fetch_add(1, Relaxed);
            }
        };
        if let Some(buffer) = info.buffer_mut() {
            change(buffer.make_mut());
        } else if let Some(gst::PadProbeData::BufferList(list)) = &mut info.data {
            list.make_mut().foreach_mut(|mut buffer, _| {
                change(buffer.make_mut());
                std::ops::ControlFlow::Continue(Some(buffer))
            });
        }
        gst::PadProbeReturn::Ok
    });
}

/// Other bytes in the payload, another marker or time, or only a part of the payload, or none. SRTP does not
/// send sequence numbers twice.
fn spoil(buffer: &mut gst::BufferRef, chance: &mut Chance) -> bool {
    let payload = buffer.size().saturating_sub(HEADER);
    match chance.below(8) {
        0 => buffer.set_size(HEADER + chance.below(payload)),
        // A header alone.
        1 => buffer.set_size(HEADER),
        _ => {}
    }
    let Ok(mut map) = buffer.map_writable() else {
        return false;
    };
    if map.len() < HEADER {
        return false;
    }
    match chance.below(6) {
        0 => map[1] ^= 0x80,
        1 => map[4] = chance.next().to_le_bytes()[2],
        _ => {}
    }
    let payload = &mut map[HEADER..];
    for _ in 0..chance.below(20) {
        if let Some(byte) = payload.get_mut(chance.below(payload.len())) {
            *byte = chance.next().to_le_bytes()[2];
        }
    }
    true
}
