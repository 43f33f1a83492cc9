// SPDX-License-Identifier: MPL-2.0
//! The last step: from a track's queue through a pad of the element to the consumer, and what that
//! pad says of itself.
//!
//! Runs on the queue's thread, or on the one that receives, where there is no queue or `shortcut` leads past
//! it. What it shares
//! with the control thread is atomic, or replaced as a whole.

mod arrival;
mod counters;
mod exit;
mod forms;
mod ghost;
mod introduction;
mod keyframe_gate;
mod names;
mod shortcut;
mod tags;

pub use ghost::VdoRoomSrcPad;

pub(crate) use exit::Exit;
pub(crate) use ghost::{Origin, template};
pub(crate) use introduction::{Announced, Introduction, Person};
pub(crate) use names::{Kind, pad_name};
