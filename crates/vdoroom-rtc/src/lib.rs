// SPDX-License-Identifier: MPL-2.0
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// From bottom to top: imports run downwards only.
mod crypto;
mod event;
mod net;
mod peer;
mod rtp;
mod sdp;
mod settings;
mod turn;

pub use event::{
    Channel, Closed, Consumer, DtlsState, Event, IceState, Kind, OfferError, Packet, SenderReport,
    Statistics, StreamStatistics, Track,
};
pub use net::{BATCH_INTERVAL, Connection};
pub use settings::{Settings, Transport, TurnServer};
