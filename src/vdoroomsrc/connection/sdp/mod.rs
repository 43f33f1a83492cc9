// SPDX-License-Identifier: MPL-2.0
//! Offers and answers as text: what is taken out of an offer before webrtcbin sees it, and what is put
//! into its answer.
//!
//! A session calls it, on the control thread. Nothing here knows a webrtcbin.

mod answer;
mod attributes;
mod bundle;
mod extensions;
mod fingerprints;
mod formats;
mod named;
mod offer;
mod reduced;
mod simulcast;
#[cfg(test)]
mod tests;

pub(crate) use answer::complete;
#[cfg(feature = "native")]
pub(crate) use answer::with_stereo;
pub(crate) use bundle::Order;
pub(crate) use extensions::{Numbered, offered};
pub(crate) use fingerprints::complete as complete_fingerprints;
pub(crate) use named::{Named, follow, replaces, take_named};
pub(crate) use offer::{Promised, Refusal, narrow};
pub(crate) use reduced::is_accepted as has_reduced_feedback;
