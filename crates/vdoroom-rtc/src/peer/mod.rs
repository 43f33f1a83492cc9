// SPDX-License-Identifier: MPL-2.0
//! One connection as a value: `(what happens, now) -> actions`. It has neither socket nor clock.

mod action;
mod candidates;
mod channels;
mod gathering;
mod machine;
mod protected;
mod reflexive;
#[cfg(test)]
mod tests;

pub(crate) use action::{Action, Datagram};
pub(crate) use machine::Peer;
#[cfg(test)]
pub(crate) use tests::Publisher;
