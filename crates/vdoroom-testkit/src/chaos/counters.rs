// SPDX-License-Identifier: MPL-2.0
//! How often a guest says something, and what it has said so far.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

/// So often something is said on each way.
pub const PACE: Duration = Duration::from_millis(15);

#[derive(Default)]
pub struct Counters {
    pub socket_messages: AtomicU64,
    pub channel_messages: AtomicU64,
    pub datagrams: AtomicU64,
    pub over: AtomicBool,
}
