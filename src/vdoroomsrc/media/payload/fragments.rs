// SPDX-License-Identifier: MPL-2.0
//! NAL units of H.264 and H.265 that come in fragments (RFC 6184 section 5.8, RFC 7798 section 4.4.3).

use super::packet::{Fault, Unit, Verdict};

pub(super) const UNENDED: Fault = "a fragmented NAL unit without its end";

/// A NAL unit of which the first fragments have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragmented {
    pub kind: u8,
    pub timestamp: u32,
}

impl Unit<Fragmented> {
    /// A fragment of `now`. Both bits in one packet are forbidden, but do no harm.
    pub(super) fn add(
        &mut self,
        now: Fragmented,
        starts: bool,
        ends: bool,
    ) -> Result<Verdict, Fault> {
        let verdict = match self {
            _ if starts => self.interrupt(UNENDED),
            Self::Lost => return Ok(Verdict::Orphan),
            Self::None => return Err("a fragment without a beginning"),
            Self::Open(begun) if *begun != now => {
                return Err("fragments of different NAL units in one");
            }
            Self::Open(_) => Verdict::Good,
        };
        *self = match ends {
            true => Self::None,
            false => Self::Open(now),
        };
        Ok(verdict)
    }
}
