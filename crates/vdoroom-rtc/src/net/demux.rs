// SPDX-License-Identifier: MPL-2.0
//! Whose a datagram is: all connections share the sockets.
//!
//! A check of ICE says for whom it is, and an answer to one of ours has its number. Everything else
//! is of whom a genuine check has come from the same address.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::ice::StunMessage;

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(pub u64);

/// How long an answer to a check of ours is waited for (RFC 8489 section 6.2.1).
const ANSWER: Duration = Duration::from_secs(40);

/// Checks without an answer that are kept in mind.
const MAX_CHECKS: usize = 16_384;

/// Addresses of one connection. A publisher has a few, of which one is used.
const MAX_ADDRESSES: usize = 64;

/// Where the number of a message of STUN is.
const TRANSACTION: std::ops::Range<usize> = 8..20;

type Transaction = [u8; 12];

/// Ours and theirs.
pub(crate) type Path = (SocketAddr, SocketAddr);

#[derive(Debug, Default)]
pub(crate) struct Demux {
    users: HashMap<String, Id>,
    paths: HashMap<Path, Id>,
    checks: HashMap<Transaction, Id>,
    checked: VecDeque<(Instant, Transaction)>,
}

impl Demux {
    /// Checks for this user are for `id`. A restart of ICE makes another.
    pub(crate) fn user(&mut self, user: String, id: Id) {
        if self.users.get(&user) != Some(&id) {
            self.users.retain(|_, other| *other != id);
            self.users.insert(user, id);
        }
    }

    pub(crate) fn find(&self, path: Path, datagram: &[u8]) -> Option<Id> {
        match datagram.first()? {
            0..=3 => {
                let transaction: Transaction = datagram.get(TRANSACTION)?.try_into().ok()?;
                let asked = self.checks.get(&transaction).copied();
                asked.or_else(|| {
                    let message = StunMessage::parse(datagram).ok()?;
                    let (user, _) = message.split_username()?;
                    self.users.get(user).copied()
                })
            }
            _ => self.paths.get(&path).copied(),
        }
    }

    /// A genuine check has come this way.
    pub(crate) fn bind(&mut self, path: Path, id: Id) {
        if self.paths.get(&path) == Some(&id) {
            return;
        }
        let known = self.paths.values().filter(|other| **other == id).count();
        if known < MAX_ADDRESSES {
            self.paths.insert(path, id);
        }
    }

    /// Notes the checks among what a connection sends.
    pub(crate) fn sent(&mut self, now: Instant, id: Id, datagram: &[u8]) {
        while let Some((at, transaction)) = self.checked.front()
            && (now.saturating_duration_since(*at) > ANSWER || self.checked.len() >= MAX_CHECKS)
        {
            self.checks.remove(transaction);
            self.checked.pop_front();
        }
        // A binding request; a repeated one has the same number.
        if let Some([0, 1]) = datagram.get(..2)
            && let Some(Ok(transaction)) = datagram.get(TRANSACTION).map(Transaction::try_from)
            && self.checks.insert(transaction, id).is_none()
        {
            self.checked.push_back((now, transaction));
        }
    }

    pub(crate) fn remove(&mut self, id: Id) {
        self.users.retain(|_, other| *other != id);
        self.paths.retain(|_, other| *other != id);
        self.checks.retain(|_, other| *other != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        let ours = "192.0.2.1:5000".parse().unwrap();
        (ours, SocketAddr::from(([192, 0, 2, 2], port)))
    }

    /// A binding request or an answer, with or without the attribute USERNAME.
    fn stun(kind: u8, transaction: u8, user: &str) -> Vec<u8> {
        let mut attributes = Vec::new();
        if !user.is_empty() {
            attributes.extend([0, 6, 0, user.len() as u8]);
            attributes.extend(user.as_bytes());
            attributes.resize(attributes.len().next_multiple_of(4), 0);
            // PRIORITY and MESSAGE-INTEGRITY, which each check has.
            attributes.extend([0, 0x24, 0, 4, 0, 0, 0, 1]);
            attributes.extend([0, 8, 0, 20]);
            attributes.extend([0; 20]);
        }
        let mut message = vec![kind, 1, 0, attributes.len() as u8, 0x21, 0x12, 0xa4, 0x42];
        message.extend([transaction; 12]);
        message.extend(attributes);
        message
    }

    #[test]
    fn checks_go_to_whom_they_name() {
        let mut demux = Demux::default();
        demux.user("ours".into(), Id(1));
        demux.user("other".into(), Id(2));
        assert_eq!(demux.find(path(1), &stun(0, 1, "ours:theirs")), Some(Id(1)));
        assert_eq!(
            demux.find(path(1), &stun(0, 1, "other:theirs")),
            Some(Id(2))
        );
        assert_eq!(demux.find(path(1), &stun(0, 1, "unknown:theirs")), None);
        demux.user("again".into(), Id(1));
        assert_eq!(demux.find(path(1), &stun(0, 1, "ours:theirs")), None);
        assert_eq!(
            demux.find(path(1), &stun(0, 1, "again:theirs")),
            Some(Id(1))
        );
    }

    #[test]
    fn answers_go_to_whom_they_are_for() {
        let now = Instant::now();
        let mut demux = Demux::default();
        demux.sent(now, Id(1), &stun(0, 7, ""));
        demux.sent(now, Id(2), &stun(0, 8, ""));
        demux.sent(now, Id(2), &stun(0, 8, ""));
        assert_eq!(demux.find(path(1), &stun(1, 7, "")), Some(Id(1)));
        assert_eq!(demux.find(path(1), &stun(1, 8, "")), Some(Id(2)));
        assert_eq!(demux.find(path(1), &stun(1, 9, "")), None);
        demux.sent(now + Duration::from_secs(60), Id(3), &stun(0, 9, ""));
        assert_eq!(demux.find(path(1), &stun(1, 7, "")), None, "too late");
        assert_eq!(demux.checked.len(), demux.checks.len());
    }

    #[test]
    fn all_else_goes_by_its_address() {
        let mut demux = Demux::default();
        let media = [0x80; 40];
        assert_eq!(demux.find(path(1), &media), None);
        demux.bind(path(1), Id(1));
        demux.bind(path(2), Id(2));
        assert_eq!(demux.find(path(1), &media), Some(Id(1)));
        assert_eq!(demux.find(path(2), &media), Some(Id(2)));
        demux.remove(Id(1));
        assert_eq!(demux.find(path(1), &media), None);
        assert_eq!(demux.find(path(2), &media), Some(Id(2)));
    }

    #[test]
    fn memory_is_bounded_and_rubbish_does_no_harm() {
        let now = Instant::now();
        let mut demux = Demux::default();
        for port in 0..1000 {
            demux.bind(path(port), Id(1));
        }
        assert_eq!(demux.paths.len(), MAX_ADDRESSES);
        for n in 0..40_000_u32 {
            let mut check = stun(0, 0, "");
            check[8..12].copy_from_slice(&n.to_be_bytes());
            demux.sent(now, Id(1), &check);
        }
        assert!(demux.checks.len() <= MAX_CHECKS);
        for first in 0..=255 {
            for length in 0..40 {
                demux.find(path(1), &vec![first; length]);
                demux.sent(now, Id(1), &vec![first; length]);
            }
        }
        demux.remove(Id(1));
        assert!(demux.checks.is_empty() && demux.paths.is_empty());
    }
}
