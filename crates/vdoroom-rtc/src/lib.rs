// SPDX-License-Identifier: MPL-2.0
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// From bottom to top: imports run downwards only.
mod settings;
mod event;
mod crypto;
mod sdp;
mod rtp;
