// SPDX-License-Identifier: MPL-2.0
//! What becomes of what was received.

use crate::event::{Event, Packet};

#[derive(Debug)]
pub(crate) enum Out {
    Packet(Packet),
    Event(Event),
    /// RTCP that is to be sent, not encrypted yet.
    Report(Vec<u8>),
}
