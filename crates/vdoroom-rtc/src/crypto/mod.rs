// SPDX-License-Identifier: MPL-2.0
//! Keys, certificates and what they protect. OpenSSL shakes hands, since publishers with RSA
//! certificates need that; packets are opened by rtc-srtp, which is faster for what is small.

mod datagrams;
mod dtls;
mod fingerprint;
mod identity;
mod keys;
mod no_srtp;
mod provider;
mod random;
mod srtp;

pub(crate) use dtls::Outcome;
pub(crate) use fingerprint::{Fingerprint, read_all};
pub(crate) use keys::Keys;
pub(crate) use provider::build;
pub(crate) use random::random;
pub(crate) use srtp::Srtp;
#[cfg(test)]
pub(crate) use srtp::sealing;
