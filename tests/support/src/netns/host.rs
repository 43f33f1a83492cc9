// SPDX-License-Identifier: MPL-2.0
//! A machine of the test's internet.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::thread::{self, sleep};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::tools::{ip, nft};
use super::{Family, Network};

/// Where `ip netns` keeps the names of namespaces.
const NAMES: &str = "/run/netns";

pub struct Host {
    namespace: String,
    network: Network,
    family: Family,
    /// The last number of its IPv4 address.
    end: u8,
    /// The namespace of the NAT before it.
    nat: Option<String>,
}

/// Runs this on a thread that lives in a namespace. The threads that it starts live there too, and
/// so do their sockets.
pub(super) fn enter<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("{NAMES}/{namespace}")).unwrap();
    let run = || {
        move_into_link_name_space(
            std::os::fd::AsFd::as_fd(&file),
            Some(LinkNameSpaceType::Network),
        )
        .unwrap();
        work()
    };
    let ended = thread::scope(|scope| scope.spawn(run).join());
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

impl Host {
    pub(super) fn new(namespace: String, network: Network, family: Family) -> Self {
        Self {
            namespace,
            network,
            family,
            end: 2,
            nat: None,
        }
    }

    pub(super) fn behind(mut self, nat: String) -> Self {
        self.nat = Some(nat);
        self
    }

    /// Runs this on a thread of the host; see [`Host::command`] for programs.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        enter(&self.namespace, work)
    }

    /// Words of a shell that begin a program on this host.
    pub fn command(&self) -> String {
        format!("ip netns exec {}", self.namespace)
    }

    /// Its IPv4 address, unless it has none.
    pub fn address(&self) -> IpAddr {
        match self.family {
            Family::Ipv6 => self.network.v6(2).into(),
            Family::Both | Family::Ipv4 => self.network.v4(self.end).into(),
        }
    }

    pub fn address_v6(&self) -> IpAddr {
        self.network.v6(2).into()
    }

    pub fn port(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address(), port)
    }

    /// Pulls the cable, or plugs it in again.
    pub fn set_connected(&self, connected: bool) {
        let state = if connected { "up" } else { "down" };
        ip(&self.namespace, &format!("link set wan {state}"));
        if connected {
            // The route has gone with the interface.
            let gateway = self.network.v4(1);
            ip(
                &self.namespace,
                &format!("route replace default via {gateway}"),
            );
        }
    }

    /// Loses all packets in both directions for so long; nobody is told.
    pub fn lose_everything_for(&self, time: Duration) {
        self.lose("", time);
    }

    /// The same for UDP only.
    pub fn lose_udp_for(&self, time: Duration) {
        self.lose("meta l4proto udp", time);
    }

    fn lose(&self, what: &str, time: Duration) {
        let chain =
            |hook| format!("chain {hook} {{ type filter hook {hook} priority 0; {what} drop; }}");
        let chains = ["input", "output"].map(chain).join("; ");
        nft(
            &self.namespace,
            &format!("table inet outage {{ {chains}; }}"),
        );
        sleep(time);
        nft(&self.namespace, "delete table inet outage");
    }

    /// From now on its IPv4 address ends in `end`, and nobody else has the old one.
    pub fn change_address(&mut self, end: u8) {
        let [old, new] = [self.end, end].map(|end| self.network.v4(end));
        ip(&self.namespace, &format!("addr del {old}/24 dev wan"));
        ip(&self.namespace, &format!("addr add {new}/24 dev wan"));
        let gateway = self.network.v4(1);
        ip(
            &self.namespace,
            &format!("route replace default via {gateway}"),
        );
        self.end = end;
    }

    /// The NAT forgets its mappings of UDP, for which nothing may pass for a moment: what is sent
    /// then comes from other ports. Connections of TCP stay.
    pub fn rebind_udp(&self) {
        let nat = self.nat.as_deref().expect("a host behind a NAT");
        let forget_after = |seconds: u32| {
            enter(nat, || {
                for timeout in ["udp_timeout", "udp_timeout_stream"] {
                    let path = format!("/proc/sys/net/netfilter/nf_conntrack_{timeout}");
                    std::fs::write(path, seconds.to_string()).unwrap();
                }
            });
        };
        forget_after(1);
        // A mapping takes over its time with its next packet.
        sleep(Duration::from_millis(300));
        nft(
            nat,
            "table ip hush { chain before { type filter hook prerouting priority raw; \
             meta l4proto udp drop; }; }",
        );
        sleep(Duration::from_millis(1500));
        nft(nat, "delete table ip hush");
        forget_after(120);
    }

    /// Drops what arrives for these UDP ports: a firewall.
    pub fn block_udp(&self, ports: &str) {
        self.refuse(&format!("udp dport {ports} drop"));
    }

    /// Drops STUN messages in clear that arrive over TCP for this port: those that have its magic
    /// cookie (RFC 8489 section 5). coturn takes them on its TLS port too.
    pub fn block_stun_in_clear(&self, port: u16) {
        self.refuse(&format!("tcp dport {port} @ih,32,32 0x2112a442 drop"));
    }

    fn refuse(&self, rule: &str) {
        let chain = "type filter hook input priority 0";
        let table = format!("table inet firewall {{ chain in {{ {chain}; {rule}; }}; }}");
        nft(&self.namespace, &table);
    }
}
