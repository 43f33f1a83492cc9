// SPDX-License-Identifier: MPL-2.0
//! Addresses of ours: which of them the publisher was told, and whether these are all.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::{Candidate, Rtc};

use super::action::Action;
use super::candidates::name;
use super::reflexive::{Reflexive, Seen};
use crate::event::Event;

/// Servers are not waited for any longer. What comes later is told then.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Gathering {
    /// Ours, and how many of them were told.
    candidates: Vec<Candidate>,
    told: usize,
    told_user: String,
    /// From which STUN servers are asked.
    addresses: Vec<SocketAddr>,
    /// STUN servers that were not asked yet: none is before the first offer.
    servers: Vec<SocketAddr>,
    reflexive: Reflexive,
    /// Other servers may still have an address for us.
    is_awaiting: bool,
    /// Until when servers are waited for, from the first offer on.
    until: Option<Instant>,
    is_done: bool,
}

impl Gathering {
    /// The addresses of this machine, which need no server.
    pub(super) fn new(rtc: &mut Rtc, addresses: &[SocketAddr]) -> Self {
        let mut gathering = Self {
            addresses: addresses.to_vec(),
            ..Self::default()
        };
        for address in addresses {
            gathering.gained(rtc, Candidate::host(*address, "udp").ok());
        }
        gathering
    }

    /// False if it is of no use. Where there is no NAT, what a STUN server says is known already.
    fn gained(&mut self, rtc: &mut Rtc, candidate: Option<Candidate>) -> bool {
        let candidate = candidate.filter(|own| rtc.add_local_candidate(own.clone()).is_some());
        let is_of_use = candidate.is_some();
        self.candidates.extend(candidate);
        is_of_use
    }

    /// A STUN server has answered.
    pub(super) fn seen(&mut self, rtc: &mut Rtc, seen: Option<Seen>) {
        let candidate =
            seen.and_then(|seen| Candidate::server_reflexive(seen.outside, seen.local, "udp").ok());
        self.gained(rtc, candidate);
    }

    /// A TURN server receives for us at `address`. False if it is of no use.
    pub(super) fn relayed(
        &mut self,
        rtc: &mut Rtc,
        address: SocketAddr,
        local: SocketAddr,
    ) -> bool {
        self.gained(rtc, Candidate::relayed(address, local, "udp").ok())
    }

    /// It does so no more.
    pub(super) fn unrelayed(&mut self, rtc: &mut Rtc, address: SocketAddr) {
        let mut all = self.candidates.iter();
        if let Some(at) = all.position(|candidate| candidate.addr() == address) {
            if at < self.told {
                self.told -= 1;
            }
            let candidate = self.candidates.remove(at);
            rtc.direct_api().invalidate_candidate(&candidate);
        }
    }

    /// There is an offer, so the publisher can be told.
    pub(super) fn begin(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.until.get_or_insert(now + PATIENCE);
        self.ask(now, out);
    }

    /// These STUN servers are known now.
    pub(super) fn serve(
        &mut self,
        now: Instant,
        servers: impl IntoIterator<Item = SocketAddr>,
        out: &mut Vec<Action>,
    ) {
        self.servers.extend(servers);
        if self.until.is_some() {
            self.ask(now, out);
        }
    }

    fn ask(&mut self, now: Instant, out: &mut Vec<Action>) {
        for server in self.servers.drain(..) {
            self.reflexive.ask(now, &self.addresses, server);
        }
        self.reflexive.due(now, out);
    }

    pub(super) fn await_others(&mut self, are_awaited: bool) {
        self.is_awaiting = are_awaited;
    }

    /// Tells those that were not told yet; all of them again after a restart of ICE, which makes
    /// another `user`.
    pub(super) fn tell(&mut self, now: Instant, user: String, out: &mut Vec<Action>) {
        let Some(until) = self.until else {
            return;
        };
        if self.told_user != user {
            self.told_user = user;
            self.told = 0;
            self.is_done = false;
        }
        for candidate in self.candidates.iter().skip(self.told) {
            let text = candidate.to_sdp_string();
            out.push(Action::Event(Event::LocalCandidate(text)));
        }
        self.told = self.candidates.len();
        let have_answered = self.reflexive.is_done() && !self.is_awaiting;
        if !self.is_done && (have_answered || now >= until) {
            self.is_done = true;
            out.push(Action::Event(Event::GatheringDone));
        }
    }

    /// What an address is that we send from.
    pub(super) fn kind(&self, address: SocketAddr) -> Option<&'static str> {
        let mut all = self.candidates.iter();
        let own = all.find(|candidate| candidate.addr() == address)?;
        Some(name(own.kind()))
    }

    /// See [`Reflexive::answered`].
    pub(super) fn answered(
        &mut self,
        path: (SocketAddr, SocketAddr),
        datagram: &[u8],
    ) -> Option<Option<Seen>> {
        self.reflexive.answered(path, datagram)
    }

    /// Asks again those that have not answered.
    pub(super) fn due(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.reflexive.due(now, out);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let until = self.until.filter(|_| !self.is_done);
        let again = self.reflexive.deadline();
        [until, again].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use str0m::RtcConfig;

    use super::*;
    use crate::crypto::{Outcome, build};

    const OURS: &str = "192.0.2.1:5000";

    fn told(gathering: &mut Gathering, now: Instant, user: &str) -> Vec<String> {
        let mut out = Vec::new();
        gathering.tell(now, user.into(), &mut out);
        let told = out.into_iter().map(|action| match action {
            Action::Event(Event::LocalCandidate(text)) => {
                text.split(' ').nth(4).unwrap_or_default().to_owned()
            }
            Action::Event(Event::GatheringDone) => "done".to_owned(),
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    fn rtc(now: Instant) -> Rtc {
        build(RtcConfig::new(), now, &Outcome::default()).unwrap()
    }

    fn begun(now: Instant) -> (Rtc, Gathering) {
        let mut rtc = rtc(now);
        let mut gathering = Gathering::new(&mut rtc, &[OURS.parse().unwrap()]);
        gathering.begin(now, &mut Vec::new());
        (rtc, gathering)
    }

    fn address(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), 7000)
    }

    #[test]
    fn nothing_is_told_before_the_first_offer() {
        let now = Instant::now();
        let mut gathering = Gathering::new(&mut rtc(now), &[OURS.parse().unwrap()]);
        let mut out = Vec::new();
        gathering.serve(now, [address("203.0.113.1")], &mut out);
        assert!(out.is_empty());
        assert!(told(&mut gathering, now, "a").is_empty());
        gathering.begin(now, &mut out);
        assert_eq!(out.len(), 1, "the server is asked");
        assert_eq!(told(&mut gathering, now, "a"), ["192.0.2.1"]);
    }

    #[test]
    fn servers_are_waited_for_and_not_for_ever() {
        let now = Instant::now();
        let (mut rtc, mut gathering) = begun(now);
        gathering.await_others(true);
        assert_eq!(told(&mut gathering, now, "a"), ["192.0.2.1"]);
        assert_eq!(gathering.deadline(), Some(now + PATIENCE));
        let later = now + PATIENCE;
        assert!(told(&mut gathering, later - Duration::from_millis(1), "a").is_empty());
        assert_eq!(told(&mut gathering, later, "a"), ["done"]);
        assert_eq!(gathering.deadline(), None);
        gathering.relayed(&mut rtc, address("203.0.113.1"), OURS.parse().unwrap());
        gathering.await_others(false);
        assert_eq!(told(&mut gathering, later, "a"), ["203.0.113.1"]);
    }

    #[test]
    fn it_knows_what_its_addresses_are() {
        let (mut rtc, mut gathering) = begun(Instant::now());
        let (ours, relayed) = (OURS.parse().unwrap(), address("203.0.113.1"));
        gathering.relayed(&mut rtc, relayed, ours);
        assert_eq!(gathering.kind(ours), Some("host"));
        assert_eq!(gathering.kind(relayed), Some("relay"));
    }

    #[test]
    fn what_a_server_takes_back_is_not_told_after_a_restart() {
        let now = Instant::now();
        let (mut rtc, mut gathering) = begun(now);
        let [one, two, three] = ["203.0.113.1", "203.0.113.2", "203.0.113.3"].map(address);
        for relayed in [one, two] {
            gathering.relayed(&mut rtc, relayed, OURS.parse().unwrap());
        }
        assert_eq!(told(&mut gathering, now, "a").len(), 4);
        gathering.unrelayed(&mut rtc, one);
        assert_eq!(gathering.kind(one), None);
        assert!(told(&mut gathering, now, "a").is_empty());
        gathering.relayed(&mut rtc, three, OURS.parse().unwrap());
        assert_eq!(told(&mut gathering, now, "a"), ["203.0.113.3"]);
        let again = ["192.0.2.1", "203.0.113.2", "203.0.113.3", "done"];
        assert_eq!(told(&mut gathering, now, "b"), again);
    }
}
