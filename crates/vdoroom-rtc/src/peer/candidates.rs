// SPDX-License-Identifier: MPL-2.0
//! Candidates of ICE, in the forms in which they come.

use std::net::SocketAddr;

use str0m::{Candidate, CandidateKind};

/// That a publisher may tell, in all.
const MAX_REMOTE: usize = 100;

const MAX_LENGTH: usize = 1024;

/// Those of the publisher.
#[derive(Default)]
pub(crate) struct Theirs(Vec<Candidate>);

impl Theirs {
    /// One more, if it is of use and not one too many.
    pub(crate) fn told(&mut self, text: &str) -> Option<Candidate> {
        let has_space = self.0.len() < MAX_REMOTE;
        let candidate = read(text).filter(|_| has_space)?;
        self.0.push(candidate.clone());
        Some(candidate)
    }

    /// ICE has been restarted: it counts on none that was told before.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// What an address is that we hear from. One that was not told is seen by ourselves.
    pub(crate) fn kind(&self, address: SocketAddr) -> &'static str {
        let mut all = self.0.iter();
        let told = all.find(|candidate| candidate.addr() == address);
        told.map_or("prflx", |candidate| name(candidate.kind()))
    }
}

/// As SDP has it.
pub(super) fn name(kind: CandidateKind) -> &'static str {
    match kind {
        CandidateKind::Host => "host",
        CandidateKind::PeerReflexive => "prflx",
        CandidateKind::ServerReflexive => "srflx",
        CandidateKind::Relayed => "relay",
    }
}

/// From `a=candidate:…`, `candidate:…` or what is behind the colon. A name of mDNS is none: it is
/// not resolved.
fn read(text: &str) -> Option<Candidate> {
    let text = text.trim();
    let text = text.strip_prefix("a=").unwrap_or(text);
    let text = text.strip_prefix("candidate:").unwrap_or(text);
    if text.len() > MAX_LENGTH {
        return None;
    }
    Candidate::from_sdp_string(&format!("candidate:{text}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_read_in_every_form() {
        const PLAIN: &str = "1 1 UDP 2015363327 192.0.2.1 50000 typ host";
        for prefix in ["", "candidate:", "a=candidate:", " a=candidate:"] {
            let candidate = read(&format!("{prefix}{PLAIN}")).unwrap();
            assert_eq!(candidate.addr().to_string(), "192.0.2.1:50000");
        }
        read(
            "candidate:2 1 udp 1677729535 2001:db8::1 5000 typ srflx raddr :: rport 0 generation 0",
        )
        .unwrap();
    }

    #[test]
    fn the_kind_of_an_address_is_the_one_that_was_told_of_it() {
        let mut theirs = Theirs::default();
        for (port, kind) in [(1, "host"), (2, "srflx"), (3, "relay")] {
            let told = format!("1 1 udp 9 192.0.2.1 {port} typ {kind} raddr 0.0.0.0 rport 0");
            assert!(theirs.told(&told).is_some());
            let address = SocketAddr::from(([192, 0, 2, 1], port));
            assert_eq!(theirs.kind(address), kind);
        }
        let first = "192.0.2.1:1".parse().unwrap();
        theirs.forget();
        assert_eq!(theirs.kind(first), "prflx");
    }

    #[test]
    fn a_publisher_tells_a_hundred_addresses_at_most() {
        let mut theirs = Theirs::default();
        let told = (1..300).filter(|port| {
            let text = format!("1 1 udp 9 192.0.2.1 {port} typ host");
            theirs.told(&text).is_some()
        });
        assert_eq!(told.count(), MAX_REMOTE);
    }

    #[test]
    fn what_cannot_be_used_is_none() {
        let long = "x".repeat(5000);
        for text in [
            "",
            "candidate:",
            "candidate:1 1 UDP 1 0a1b2c3d-0000-4000-8000-000000000000.local 50000 typ host",
            "candidate:1 1 UDP 1 192.0.2.1 70000 typ host",
            "\u{0}",
            &long,
        ] {
            assert!(read(text).is_none(), "{text:?}");
        }
    }
}
