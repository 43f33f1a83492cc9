// SPDX-License-Identifier: MPL-2.0
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// None of them knows another. Everything works on the thread of the caller.
pub mod disk;
pub mod file;
pub mod name;
pub mod process;
