// SPDX-License-Identifier: MPL-2.0
//! H.265 (RFC 7798), without decoding order numbers.

use super::bytes::Bytes;
use super::fragments::{Fragmented, UNENDED};
use super::packet::{Fault, Packet, Unit, Verdict};

const AP: u8 = 48;
const FU: u8 = 49;

const SPS: u8 = 33;

/// Up to the identifier: NAL unit header, one byte, profile, tier and level. rtph265depay 1.22
/// reads so far and does not look at the size (`gst_rtp_h265_set_src_caps`).
const SHORTEST_SPS: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct H265 {
    fragmented: Unit<Fragmented>,
}

impl H265 {
    pub(super) fn check(&mut self, packet: &Packet<'_>) -> Result<Verdict, Fault> {
        if !packet.follows {
            self.fragmented = Unit::Lost;
        }
        let mut payload = Bytes(packet.payload);
        match kind(payload.u16()?)? {
            FU => self.fragment(payload, packet),
            AP => {
                aggregated(payload)?;
                Ok(self.fragmented.interrupt(UNENDED))
            }
            // rtph265depay ends the connection for a PACI packet (50).
            50.. => Err("a packet of a kind that is not asked for"),
            _ => {
                unit(packet.payload)?;
                Ok(self.fragmented.interrupt(UNENDED))
            }
        }
    }

    /// Section 4.4.3. rtph265depay 1.22 aborts as rtph264depay does, by an assertion
    /// (`gst_rtp_h265_finish_fragmentation_unit`).
    fn fragment(&mut self, mut payload: Bytes<'_>, packet: &Packet<'_>) -> Result<Verdict, Fault> {
        let header = payload.u8()?;
        let (starts, ends) = (header & 0x80 != 0, header & 0x40 != 0);
        let now = Fragmented {
            kind: header & 0x3f,
            timestamp: packet.timestamp,
        };
        if now.kind >= AP {
            return Err("a fragment of what is no NAL unit");
        }
        if starts {
            is_long_enough(now.kind, 2 + payload.len())?;
        }
        self.fragmented.add(now, starts, ends)
    }
}

/// H.265 section 7.3.1.2: the forbidden bit and the type. A temporal ID of 0 is forbidden as well, but
/// GStreamer's own senders (x265enc, rtph265pay 1.22) send it now and then, and it harms no element.
fn kind(header: u16) -> Result<u8, Fault> {
    if header & 0x8000 != 0 {
        return Err("a NAL unit with the forbidden bit");
    }
    Ok((header >> 9) as u8 & 0x3f)
}

/// Section 4.4.2.
fn aggregated(mut payload: Bytes<'_>) -> Result<(), Fault> {
    if payload.is_empty() {
        return Err("an aggregation of nothing");
    }
    while !payload.is_empty() {
        let length = payload.u16()?;
        unit(payload.take(length.into())?)?;
    }
    Ok(())
}

fn unit(nal: &[u8]) -> Result<(), Fault> {
    let kind = kind(Bytes(nal).u16()?)?;
    if kind >= AP {
        return Err("an aggregation of what is no NAL unit");
    }
    is_long_enough(kind, nal.len())
}

fn is_long_enough(kind: u8, length: usize) -> Result<(), Fault> {
    match kind {
        SPS if length < SHORTEST_SPS => Err("a parameter set that cannot be read"),
        // Slices.
        0..=31 if length < 3 => Err("a slice of no bytes"),
        _ => Ok(()),
    }
}
