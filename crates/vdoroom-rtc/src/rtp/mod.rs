// SPDX-License-Identifier: MPL-2.0
//! RTP and RTCP of one connection, before and after they are encrypted. Values: no socket and no
//! clock.

mod arrivals;
mod header;
mod jitter;
mod media;
mod nack;
mod out;
mod place;
mod reception;
mod reports;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use header::Header;
pub(crate) use media::Media;
pub(crate) use out::Out;
pub(crate) use reports::Reporter;
