// SPDX-License-Identifier: MPL-2.0
//! AV1 (RTP Payload Format For AV1, version 1.0).

use super::bytes::Bytes;
use super::packet::{Fault, Packet, Unit, Verdict};

const UNENDED: Fault = "a fragmented OBU without its end";
const OVERLONG: Fault = "an OBU that is longer than its packet";

#[derive(Debug, Default)]
pub(crate) struct Av1 {
    fragmented: Unit<Element>,
}

/// An element of packets, which should be one OBU. Pion puts several into one, and rtpav1depay
/// takes that.
#[derive(Clone, Copy, Debug)]
struct Element {
    timestamp: u32,
    /// So many bytes from here begins another OBU; never, if this one does not tell its length.
    left: Option<usize>,
}

impl Av1 {
    /// Section 4.4.
    pub(super) fn check(&mut self, packet: &Packet<'_>) -> Result<Verdict, Fault> {
        if !packet.follows {
            self.fragmented = Unit::Lost;
        }
        let mut payload = Bytes(packet.payload);
        let header = payload.u8()?;
        let (continues, is_continued) = (header & 0x80 != 0, header & 0x40 != 0);
        if continues && header & 0x08 != 0 {
            return Err("a coded video sequence that begins within an OBU");
        }
        if is_continued && packet.marker {
            return Err("a frame that ends within an OBU");
        }
        let mut verdict = Verdict::Good;
        let mut begun = match self.fragmented {
            Unit::Lost if continues => return Ok(Verdict::Orphan),
            Unit::None if continues => return Err("a fragment without a beginning"),
            Unit::Open(begun) if continues && begun.timestamp == packet.timestamp => Some(begun),
            _ if continues => return Err("fragments of different frames in one"),
            _ => {
                verdict = self.fragmented.interrupt(UNENDED);
                None
            }
        };
        // The next one is lost, unless this packet turns out to be good.
        self.fragmented = Unit::Lost;
        let mut count = 0;
        let mut rest = Unit::None;
        while !payload.is_empty() || count == 0 {
            count += 1;
            let length = match header >> 4 & 3 == count {
                true => payload.len(),
                false => payload.leb128()?,
            };
            let bytes = payload.take(length).map_err(|_| OVERLONG)?;
            if bytes.is_empty() {
                return Err("an OBU of no bytes");
            }
            let mut element = begun.take().unwrap_or(Element {
                timestamp: packet.timestamp,
                left: Some(0),
            });
            element.read(bytes)?;
            if payload.is_empty() && is_continued {
                rest = Unit::Open(element);
            } else if element.left.is_some_and(|left| left > 0) {
                return Err(OVERLONG);
            }
        }
        if header >> 4 & 3 > count {
            return Err("fewer OBUs than there should be");
        }
        self.fragmented = rest;
        Ok(verdict)
    }
}

impl Element {
    /// The next bytes of it. rtpav1depay (gst-plugin-rtp 0.15.4) adds lengths up without a look at
    /// what the sum can hold (`translate_obus`).
    fn read(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut rest = Bytes(bytes);
        while let Some(left) = self.left {
            if left >= rest.len() {
                self.left = Some(left - rest.len());
                return Ok(());
            }
            rest.take(left)?;
            self.left = obu(&mut rest)?;
        }
        Ok(())
    }
}

/// AV1 specification, section 5.3. Returns how long the OBU is behind its header, if it tells.
fn obu(rest: &mut Bytes<'_>) -> Result<Option<usize>, Fault> {
    let header = rest.u8()?;
    if header & 0x80 != 0 {
        return Err("an OBU with the forbidden bit");
    }
    if header & 0x04 != 0 {
        rest.u8()?;
    }
    match header & 0x02 {
        0 => Ok(None),
        _ => rest.leb128().map(Some),
    }
}
