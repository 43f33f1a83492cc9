// SPDX-License-Identifier: MPL-2.0
//! The state of a connection: gathering, ICE, DTLS, and the selected candidate pair. Plain data;
//! `states` fills it.

use std::time::Duration;

use gst_webrtc::WebRTCICETransportPolicy::Relay;

use crate::vdoroomsrc::reports::{Candidate, Layer};
use crate::vdoroomsrc::settings::IceServers;

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    host: u32,
    relay: u32,
    /// Server and peer reflexive ones.
    reflexive: u32,
}

impl Counts {
    fn add(&mut self, candidate: &str) {
        let mut words = candidate.split_ascii_whitespace();
        match words.find(|word| *word == "typ").and_then(|_| words.next()) {
            Some("host") => self.host += 1,
            Some("relay") => self.relay += 1,
            Some("srflx" | "prflx") => self.reflexive += 1,
            _ => {}
        }
    }

    fn is_empty(self) -> bool {
        self.host + self.relay + self.reflexive == 0
    }

    fn only_host(self) -> bool {
        self.host > 0 && self.relay + self.reflexive == 0
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Connectivity {
    /// As webrtcbin calls them, by layer; empty as long as nothing was heard.
    states: [String; Layer::ALL.len()],
    /// Ours and theirs.
    pub pair: Option<(Candidate, Candidate)>,
    /// Of the newest ping on the data channel that was answered.
    pub round_trip: Option<Duration>,
    local: Counts,
    remote: Counts,
}

impl Connectivity {
    /// Whether that is news.
    pub(crate) fn set(&mut self, layer: Layer, state: String) -> bool {
        let known = &mut self.states[layer as usize];
        let changed = *known != state;
        *known = state;
        changed
    }

    fn state(&self, layer: Layer) -> &str {
        match self.states[layer as usize].as_str() {
            "" => "new",
            state => state,
        }
    }

    pub(crate) fn add_local(&mut self, candidate: &str) {
        self.local.add(candidate);
    }

    pub(crate) fn add_remote(&mut self, candidate: &str) {
        self.remote.add(candidate);
    }

    /// No TURN server has given us an address so far.
    pub(crate) fn has_no_relay(&self) -> bool {
        self.local.relay == 0
    }

    /// There is no address of ours that the publisher may hear of.
    pub(crate) fn has_no_candidates(&self) -> bool {
        self.local.is_empty()
    }

    pub(crate) fn was_connected(&self) -> bool {
        self.pair.is_some() || self.state(Layer::Connection) == "connected"
    }

    /// At which stage a connection that was never made stopped, and what to check.
    pub(crate) fn diagnosis(&self, servers: &IceServers) -> String {
        let no_relay = self.local.relay == 0 && !servers.turn.is_empty();
        let ice = self.state(Layer::Ice);
        let is_through = matches!(ice, "connected" | "completed");
        match () {
            () if is_through => format!(
                "ICE is connected, DTLS is \"{}\": the network or a firewall blocks the handshake, or \
                 the publisher has closed the connection",
                self.state(Layer::Dtls)
            ),
            () if servers.policy == Relay && servers.turn.is_empty() => {
                "ice-transport-policy is relay and turn-servers is empty: no connection is possible".into()
            }
            () if servers.policy == Relay && no_relay => format!(
                "no TURN server has given a relay address, and ice-transport-policy allows no other: \
                 check turn-servers, turn-user and turn-password, {}whether a firewall blocks \
                 the servers",
                match servers.ports.is_any() {
                    true => "and ".to_owned(),
                    false => format!("whether one of the ports {} is free, and ", servers.ports),
                }
            ),
            () if self.local.is_empty() && !servers.ports.is_any() => format!(
                "this machine has found no ICE candidates: none of the ports {} is free, or it has \
                 no network: widen min-rtp-port and max-rtp-port (with engine=webrtcbin each \
                 connection takes a port)",
                servers.ports
            ),
            () if self.local.is_empty() => {
                "this machine has found no ICE candidates: check its network".into()
            }
            () if self.remote.is_empty() => {
                "the publisher has sent no usable ICE candidates: its browser may hide its addresses \
                 (mDNS names are not resolved) or have no network: let its packets through to this \
                 machine (min-rtp-port and max-rtp-port say to which ports), or let it use a STUN \
                 server"
                    .into()
            }
            () if no_relay => {
                "ICE has found no path, and no TURN server has given a relay address: check \
                 turn-servers, turn-user and turn-password"
                    .into()
            }
            () if self.local.only_host() && self.remote.only_host() => {
                "ICE has found no path with local addresses alone: set stun-server, or turn-servers, \
                 which work through any NAT"
                    .into()
            }
            () if self.local.relay + self.remote.relay == 0 => {
                "ICE has found no path between two networks: set turn-servers, which work through any \
                 NAT"
                    .into()
            }
            () => format!("ICE is \"{ice}\": neither a direct path nor one through the relays works"),
        }
    }

    /// For `stats` and the element message `vdoroom-connection`.
    pub(crate) fn structure(&self, name: &str) -> gst::structure::Builder {
        let mut shown = gst::Structure::builder(name);
        for layer in Layer::ALL {
            shown = shown.field(layer.name(), self.state(layer));
        }
        if let Some((local, remote)) = &self.pair {
            for (side, candidate) in [("local", local), ("remote", remote)] {
                let candidate = gst::Structure::builder("vdoroom-candidate")
                    .field("type", &candidate.kind)
                    .field("address", &candidate.address)
                    .field("port", candidate.port)
                    .field("protocol", &candidate.protocol)
                    .build();
                shown = shown.field(format!("{side}-candidate"), candidate);
            }
        }
        // In nanoseconds, as GStreamer counts time.
        shown.field_if_some(
            "round-trip-time",
            self.round_trip.map(|t| t.as_nanos() as u64),
        )
    }
}

#[cfg(test)]
mod tests {
    use gst_webrtc::WebRTCICETransportPolicy::{self, All};

    use super::*;
    use crate::vdoroomsrc::settings::{PortRange, TurnUrl};

    const HOST: &str = "candidate:1 1 UDP 1 192.0.2.1 5000 typ host";
    const RELAY: &str = "candidate:1 1 UDP 1 192.0.2.1 5000 typ relay raddr 0.0.0.0 rport 9";

    fn servers(policy: WebRTCICETransportPolicy, turn: &[&str]) -> IceServers {
        IceServers {
            stun: None,
            turn: turn.iter().map(|url| TurnUrl((*url).into())).collect(),
            policy,
            ports: PortRange::ANY,
        }
    }

    fn few_ports(policy: WebRTCICETransportPolicy) -> IceServers {
        IceServers {
            ports: PortRange::new(50_000, 50_009).unwrap(),
            ..servers(policy, &["turn://u:p@h:1"])
        }
    }

    /// What is said with these candidates of ours and theirs.
    fn said(local: &[&str], remote: &[&str], servers: &IceServers) -> String {
        let mut connectivity = Connectivity::default();
        local.iter().for_each(|c| connectivity.add_local(c));
        remote.iter().for_each(|c| connectivity.add_remote(c));
        connectivity.diagnosis(servers)
    }

    #[test]
    fn a_failure_says_what_to_check() {
        gst::init().unwrap();
        let turn = &["turn://u:p@h:1"][..];
        for (said, part) in [
            (said(&[], &[HOST], &servers(All, &[])), "its network"),
            (said(&[], &[HOST], &few_ports(All)), "50000 to 50009"),
            (said(&[], &[HOST], &few_ports(Relay)), "50000 to 50009"),
            (said(&[HOST], &[], &servers(All, &[])), "mDNS"),
            (said(&[HOST], &[HOST], &servers(All, &[])), "stun-server"),
            (said(&[HOST], &[HOST], &servers(All, turn)), "turn-password"),
            (said(&[], &[HOST], &servers(Relay, turn)), "relay address"),
            (said(&[], &[HOST], &servers(Relay, &[])), "is empty"),
            (said(&[RELAY], &[HOST], &servers(All, turn)), "relays"),
        ] {
            assert!(said.contains(part), "\"{part}\" is not in: {said}");
        }
    }

    #[test]
    fn a_handshake_that_fails_is_told_from_a_way_that_is_not_found() {
        gst::init().unwrap();
        let mut connectivity = Connectivity::default();
        assert!(connectivity.set(Layer::Ice, "connected".into()));
        assert!(!connectivity.set(Layer::Ice, "connected".into()));
        assert!(connectivity.diagnosis(&servers(All, &[])).contains("DTLS"));
    }
}
