// SPDX-License-Identifier: MPL-2.0
//! What the control thread is told, and the way there.
//!
//! Pads and files send, on whatever thread they are, and go on at once. Only the
//! control thread receives.

mod bell;
mod msg;
mod outbox;

pub(crate) use msg::Msg;
pub(crate) use outbox::Outbox;
