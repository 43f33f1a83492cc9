// SPDX-License-Identifier: MPL-2.0
//! The numbers, and those of them that an administrator may set. The table in `docs/room-server.md`
//! has them all.

use std::time::Duration;

/// Longest message: well above what any client may send (protocol 1.1).
pub const MAX_MESSAGE: usize = 256 * 1024;
/// Longest room name, stream ID and UUID, in bytes. VDO.Ninja's own are shorter.
pub const MAX_NAME: usize = 128;
/// So many streams that are not there may a client wait for; the oldest wish is forgotten.
pub const MAX_WAITING: usize = 256;
/// Messages that wait for the server's one loop. Senders wait while it is full.
pub const INPUTS: usize = 64;
/// What may wait to be sent to one client, and to all together.
pub const MAX_QUEUED_MESSAGES: usize = 1024;
pub const MAX_QUEUED_BYTES: usize = 1024 * 1024;
pub const MAX_QUEUED_BYTES_OF_ALL: usize = 64 * 1024 * 1024;
/// What the system keeps of a connection in each direction; Linux takes twice as much, and by itself
/// up to some MiB.
pub const SYSTEM_BUFFER: usize = 64 * 1024;
/// A message that has not gone out after this ends the connection.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// New connections of one address a second.
pub const NEW_CONNECTIONS: u32 = 20;
/// So many bytes a second, for each message a second: 512 KiB with the default.
pub const BYTES_PER_MESSAGE: u32 = 2560;
/// So many seconds' worth may come at once of a client that was quiet, and of a new one: who connects
/// anew again and again gains little.
pub const BURST: u32 = 10;
pub const START: u32 = 2;

/// What a server's administrator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time, those of pages included.
    pub connections: usize,
    /// The same of one address; also so many may come at once.
    pub connections_per_address: usize,
    /// Rooms with at least one member.
    pub rooms: usize,
    /// Rooms that clients of one address have opened.
    pub rooms_per_address: usize,
    pub members_per_room: usize,
    /// Messages a second that are received from a client and sent because of it; their bytes have a
    /// limit that follows from this one.
    pub messages: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 256,
            rooms: 1024,
            rooms_per_address: 64,
            members_per_room: 512,
            messages: 200,
        }
    }
}
