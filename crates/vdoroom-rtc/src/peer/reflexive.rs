// SPDX-License-Identifier: MPL-2.0
//! Asks STUN servers how our addresses look from outside (RFC 8489).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stun_types::attribute::XorMappedAddress;
use stun_types::message::{Message, MessageClass};

use super::action::Action;
use crate::crypto::random;

/// After which a request is sent again, and then after twice that.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The server is given up after 15.5 s in all.
const ATTEMPTS: u32 = 5;

/// A binding request without attributes, before its number.
const REQUEST: [u8; 8] = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];

#[derive(Debug, Default)]
pub(crate) struct Reflexive {
    queries: Vec<Query>,
}

#[derive(Debug)]
struct Query {
    local: SocketAddr,
    server: SocketAddr,
    request: Vec<u8>,
    sent: u32,
    send_at: Instant,
}

/// What an answer of a server has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub local: SocketAddr,
    pub outside: SocketAddr,
}

impl Reflexive {
    /// Asks a server from each address of its kind.
    pub(crate) fn ask(&mut self, now: Instant, local: &[SocketAddr], server: SocketAddr) {
        for local in local.iter().filter(|own| own.is_ipv4() == server.is_ipv4()) {
            let (Some(first), Some(second)) = (random(), random()) else {
                continue;
            };
            let mut request = REQUEST.to_vec();
            request.extend(first.to_be_bytes());
            request.extend((second as u32).to_be_bytes());
            self.queries.push(Query {
                local: *local,
                server,
                request,
                sent: 0,
                send_at: now,
            });
        }
    }

    /// All have answered, or will not any more.
    pub(crate) fn is_done(&self) -> bool {
        self.queries.is_empty()
    }

    /// Whether a datagram is an answer to this. It need not say anything of use.
    pub(crate) fn answered(
        &mut self,
        path: (SocketAddr, SocketAddr),
        datagram: &[u8],
    ) -> Option<Option<Seen>> {
        let number = datagram.get(8..20)?;
        let asked = |query: &Query| {
            path == (query.local, query.server) && query.request.get(8..20) == Some(number)
        };
        let at = self.queries.iter().position(asked)?;
        let local = self.queries.swap_remove(at).local;
        let message = Message::from_bytes(datagram).ok();
        let message = message.filter(|message| message.has_class(MessageClass::Success));
        let outside = message.and_then(|message| {
            let address = message.attribute::<XorMappedAddress>().ok()?;
            Some(address.addr(message.transaction_id()))
        });
        Some(outside.map(|outside| Seen { local, outside }))
    }

    /// What is to be sent now.
    pub(crate) fn due(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.queries.retain_mut(|query| {
            if now < query.send_at {
                return true;
            }
            if query.sent >= ATTEMPTS {
                return false;
            }
            query.send_at = now + FIRST_WAIT * (1 << query.sent);
            query.sent += 1;
            actions.push(Action::Send {
                from: query.local,
                to: query.server,
                datagram: query.request.clone(),
            });
            true
        });
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.queries.iter().map(|query| query.send_at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// The answer of a server that sees us as 198.51.100.7:4321.
    fn answer(request: &[u8]) -> Vec<u8> {
        let mut answer = vec![1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
        answer.extend(&request[8..20]);
        answer.extend([0, 0x20, 0, 8, 0, 1]);
        answer.extend((4321_u16 ^ 0x2112).to_be_bytes());
        answer.extend([198 ^ 0x21, 51 ^ 0x12, 100 ^ 0xa4, 7 ^ 0x42]);
        answer
    }

    fn sent(actions: &[Action]) -> Vec<Vec<u8>> {
        let sent = actions.iter().map(|action| match action {
            Action::Send { datagram, .. } => datagram.clone(),
            other => panic!("{other:?}"),
        });
        sent.collect()
    }

    #[test]
    fn a_server_says_how_we_look_from_outside() {
        let now = Instant::now();
        let local = [address("192.0.2.1:5000"), address("[2001:db8::1]:5000")];
        let server = address("203.0.113.1:3478");
        let mut reflexive = Reflexive::default();
        reflexive.ask(now, &local, server);
        let mut actions = Vec::new();
        reflexive.due(now, &mut actions);
        let [request] = &sent(&actions)[..] else {
            panic!("{actions:?}");
        };
        let answer = answer(request);
        let elsewhere = address("203.0.113.9:3478");
        assert_eq!(reflexive.answered((local[0], elsewhere), &answer), None);
        let seen = Seen {
            local: local[0],
            outside: address("198.51.100.7:4321"),
        };
        assert_eq!(
            reflexive.answered((local[0], server), &answer),
            Some(Some(seen))
        );
        assert!(reflexive.is_done());
    }

    #[test]
    fn a_server_that_does_not_answer_is_asked_five_times() {
        let start = Instant::now();
        let local = [address("192.0.2.1:5000")];
        let mut reflexive = Reflexive::default();
        reflexive.ask(start, &local, address("203.0.113.1:3478"));
        let mut times = Vec::new();
        while let Some(at) = reflexive.deadline() {
            let mut actions = Vec::new();
            reflexive.due(at, &mut actions);
            times.extend(actions.iter().map(|_| (at - start).as_millis()));
        }
        assert_eq!(times, [0, 500, 1500, 3500, 7500]);
    }

    #[test]
    fn an_answer_that_says_nothing_ends_it_as_well() {
        let now = Instant::now();
        let (local, server) = (address("192.0.2.1:5000"), address("203.0.113.1:3478"));
        let mut reflexive = Reflexive::default();
        reflexive.ask(now, &[local], server);
        let mut actions = Vec::new();
        reflexive.due(now, &mut actions);
        let mut refused = answer(&sent(&actions)[0]);
        refused[..2].copy_from_slice(&[1, 0x11]);
        assert_eq!(reflexive.answered((local, server), &refused[..19]), None);
        assert_eq!(reflexive.answered((local, server), &refused), Some(None));
        assert!(reflexive.is_done());
    }
}
