// SPDX-License-Identifier: MPL-2.0
//! Which packets of a track its depayloader gets, and with which sequence numbers.
//!
//! `intake` calls it for each packet, on the track's streaming thread.

mod entry;
mod numbers;
mod sample;

pub(crate) use entry::Guard;
