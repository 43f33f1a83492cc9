// SPDX-License-Identifier: MPL-2.0
//! Which standard a stream follows, where the two differ.

/// ITU-T H.264 or H.265.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standard {
    H264,
    H265,
}
