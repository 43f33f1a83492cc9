// SPDX-License-Identifier: MPL-2.0
//! Whether a publisher is there and sends, as plain values. `news` says to the room what comes of them.

mod flow;
mod heard;
mod ping;
mod pulse;

pub(crate) use flow::flows;
pub(crate) use heard::Heard;
pub(crate) use ping::{ASK, Ping, is_pong};
pub(crate) use pulse::{Beat, Pulse, Voice};
