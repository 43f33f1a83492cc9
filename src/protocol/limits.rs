// SPDX-License-Identifier: MPL-2.0
//! What a stranger may cost us. Any guest can send anything: past a limit the excess is ignored,
//! with one warning, and nobody else notices.

use std::time::Duration;

/// Longest message from websocket or channel, in bytes. Publishers stay below 35,000 characters
/// (protocol 1.1); encryption in hex doubles what is inside.
pub const MAX_MESSAGE: usize = 256 * 1024;
/// Deepest nesting of JSON. Real messages stay below 6.
pub const MAX_DEPTH: usize = 24;
/// Longest session description, in bytes.
pub const MAX_SDP: usize = 96 * 1024;
/// Most m-lines in a session description. A browser that shares a screen has 5.
pub const MAX_M_LINES: usize = 32;
/// Longest name of a peer or a session, in bytes.
pub const MAX_NAME: usize = 128;
/// Longest label, in characters (protocol 5.7).
pub const MAX_LABEL: usize = 100;
/// Longest ICE candidate line, in bytes.
pub const MAX_CANDIDATE: usize = 1024;
/// Candidates that one session may be given.
pub const MAX_CANDIDATES_PER_SESSION: usize = 500;
/// Candidates that wait for the offer of one peer (protocol 4.3).
pub const MAX_EARLY_CANDIDATES: usize = 100;
/// How long they wait (protocol 4.3).
pub const EARLY_CANDIDATES_LAST: Duration = Duration::from_secs(15);
/// Offers that wait for the answer to the one before.
pub const MAX_QUEUED_OFFERS: usize = 8;
/// Channel messages that one session may send in a second; pings come every 3 s.
pub const MAX_CHANNEL_MESSAGES_PER_SECOND: u32 = 200;
/// Streams that a room may announce. Hosted rooms hold about 80 connections (protocol section 0).
pub const MAX_STREAMS: usize = 1000;
/// Peers that a room may have.
pub const MAX_PEERS: usize = 2000;
/// Sessions of one stream ID: the one that is recorded, and others who claim its ID.
pub const MAX_SESSIONS_PER_STREAM: usize = 4;
