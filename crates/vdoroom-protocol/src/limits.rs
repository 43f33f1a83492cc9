// SPDX-License-Identifier: MPL-2.0
//! Limits for strangers. Any guest can send anything: what exceeds a limit is ignored,
//! with one warning, and other streams are not affected.

use std::time::Duration;

/// Longest message from websocket or channel, in bytes. Publishers stay below 35,000 characters
/// (protocol 1.1); encryption in hex doubles what is inside.
pub const MAX_MESSAGE: usize = 256 * 1024;
/// Deepest nesting of JSON. Real messages stay below 6.
pub const MAX_DEPTH: usize = 24;
/// Longest session description, in bytes.
pub const MAX_SDP: usize = 96 * 1024;
/// Most `a=fingerprint` of one m-line. A publisher has one certificate, and sends one or two.
pub const MAX_FINGERPRINTS: usize = 8;
/// Longest `a=ice-ufrag` and `a=ice-pwd` (RFC 8839 section 5.4).
pub const MAX_ICE_CREDENTIAL: usize = 256;
/// Most m-lines in a session description. A browser that shares a screen has 5.
pub const MAX_M_LINES: usize = 32;
/// Longest name of a peer or a session, in bytes.
pub const MAX_NAME: usize = 128;
/// Longest label, in characters (protocol 5.7).
pub const MAX_LABEL: usize = 100;
/// Longest host name that is shown, in bytes, with its port (RFC 1035 section 2.3.4).
pub const MAX_HOST: usize = 255;
/// Longest ICE candidate line, in bytes.
pub const MAX_CANDIDATE: usize = 1024;
/// Candidates that one session may be given.
pub const MAX_CANDIDATES_PER_SESSION: usize = 500;
/// Candidates that wait for the offer of one peer (protocol 4.3).
pub const MAX_EARLY_CANDIDATES: usize = 100;
/// The same, of all peers together.
pub const MAX_EARLY_CANDIDATES_OF_ALL: usize = 5000;
/// How long they wait (protocol 4.3).
pub const EARLY_CANDIDATES_LAST: Duration = Duration::from_secs(15);
/// Offers that wait for the answer to the one before.
pub const MAX_QUEUED_OFFERS: usize = 8;
/// Channel messages that one session may send in a second; pings come every 3 s.
pub const MAX_CHANNEL_MESSAGES_PER_SECOND: u32 = 200;
/// Longest `ping` that is answered, in bytes of JSON. Publishers send a time.
pub const MAX_PING: usize = 128;
/// Streams that a room may announce. Hosted rooms hold about 80 connections (protocol section 0).
pub const MAX_STREAMS: usize = 1000;
/// Streams of one peer that may wait to be offered. A publisher has one.
pub const MAX_STREAMS_PER_PEER: usize = 16;
/// Peers that a room may have.
pub const MAX_PEERS: usize = 2000;
/// Sessions of one publisher. It has one, and another for a moment when it comes back.
pub const MAX_SESSIONS_PER_PEER: usize = 4;
/// Sessions at once, of all streams. `max-streams` may allow fewer.
pub const MAX_SESSIONS: usize = 256;
/// Sessions of one stream ID: the one that is recorded, and others who claim its ID.
pub const MAX_SESSIONS_PER_STREAM: usize = 4;
/// Warnings about streams in a minute.
pub const MAX_WARNINGS_PER_MINUTE: u32 = 30;

/// A message as it may wait in a queue: what is longer than [`MAX_MESSAGE`] is cut, but stays too
/// long, so that the room ignores it and says so.
pub fn cut(mut text: String) -> String {
    if text.len() > MAX_MESSAGE {
        // A character has at most four bytes.
        text.truncate(text.floor_char_boundary(MAX_MESSAGE + 4));
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_stays_too_long_and_is_not_kept() {
        for long in ["x".repeat(9 * MAX_MESSAGE), "é😀".repeat(MAX_MESSAGE)] {
            let kept = cut(long).len();
            assert!(
                (MAX_MESSAGE + 1..=MAX_MESSAGE + 4).contains(&kept),
                "{kept}"
            );
        }
        assert_eq!(cut("x".repeat(MAX_MESSAGE)).len(), MAX_MESSAGE);
    }
}
