// SPDX-License-Identifier: MPL-2.0
//! Times of packets are nanoseconds; the wide type leaves no report that could make them overflow.

pub(crate) const MS: i128 = 1_000_000;
pub(crate) const SECOND: i128 = 1000 * MS;
