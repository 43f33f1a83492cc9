// SPDX-License-Identifier: MPL-2.0
//! VP8 (RFC 7741).

use super::bytes::Bytes;
use super::packet::{Fault, Packet, Unit, Verdict};

/// Frame tag, start code and size (RFC 6386 section 9.1).
const KEYFRAME_HEADER: usize = 10;
const FRAME_TAG: usize = 3;

#[derive(Debug, Default)]
pub(crate) struct Vp8 {
    /// The RTP timestamp of the frame whose last packet has not come.
    frame: Unit<u32>,
}

impl Vp8 {
    pub(super) fn check(&mut self, packet: &Packet<'_>) -> Result<Verdict, Fault> {
        if !packet.follows {
            self.frame = Unit::Lost;
        }
        let mut payload = Bytes(packet.payload);
        let begins = descriptor(&mut payload)?;
        if payload.is_empty() {
            return Err("a payload descriptor with nothing behind it");
        }
        let verdict = if begins {
            let verdict = self.frame.interrupt("a frame without its last packet");
            header(payload.0, packet.marker)?;
            verdict
        } else {
            match self.frame {
                Unit::Lost => return Ok(Verdict::Orphan),
                Unit::Open(timestamp) if timestamp == packet.timestamp => Verdict::Good,
                _ => return Err("a frame without its first packet"),
            }
        };
        self.frame = match packet.marker {
            true => Unit::None,
            false => Unit::Open(packet.timestamp),
        };
        Ok(verdict)
    }
}

/// Section 4.2. Returns whether a frame begins.
fn descriptor(payload: &mut Bytes<'_>) -> Result<bool, Fault> {
    let first = payload.u8()?;
    if first & 0x80 != 0 {
        let extension = payload.u8()?;
        // PictureID, of one byte or two.
        if extension & 0x80 != 0 && payload.u8()? & 0x80 != 0 {
            payload.u8()?;
        }
        // TL0PICIDX.
        if extension & 0x40 != 0 {
            payload.u8()?;
        }
        // TID, Y and KEYIDX.
        if extension & 0x30 != 0 {
            payload.u8()?;
        }
    }
    Ok(first & 0x17 == 0x10)
}

/// RFC 6386 section 9.1, with all that there is of the frame in one packet or not.
fn header(frame: &[u8], is_whole: bool) -> Result<(), Fault> {
    let Some(tag) = frame.first_chunk::<FRAME_TAG>() else {
        return Err("a frame without a header");
    };
    // The version.
    if tag[0] >> 1 & 7 > 3 {
        return Err("a frame that is not VP8");
    }
    let mut length = FRAME_TAG;
    if tag[0] & 1 == 0 {
        let Some(key) = frame.first_chunk::<KEYFRAME_HEADER>() else {
            return Err("a keyframe without a header");
        };
        let side = |low: u8, high: u8| u16::from_le_bytes([low, high]) & 0x3fff;
        if key[3..6] != [0x9d, 0x01, 0x2a] {
            return Err("a keyframe that is not VP8");
        }
        if side(key[6], key[7]) == 0 || side(key[8], key[9]) == 0 {
            return Err("a keyframe of no size");
        }
        length = KEYFRAME_HEADER;
    }
    let [low, middle, high] = [tag[0] >> 5, tag[1], tag[2]].map(usize::from);
    let first_partition = low | middle << 3 | high << 11;
    if is_whole && frame.len() - length < first_partition {
        return Err("a frame that is shorter than it says");
    }
    Ok(())
}
