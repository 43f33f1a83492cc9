// SPDX-License-Identifier: MPL-2.0
//! RTP packets as bytes (RFC 3550 section 5.1), and what may be wrong with them.

use super::bytes::Change;

const HEADER: usize = 12;

/// Where the payload begins; the end if there is none.
pub(super) fn payload(packet: &[u8]) -> usize {
    let Some(first) = packet.first() else {
        return 0;
    };
    let mut at = HEADER + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0
        && let Some([_, _, high, low]) = packet.get(at..at + 4)
    {
        at += 4 + 4 * usize::from(u16::from_be_bytes([*high, *low]));
    }
    at.min(packet.len())
}

pub(super) fn timestamp(packet: &[u8]) -> u32 {
    let bytes = packet.get(4..8).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u32::from_be_bytes)
}

pub(super) fn add_to_sequence(packet: &mut [u8], n: u16) {
    if let Some([high, low]) = packet.get_mut(2..4) {
        let number = u16::from_be_bytes([*high, *low]).wrapping_add(n);
        [*high, *low] = number.to_be_bytes();
    }
}

pub(super) fn add_to_timestamp(packet: &mut [u8], ticks: u32) {
    let time = timestamp(packet).wrapping_add(ticks);
    if let Some(bytes) = packet.get_mut(4..8) {
        bytes.copy_from_slice(&time.to_be_bytes());
    }
}

/// Changes the header.
pub(super) fn change(packet: &mut Vec<u8>, [how, _, a, b]: Change) {
    let (Some(first), Some(second)) = (packet.first().copied(), packet.get(1).copied()) else {
        return;
    };
    match how % 10 {
        0 => packet[1] = second ^ 0x80,
        1 => packet[1] = (second & 0x80) | (a & 0x7f),
        // Padding as it should be, of any length.
        2 => {
            packet[0] = first | 0x20;
            packet.resize(packet.len() + usize::from(a), 0);
            packet.push(a.saturating_add(1));
        }
        // Nothing but padding.
        3 => {
            packet.truncate(payload(packet));
            packet[0] = first | 0x20;
            packet.resize(packet.len() + usize::from(a), 0);
            packet.push(a.saturating_add(1));
        }
        // Padding that is longer than the packet, or none.
        4 => {
            packet[0] = first | 0x20;
            if let Some(last) = packet.last_mut() {
                *last = a;
            }
        }
        5 => packet[0] = (first & 0xf0) | (a & 0x0f),
        6 => packet[0] = first ^ (a & 0xf0),
        // A header extension (RFC 8285), whole or with another length than it says.
        7 | 8 => {
            let profile: [u8; 2] = if a % 2 == 0 { [0xbe, 0xde] } else { [0x10, 0] };
            let words = a / 2 % 8;
            let said = if how % 10 == 7 { words } else { b };
            let mut extension = vec![profile[0], profile[1], 0, said];
            extension.extend((0..words * 4).map(|n| b.wrapping_mul(n)));
            let at = (HEADER + 4 * usize::from(first & 0x0f)).min(packet.len());
            packet[0] = first | 0x10;
            packet.splice(at..at, extension);
        }
        _ => packet.truncate(usize::from(a)),
    }
}

/// Nothing behind the header.
pub(super) fn empty(packet: &mut Vec<u8>) {
    packet.truncate(payload(packet));
}
