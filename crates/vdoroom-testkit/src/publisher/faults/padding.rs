// SPDX-License-Identifier: MPL-2.0
//! Packets that carry nothing, among those that do: libwebrtc sends such ones to find out how much a
//! way takes.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;
use gst_rtp::{RTPBuffer, prelude::RTPBufferExt};

/// One packet in so many is padding.
const INTERVAL: u32 = 10;

/// Most of RFC 3550 section 5.1: the last byte counts all of them.
const LENGTH: u8 = 224;

#[derive(Default)]
struct Sent {
    packets: u32,
    /// By which the numbers of what comes behind have moved on.
    added: u16,
    is_own: bool,
}

/// Adds padding to what leaves this pad.
pub fn on(pad: &gst::Pad) {
    let sent = Mutex::<Sent>::default();
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(mask, move |pad, info| {
        let lock = || sent.lock().unwrap_or_else(PoisonError::into_inner);
        if lock().is_own {
            return gst::PadProbeReturn::Ok;
        }
        let packets: Vec<gst::Buffer> = match info.data.take() {
            Some(gst::PadProbeData::Buffer(buffer)) => vec![buffer],
            Some(gst::PadProbeData::BufferList(list)) => list.iter_owned().collect(),
            _ => return gst::PadProbeReturn::Ok,
        };
        let mut padded = vec![];
        for packet in packets {
            add(packet, &mut lock(), &mut padded);
        }
        // Pushing comes through here again.
        lock().is_own = true;
        for packet in padded {
            // An error comes back with the next packet as well.
            let _ = pad.push(packet);
        }
        lock().is_own = false;
        gst::PadProbeReturn::Handled
    });
}

/// The packet, with padding of its own, and one behind it that is nothing else.
fn add(mut packet: gst::Buffer, sent: &mut Sent, to: &mut Vec<gst::Buffer>) {
    sent.packets += 1;
    let is_due = sent.packets.is_multiple_of(INTERVAL);
    if is_due {
        pad(packet.make_mut(), 3);
    }
    let mut empty = None;
    if let Ok(mut rtp) = RTPBuffer::from_buffer_writable(packet.make_mut()) {
        let seq = rtp.seq().wrapping_add(sent.added);
        rtp.set_seq(seq);
        if is_due {
            empty = header_alone(&rtp, seq.wrapping_add(1));
            sent.added = sent.added.wrapping_add(1);
        }
    }
    let times = (packet.pts(), packet.dts());
    to.push(packet);
    if let Some(mut empty) = empty {
        let buffer = empty.make_mut();
        // Every second one is padding by its length alone.
        if sent.added.is_multiple_of(2) {
            pad(buffer, LENGTH);
        }
        buffer.set_pts(times.0);
        buffer.set_dts(times.1);
        to.push(empty);
    }
}

fn header_alone<T>(of: &RTPBuffer<'_, T>, seq: u16) -> Option<gst::Buffer> {
    let mut buffer = gst::Buffer::new_rtp_with_sizes(0, 0, 0).ok()?;
    let mut rtp = RTPBuffer::from_buffer_writable(buffer.make_mut()).ok()?;
    rtp.set_seq(seq);
    rtp.set_ssrc(of.ssrc());
    rtp.set_timestamp(of.timestamp());
    rtp.set_payload_type(of.payload_type());
    drop(rtp);
    Some(buffer)
}

/// Appends so many bytes of padding, and says so in the header.
fn pad(buffer: &mut gst::BufferRef, length: u8) {
    let mut bytes = vec![0; length.into()];
    if let Some(last) = bytes.last_mut() {
        *last = length;
    }
    buffer.append_memory(gst::Memory::from_slice(bytes));
    if let Ok(mut map) = buffer.map_writable()
        && let Some(first) = map.first_mut()
    {
        *first |= 0x20;
    }
}
