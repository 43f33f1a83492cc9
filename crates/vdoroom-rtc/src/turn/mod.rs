// SPDX-License-Identifier: MPL-2.0
//! TURN servers, which receive and send for us (RFC 8656), as a value: it has neither socket nor
//! clock. The protocol itself is that of turn-client-proto.

mod frames;
mod link;
mod relay;
mod relays;
mod step;
#[cfg(test)]
mod tests;

pub(crate) use relays::{MAX_SERVERS, Relays};
pub(crate) use step::{Relayed, Step};
#[cfg(test)]
pub(crate) use tests::{Server as FakeServer, settings as fake_settings};
