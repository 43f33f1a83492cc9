// SPDX-License-Identifier: MPL-2.0
//! To which m-line of the offer a packet belongs. It is asked before the packet is decrypted: what
//! belongs nowhere costs nothing.

use super::header::Header;
use crate::sdp::{Carries, Line, extensions};

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub line: usize,
    /// The payload type of what it repeats.
    pub repairs: Option<u8>,
}

/// The m-lines of the newest offer, and the numbers of the header extensions: a BUNDLE group has
/// the same ones everywhere.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub lines: Vec<Line>,
    mid: Option<u8>,
    rid: Option<u8>,
    repaired_rid: Option<u8>,
    transport_number: Option<u8>,
}

impl Lines {
    pub(crate) fn new(lines: &[Line]) -> Self {
        let id = |uri| lines.iter().find_map(|line| line.extension(uri));
        Self {
            mid: id(extensions::MID),
            rid: id(extensions::RID),
            repaired_rid: id(extensions::REPAIRED_RID),
            transport_number: id(extensions::TRANSPORT_NUMBER),
            lines: lines.to_vec(),
        }
    }

    pub(crate) fn place(&self, packet: &[u8], header: &Header) -> Option<Place> {
        let line = self.line(packet, header)?;
        let known = self.lines.get(line)?;
        let format = known.format(header.payload_type)?;
        // A publisher may send layers of which it was not asked for.
        if let Some(wanted) = &known.layer
            && let Some(layer) = self.layer(packet, header)
            && layer != wanted
        {
            return None;
        }
        matches!(known.carries, Carries::Media(_)).then_some(Place {
            line,
            repairs: format.repairs,
        })
    }

    fn line(&self, packet: &[u8], header: &Header) -> Option<usize> {
        // RFC 8843 section 9.2: what a packet says of itself comes first.
        if let Some(mid) = self.text(packet, header, self.mid) {
            return self.lines.iter().position(|line| line.mid == mid);
        }
        let by_ssrc = self
            .lines
            .iter()
            .position(|line| line.ssrcs.contains(&header.ssrc));
        by_ssrc.or_else(|| {
            let has_format = |(at, line): (usize, &Line)| {
                line.format(header.payload_type).is_some().then_some(at)
            };
            let mut lines = self.lines.iter().enumerate().filter_map(has_format);
            let first = lines.next()?;
            lines.next().is_none().then_some(first)
        })
    }

    fn text<'a>(&self, packet: &'a [u8], header: &Header, id: Option<u8>) -> Option<&'a str> {
        let value = header.extension(packet, id?)?;
        std::str::from_utf8(value)
            .ok()
            .filter(|text| !text.is_empty())
    }

    /// The layer of simulcast that it belongs to.
    pub(crate) fn rid<'a>(&self, packet: &'a [u8], header: &Header) -> Option<&'a str> {
        self.text(packet, header, self.rid)
    }

    /// The one that it belongs to or repeats. Who was told of what has come need not name it any
    /// more.
    fn layer<'a>(&self, packet: &'a [u8], header: &Header) -> Option<&'a str> {
        let repaired = self.repaired_rid(packet, header);
        repaired.or_else(|| self.rid(packet, header))
    }

    /// The layer that it repeats.
    pub(crate) fn repaired_rid<'a>(&self, packet: &'a [u8], header: &Header) -> Option<&'a str> {
        self.text(packet, header, self.repaired_rid)
    }

    pub(crate) fn transport_number(&self, packet: &[u8], header: &Header) -> Option<u16> {
        let value = header.extension(packet, self.transport_number?)?;
        value
            .first_chunk()
            .map(|number| u16::from_be_bytes(*number))
    }
}
