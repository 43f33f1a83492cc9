// SPDX-License-Identifier: MPL-2.0
//! VP9 (RFC 9628).

use super::bytes::Bytes;
use super::packet::{Fault, Packet, Piece, Unit, Verdict};

const UNENDED: Fault = "a frame without its last packet";

/// VP9 bitstream specification, section 6.2: `frame_sync_code`.
const SYNC_CODE: [u8; 3] = [0x49, 0x83, 0x42];

/// A picture has one frame for each spatial layer; they come one after the other, with one
/// timestamp.
#[derive(Debug, Default)]
pub(crate) struct Vp9 {
    picture: Unit<Picture>,
    pub(super) piece: Option<Piece>,
}

#[derive(Clone, Copy, Debug)]
struct Picture {
    timestamp: u32,
    /// The last packet of this layer's frame has not come.
    frame_is_open: bool,
    layer: u8,
}

struct Descriptor {
    begins: bool,
    ends: bool,
    layer: u8,
    /// Where the layer is told.
    layer_at: Option<usize>,
}

impl Vp9 {
    pub(super) fn check(&mut self, packet: &Packet<'_>) -> Result<Verdict, Fault> {
        if !packet.follows {
            self.picture = Unit::Lost;
        }
        self.piece = None;
        let mut payload = Bytes(packet.payload);
        let descriptor = descriptor(&mut payload)?;
        if payload.is_empty() {
            return Err("a payload descriptor with nothing behind it");
        }
        let mut verdict = Verdict::Good;
        if let Unit::Open(picture) = self.picture
            && picture.timestamp != packet.timestamp
        {
            verdict = self.picture.interrupt(UNENDED);
        }
        if descriptor.begins {
            header(payload.0)?;
            match self.picture {
                // Without the layers below it a frame is nothing.
                Unit::Open(picture) if picture.frame_is_open && descriptor.layer > 0 => {
                    return Err(UNENDED);
                }
                Unit::Open(picture) if picture.frame_is_open => {
                    verdict = Verdict::Cuts(UNENDED);
                }
                Unit::Open(picture) if picture.layer >= descriptor.layer => {
                    return Err("a spatial layer twice in one picture");
                }
                // The layers below it are lost.
                Unit::Lost if descriptor.layer > 0 => return Ok(Verdict::Orphan),
                _ => {}
            }
        } else {
            match self.picture {
                Unit::Lost => return Ok(Verdict::Orphan),
                Unit::Open(picture)
                    if picture.frame_is_open && picture.layer == descriptor.layer => {}
                _ => return Err("a frame without its first packet"),
            }
        }
        let is_open = matches!(self.picture, Unit::Open(_)) && verdict == Verdict::Good;
        self.piece = Some(Piece {
            begins_picture: !is_open,
            begins_frame: descriptor.begins,
            bytes: payload.len(),
            layer_at: descriptor.layer_at.filter(|_| is_open && descriptor.begins),
        });
        self.picture = match packet.marker {
            true => Unit::None,
            false => Unit::Open(Picture {
                timestamp: packet.timestamp,
                frame_is_open: !descriptor.ends,
                layer: descriptor.layer,
            }),
        };
        Ok(verdict)
    }
}

/// Section 4.2.
fn descriptor(payload: &mut Bytes<'_>) -> Result<Descriptor, Fault> {
    let length = payload.len();
    let first = payload.u8()?;
    let has = |bit: u8| first & bit != 0;
    let (is_inter, has_layers, is_flexible) = (has(0x40), has(0x20), has(0x10));
    // PictureID, of one byte or two.
    if has(0x80) && payload.u8()? & 0x80 != 0 {
        payload.u8()?;
    }
    let mut layer = 0;
    let layer_at = has_layers.then_some(length - payload.len());
    if has_layers {
        layer = payload.u8()? >> 1 & 7;
        // TL0PICIDX.
        if !is_flexible {
            payload.u8()?;
        }
    }
    if is_inter && is_flexible {
        let mut references = 0;
        while payload.u8()? & 1 != 0 {
            references += 1;
            if references == 3 {
                return Err("a frame with more than three references");
            }
        }
    }
    if has(0x02) {
        scalability_structure(payload)?;
    }
    Ok(Descriptor {
        begins: has(0x08),
        ends: has(0x04),
        layer,
        layer_at,
    })
}

/// Section 4.2.1.
fn scalability_structure(payload: &mut Bytes<'_>) -> Result<(), Fault> {
    let first = payload.u8()?;
    if first & 0x10 != 0 {
        let layers = usize::from(first >> 5) + 1;
        payload.take(4 * layers)?;
    }
    if first & 0x08 != 0 {
        for _ in 0..payload.u8()? {
            let references = payload.u8()? >> 2 & 3;
            payload.take(references.into())?;
        }
    }
    Ok(())
}

/// VP9 bitstream specification, section 6.2: nothing else has the sync code in this place.
pub(crate) fn is_keyframe(frame: &[u8]) -> bool {
    let first = frame.first().copied().unwrap_or_default();
    let others = match first & 0x30 {
        0x30 => 0x06,
        _ => 0x0c,
    };
    first & others == 0 && header(frame).is_ok()
}

/// VP9 bitstream specification, section 6.2, as far as all frames have it.
fn header(frame: &[u8]) -> Result<(), Fault> {
    let byte = |at: usize| frame.get(at).copied().unwrap_or_default();
    if byte(0) >> 6 != 2 {
        return Err("a frame that is not VP9");
    }
    let profile_3 = byte(0) & 0x30 == 0x30;
    if profile_3 && byte(0) & 0x08 != 0 {
        return Err("a frame of no known profile");
    }
    let [shows_existing, is_inter] = match profile_3 {
        true => [0x04, 0x02],
        false => [0x08, 0x04],
    };
    if byte(0) & (shows_existing | is_inter) == 0 && frame.get(1..4) != Some(&SYNC_CODE) {
        return Err("a keyframe that is not VP9");
    }
    Ok(())
}
