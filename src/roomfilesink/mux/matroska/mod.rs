// SPDX-License-Identifier: MPL-2.0
//! Matroska: `mux` parses frames where they need rewriting and describes their tracks (`parser`,
//! `track`), and the crate `vdoroom-matroska` makes a file of them: `vdoroom repair` uses it as well.
//!
//! All of it runs on the control thread, and has written when the call returns.

mod mux;
mod parser;
mod track;

pub(crate) use mux::MatroskaMux;
