// SPDX-License-Identifier: MPL-2.0
//! G.711 and G.722 (RFC 3551 section 4.5): any bytes will do.

use super::packet::Packet;

/// What `&e2ee` makes a packet longer by: 16 random bytes before it, and 1 to 16 behind it, up to a
/// multiple of 16 (AES-CBC).
const BLOCK: usize = 16;
const MORE: std::ops::RangeInclusive<usize> = 17..=32;

/// Of the 50 packets of a sample.
const STRANGE: u32 = 40;

/// One byte is one tick of the clock, for each channel.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// Timestamp and length.
    last: Option<(u32, usize)>,
    /// How many packets were longer than the time until the next one, by just so much.
    longer: u32,
}

impl Samples {
    pub(super) fn note(&mut self, packet: &Packet<'_>) {
        let length = packet.payload.len();
        if let Some((before, last)) = self.last.replace((packet.timestamp, length))
            && packet.follows
            && last.is_multiple_of(BLOCK)
        {
            let ticks = usize::try_from(packet.timestamp.wrapping_sub(before));
            let more = ticks.ok().and_then(|ticks| last.checked_sub(ticks));
            self.longer += u32::from(more.is_some_and(|more| MORE.contains(&more)));
        }
    }

    /// Begins anew.
    pub(super) fn was_strange(&mut self) -> bool {
        std::mem::take(&mut self.longer) >= STRANGE
    }
}
