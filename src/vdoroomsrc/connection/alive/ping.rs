// SPDX-License-Identifier: MPL-2.0
//! Our pings on a data channel and their answers (protocol 5.5), and the round-trip time that they
//! tell.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Measures nothing: whatever comes is good.
pub(crate) const ASK: &str = r#"{"ping":"0"}"#;

/// Rare enough to cost nothing.
const INTERVAL: Duration = Duration::from_secs(10);

/// `pong` and a number.
const LONGEST_ANSWER: usize = 64;

/// With the names of viewer and session, as some publishers have them.
const LONGEST_PONG: usize = 256;

/// Whether this answers a ping, whichever.
pub(crate) fn is_pong(text: &str) -> bool {
    text.len() <= LONGEST_PONG && text.contains(r#""pong""#)
}

#[derive(Debug, Default)]
pub(crate) struct Ping {
    number: u32,
    sent: Option<Instant>,
    /// Of the newest ping.
    answered: Option<Duration>,
    /// Of the one before.
    before: Option<Duration>,
}

impl Ping {
    /// What is to be said now, if it is time.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<String> {
        if self.sent.is_some_and(|at| now < at + INTERVAL) {
            return None;
        }
        self.number += 1;
        self.sent = Some(now);
        self.before = self.answered.take();
        Some(json!({"ping": self.number.to_string()}).to_string())
    }

    /// How long the answer took, if this is it.
    pub(crate) fn hear(&mut self, now: Instant, text: &str) -> Option<Duration> {
        if self.answered.is_some() || text.len() > LONGEST_ANSWER || !text.contains("pong") {
            return None;
        }
        let message: Value = serde_json::from_str(text).ok()?;
        if message.get("pong")?.as_str()? != self.number.to_string() {
            return None;
        }
        self.answered = Some(now.saturating_duration_since(self.sent?));
        self.answered
    }

    /// Of the newest ping, or of the one before as long as its answer may be on its way: none once
    /// one was not answered.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.answered.or(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_once_and_only_for_the_newest_ping() {
        let (start, ms, mut ping) = (Instant::now(), Duration::from_millis, Ping::default());
        assert_eq!(ping.poll(start).as_deref(), Some(r#"{"ping":"1"}"#));
        assert_eq!(ping.poll(start + ms(9_999)), None);
        let heard = ping.hear(start + ms(50), r#"{"pong":"1"}"#);
        assert_eq!(heard, Some(ms(50)));
        assert_eq!(ping.hear(start + ms(60), r#"{"pong":"1"}"#), None);
        assert!(ping.poll(start + ms(10_000)).is_some());
        assert_eq!(ping.hear(start + ms(10_001), r#"{"pong":"1"}"#), None);
        assert_eq!(ping.hear(start + ms(10_001), r#"{"pong":"#), None);
    }

    #[test]
    fn there_is_no_round_trip_while_pings_are_not_answered() {
        let (start, ms, mut ping) = (Instant::now(), Duration::from_millis, Ping::default());
        ping.poll(start);
        assert_eq!(ping.round_trip(), None);
        ping.hear(start + ms(50), r#"{"pong":"1"}"#);
        assert_eq!(ping.round_trip(), Some(ms(50)));
        ping.poll(start + ms(10_000));
        assert_eq!(ping.round_trip(), Some(ms(50)));
        ping.poll(start + ms(20_000));
        assert_eq!(ping.round_trip(), None);
        ping.hear(start + ms(20_070), r#"{"pong":"3"}"#);
        assert_eq!(ping.round_trip(), Some(ms(70)));
    }
}
