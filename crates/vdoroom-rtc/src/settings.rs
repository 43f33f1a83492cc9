// SPDX-License-Identifier: MPL-2.0
//! What a connection is made with.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What a connection is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Local UDP ports; any that are free if there is no range.
    pub ports: Option<RangeInclusive<u16>>,
    /// STUN servers, which say how we look from outside. Four of them at most are asked.
    pub stun: Vec<SocketAddr>,
    /// How long a packet waits for one before it that is missing. The consumer can count on it.
    pub latency: Duration,
    /// Missing packets are requested, where the publisher offers that.
    pub retransmission: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ports: None,
            stun: Vec::new(),
            latency: Duration::from_millis(500),
            retransmission: true,
        }
    }
}
