// SPDX-License-Identifier: MPL-2.0
//! H.264 (RFC 6184), in the packetization modes that are asked for: 0 and 1.

use super::bytes::{Bytes, Golomb};
use super::fragments::{Fragmented, UNENDED};
use super::packet::{Fault, Packet, Unit, Verdict};

const STAP_A: u8 = 24;
const FU_A: u8 = 28;

#[derive(Debug, Default)]
pub(crate) struct H264 {
    fragmented: Unit<Fragmented>,
}

impl H264 {
    pub(super) fn check(&mut self, packet: &Packet<'_>) -> Result<Verdict, Fault> {
        if !packet.follows {
            self.fragmented = Unit::Lost;
        }
        let mut payload = Bytes(packet.payload);
        let header = payload.u8()?;
        match kind(header)? {
            FU_A => self.fragment(payload, packet),
            STAP_A => {
                aggregated(payload)?;
                Ok(self.fragmented.interrupt(UNENDED))
            }
            // Section 5.4, table 3: STAP-B, MTAPs and FU-B are of the interleaved mode.
            25..=27 | 29 => Err("a packet of the interleaved mode, which was not asked for"),
            _ => {
                unit(packet.payload)?;
                Ok(self.fragmented.interrupt(UNENDED))
            }
        }
    }

    /// Section 5.8. rtph264depay 1.22 takes a NAL unit of no bytes out of its adapter when
    /// fragments stop after a hole that its base class has not seen, and crashes
    /// (`gst_rtp_h264_finish_fragmentation_unit`).
    fn fragment(&mut self, mut payload: Bytes<'_>, packet: &Packet<'_>) -> Result<Verdict, Fault> {
        let header = payload.u8()?;
        let (starts, ends) = (header & 0x80 != 0, header & 0x40 != 0);
        let now = Fragmented {
            kind: kind(header & 0x1f)?,
            timestamp: packet.timestamp,
        };
        if now.kind >= STAP_A {
            return Err("a fragment of what is no NAL unit");
        }
        if starts {
            parameter_set(now.kind, payload.0)?;
        }
        self.fragmented.add(now, starts, ends)
    }
}

/// Section 5.3: F has to be 0, and types 0, 30 and 31 mean nothing.
fn kind(header: u8) -> Result<u8, Fault> {
    match header & 0x1f {
        _ if header & 0x80 != 0 => Err("a NAL unit with the forbidden bit"),
        0 | 30 | 31 => Err("a NAL unit of no known type"),
        kind => Ok(kind),
    }
}

/// Section 5.7.1.
fn aggregated(mut payload: Bytes<'_>) -> Result<(), Fault> {
    if payload.is_empty() {
        return Err("an aggregation of nothing");
    }
    while !payload.is_empty() {
        let length = payload.u16()?;
        let unit_of = payload.take(length.into())?;
        if kind(*unit_of.first().ok_or("a NAL unit of no bytes")?)? >= STAP_A {
            return Err("an aggregation of what is no NAL unit");
        }
        unit(unit_of)?;
    }
    Ok(())
}

fn unit(nal: &[u8]) -> Result<(), Fault> {
    let Some((header, body)) = nal.split_first() else {
        return Err("a NAL unit of no bytes");
    };
    match header & 0x1f {
        1..=5 if body.is_empty() => Err("a slice of no bytes"),
        kind => parameter_set(kind, body),
    }
}

/// Section 7.3.2 of H.264, as far as rtph264depay reads.
fn parameter_set(kind: u8, body: &[u8]) -> Result<(), Fault> {
    let within = |id: Option<u32>, limit| id.is_some_and(|id| id <= limit);
    let is_good = match kind {
        7 => body.len() > 3 && within(Golomb::new(&body[3..]).next(), 31),
        8 => {
            let mut ids = Golomb::new(body);
            within(ids.next(), 255) && within(ids.next(), 31)
        }
        _ => true,
    };
    match is_good {
        true => Ok(()),
        false => Err("a parameter set that cannot be read"),
    }
}
