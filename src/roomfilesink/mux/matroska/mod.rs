// SPDX-License-Identifier: MPL-2.0
//! Matroska, and WebM, which is a part of it: `mux` parses frames where they need rewriting and
//! describes their tracks (`parser`, `track`), `writer` makes a file of them, out of elements of
//! `ebml`.
//!
//! All of it runs on the control thread, and has written when the call returns.

mod ebml;
mod mux;
mod parser;
mod track;
mod writer;

pub(crate) use mux::MatroskaMux;
pub(crate) use writer::DocType;
