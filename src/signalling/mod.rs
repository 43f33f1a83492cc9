// SPDX-License-Identifier: MPL-2.0
//! One websocket: bytes into events, actions into bytes. This folder alone knows the async runtime.
//!
//! The door is for `vdoroomsrc`: [`run`] is the body of the thread `vdoroom:net`, which owns the room.
//! It never calls into GStreamer. [`Tunnels`] are on a thread of their own, `vdoroom:turn`.

mod credentials;
mod dial;
mod run;
mod server;
mod socket;
mod tls;
mod turn_check;
mod turn_tunnel;

pub(crate) use run::{SharedStatus, run};
pub(crate) use server::Server;
pub(crate) use tls::TlsOptions;
pub(crate) use turn_check::TurnServer;
pub(crate) use turn_tunnel::{Doubt, Tunnel, Tunnels};
