// SPDX-License-Identifier: MPL-2.0
//! Offers and answers, as values and as text.

mod answer;
mod attributes;
pub(crate) mod extensions;
mod line;
mod offer;
mod simulcast;
#[cfg(test)]
mod tests;
mod transport;

pub(crate) use answer::{Ours, answer};
pub(crate) use line::{Carries, Line};
pub(crate) use offer::{Offer, Setup};
#[cfg(test)]
pub(crate) use tests::BROWSER;
pub(crate) use transport::transport;
