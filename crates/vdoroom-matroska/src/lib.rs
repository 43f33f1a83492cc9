// SPDX-License-Identifier: MPL-2.0
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// From bottom to top: imports run downwards only. Values, without I/O.
pub mod ebml;
pub mod ids;
pub mod index;
