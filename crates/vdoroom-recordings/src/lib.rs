// SPDX-License-Identifier: MPL-2.0
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// From bottom to top: imports run downwards only. Everything works on the thread of the caller.
pub mod checksum;
pub mod manifest;
pub mod repair;
pub mod survey;
pub mod timeline;

#[cfg(feature = "media")]
pub mod media;

pub mod export;
#[cfg(feature = "export")]
pub mod render;
