// SPDX-License-Identifier: MPL-2.0
//! Names and bytes on disk: what a file is called (`naming`), who writes it (`writer`), and whether
//! its disk has space again (`space`).
//!
//! Multiplexers, parts, sessions and the manifest call it. No call waits for a disk: the threads of
//! `writer` do that, and report from there.

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod naming;
mod space;
mod writer;

pub(crate) use naming::{Fields, Template, absolute};
pub(crate) use space::{Answer, Shortage};
pub(crate) use writer::{FileEvent, FileSpec, FileWork, FileWriter, Op};
