// SPDX-License-Identifier: MPL-2.0
//! What clients may cost a server. The table in `docs/room-server.md` has the numbers.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

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
const NEW_CONNECTIONS: u32 = 20;
/// So many bytes a second, for each message a second: 512 KiB with the default.
const BYTES_PER_MESSAGE: u32 = 2560;
/// So many seconds' worth may come at once of a client that was quiet, and of a new one: who connects
/// anew again and again gains little.
const BURST: u32 = 10;
const START: u32 = 2;

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

impl Limits {
    /// The rate at which one address may connect.
    pub fn new_connections(&self, now: Instant) -> Bucket {
        let burst = u32::try_from(self.connections_per_address).unwrap_or(u32::MAX);
        Bucket::new(NEW_CONNECTIONS, burst.max(NEW_CONNECTIONS), now)
    }
}

/// Who counts as one address: an IPv4 address, or the network that an IPv6 host has to itself
/// (RFC 6177).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Network(u64, bool);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(u32::from(v4).into(), false),
            IpAddr::V6(v6) => Self((u128::from(v6) >> 64) as u64, true),
        }
    }
}

/// A rate that may be exceeded for a while. What is taken beyond that is a debt, which time pays.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    most: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    fn new(per_second: u32, most: u32, now: Instant) -> Self {
        let (per_second, most) = (per_second.max(1).into(), most.into());
        Self {
            per_second,
            most,
            left: most,
            at: now,
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = self.most.min(self.left + passed * self.per_second);
        self.at = now;
    }

    /// Takes `n`, there or not.
    pub fn take(&mut self, n: usize, now: Instant) {
        self.refill(now);
        self.left -= n as f64;
    }

    /// How long it takes until the debt is paid.
    pub fn debt(&mut self, now: Instant) -> Duration {
        self.refill(now);
        Duration::from_secs_f64((-self.left / self.per_second).clamp(0.0, 3600.0))
    }

    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left >= self.most
    }
}

/// How much a client may say. Shared by what reads its connection and what sends to others for it.
#[derive(Clone)]
pub struct Allowance(Arc<Mutex<(Bucket, Bucket)>>);

impl Allowance {
    pub fn new(limits: &Limits, now: Instant) -> Self {
        let bucket = |rate: u32| {
            let mut bucket = Bucket::new(rate, rate.saturating_mul(BURST), now);
            bucket.left = f64::from(rate) * f64::from(START);
            bucket
        };
        Self(Arc::new(Mutex::new((
            bucket(limits.messages),
            bucket(limits.messages.saturating_mul(BYTES_PER_MESSAGE)),
        ))))
    }

    pub fn charge(&self, messages: usize, bytes: usize) {
        let now = Instant::now();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.0.take(messages, now);
        buckets.1.take(bytes, now);
    }

    /// How long nothing may be read from the client: its messages wait, and only they.
    pub fn debt(&self) -> Duration {
        let now = Instant::now();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.0.debt(now).max(buckets.1.debt(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_too_much_at_once_waits_until_it_is_paid() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 100, start);
        bucket.take(100, start);
        assert_eq!(bucket.debt(start), Duration::ZERO);
        bucket.take(5, start);
        assert_eq!(bucket.debt(start), Duration::from_millis(500));
        let later = start + Duration::from_secs(1);
        assert_eq!(bucket.debt(later), Duration::ZERO);
        assert!(!bucket.is_full(later));
        assert!(bucket.is_full(later + Duration::from_secs(60)));
    }

    #[test]
    fn who_connects_anew_may_say_less_at_once_than_who_was_quiet() {
        let limits = Limits {
            messages: 10,
            ..Limits::default()
        };
        let start = Instant::now();
        let new = Allowance::new(&limits, start);
        let quiet = Allowance::new(&limits, start - Duration::from_secs(60));
        for (allowance, may) in [(new, 20), (quiet, 100)] {
            allowance.charge(may, 0);
            assert!(allowance.debt() < Duration::from_millis(200));
            allowance.charge(20, 0);
            assert!(allowance.debt() > Duration::from_secs(1));
        }
    }

    #[test]
    fn an_address_is_a_host_whatever_it_is_written_as() {
        let network = |address: &str| Network::from(address.parse::<IpAddr>().unwrap());
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::2:0:0:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("0.0.0.1"), network("0:0:0:1::1"));
    }
}
