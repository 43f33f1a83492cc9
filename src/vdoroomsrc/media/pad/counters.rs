// SPDX-License-Identifier: MPL-2.0
//! The counters of a track.

use std::sync::atomic::{AtomicBool, AtomicU64};

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub buffers: AtomicU64,
    pub bytes: AtomicU64,
    pub keyframes: AtomicU64,
    pub dropped: AtomicU64,
    /// Video frames between a loss and the next keyframe.
    pub damaged: AtomicU64,
    pub pli_sent: AtomicU64,
    /// Packets that break the rules of their payload.
    pub broken_packets: AtomicU64,
    /// Most of what came last does.
    pub undecodable: AtomicBool,
    /// How often the queue was full and threw something away.
    pub leaks: AtomicU64,
    /// Bit/s over the last second, written by the control thread.
    pub bitrate: AtomicU64,
}
