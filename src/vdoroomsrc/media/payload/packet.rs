// SPDX-License-Identifier: MPL-2.0
//! A packet as the rules of its codec see it, and what becomes of it.

/// What is to be known of a packet (RFC 3550 section 5.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub timestamp: u32,
    /// The last one of its frame.
    pub marker: bool,
    /// Without padding.
    pub payload: &'a [u8],
    /// The packet sent before it has been let through.
    pub follows: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    /// Good as well, but what was begun before it lacks its end.
    Cuts(&'static str),
    /// Breaks the rules, and how.
    Broken(&'static str),
    /// Belongs to something whose beginning has not come through: of no use to anybody.
    Orphan,
}

/// Of a picture that is made of several frames, what a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub begins_picture: bool,
    pub begins_frame: bool,
    /// Of the frame.
    pub bytes: usize,
    /// Where in the payload the layer is told, if there is one before it.
    pub layer_at: Option<usize>,
}

/// The reason why a payload is broken.
pub(crate) type Fault = &'static str;

/// What is put together from several packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unit<T> {
    /// Its beginning is lost, or was broken; whoever comes late has missed it.
    #[default]
    Lost,
    /// Nothing is under way.
    None,
    Open(T),
}

impl<T> Unit<T> {
    /// Something else begins.
    pub(super) fn interrupt(&mut self, fault: Fault) -> Verdict {
        match std::mem::replace(self, Self::None) {
            Self::Open(_) => Verdict::Cuts(fault),
            _ => Verdict::Good,
        }
    }
}
