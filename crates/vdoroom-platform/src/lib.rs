// SPDX-License-Identifier: MPL-2.0
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// The modules do not use each other. All functions run, and may block, on the caller's thread.
pub mod disk;
pub mod file;
pub mod name;
pub mod process;
