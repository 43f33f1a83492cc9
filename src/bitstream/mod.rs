// SPDX-License-Identifier: MPL-2.0
//! H.264 and H.265, as far as frames have to be ordered and cut; VP9, as far as layers have to be put
//! together. Plain Rust, no GStreamer.
//!
//! The input comes from strangers: what cannot be parsed is `None`, never a panic.

mod bits;
mod config;
mod entry;
mod order;
mod sps;
mod standard;
mod vp9;

pub(crate) use bits::Bits;
pub(crate) use config::Config;
pub(crate) use entry::{Entries, Entry, Form};
pub(crate) use order::DecodingOrder;
pub(crate) use sps::Reordering;
pub(crate) use standard::Standard;
pub(crate) use vp9::{References, Superframe};
