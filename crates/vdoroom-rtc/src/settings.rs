// SPDX-License-Identifier: MPL-2.0
//! What a connection is made with.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What a connection is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Local UDP ports that publishers are told; any that are free if there is no range. Those from
    /// which TURN servers are reached are not among them.
    pub ports: Option<RangeInclusive<u16>>,
    /// STUN servers, which say how we look from outside: host and port. Four of them at most are
    /// asked.
    pub stun: Vec<(String, u16)>,
    /// Four of them at most are asked.
    pub turn: Vec<TurnServer>,
    /// The publisher is told, and reached from, addresses of TURN servers only.
    pub relay_only: bool,
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
            turn: Vec::new(),
            relay_only: false,
            latency: Duration::from_millis(500),
            retransmission: true,
        }
    }
}

/// A server that receives and sends for us (RFC 8656).
#[derive(Clone, PartialEq, Eq)]
pub struct TurnServer {
    /// A name or an address.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub transport: Transport,
}

/// How a TURN server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    /// In clear text.
    Tcp,
}

/// Without the password, which no log may show.
impl fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        let server = TurnServer {
            host: "turn.example.org".into(),
            port: 3478,
            user: "guest".into(),
            password: "sesame".into(),
            transport: Transport::Tcp,
        };
        let settings = Settings {
            turn: vec![server],
            ..Settings::default()
        };
        let shown = format!("{settings:?}");
        assert!(
            shown.contains("guest") && !shown.contains("sesame"),
            "{shown}"
        );
    }
}
