// SPDX-License-Identifier: MPL-2.0
//! What the writers of our own share: frames are parsed where they need rewriting (`parser`), their
//! tracks described (`description`), and handed to the writer of the container (`entry`) as soon as
//! it can begin (`mux`).

mod description;
mod entry;
mod mux;
mod parser;

pub(crate) use entry::{Block, FrameWriter, Shape, TrackEntry, area};
pub(crate) use mux::{FrameMux, Mux};
pub(crate) use parser::Recipe;
