// SPDX-License-Identifier: MPL-2.0
//! A machine of the test's internet.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::tools::{ip, nft};
use super::{Family, Network};

/// Where `ip netns` keeps the names of namespaces.
const NAMES: &str = "/run/netns";

pub struct Host {
    namespace: String,
    network: Network,
    family: Family,
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
        }
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
            Family::Both | Family::Ipv4 => self.network.v4(2).into(),
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
