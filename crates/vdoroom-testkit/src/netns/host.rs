// SPDX-License-Identifier: MPL-2.0
//! A machine of the test's internet.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use super::namespace::{enter, ip, nft, try_run};
use super::network::{Family, Network};

/// Where `ip netns exec` takes a namespace's own files of /etc from.
const SETTINGS: &str = "/etc/netns";

pub struct Host {
    namespace: String,
    network: Network,
    family: Family,
    /// The last number of its IPv4 address.
    end: u8,
    /// The namespace of the NAT before it.
    nat: Option<String>,
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

    /// Drops what arrives for TCP over IPv6: a black hole, where nothing is refused either.
    pub fn block_tcp_over_ipv6(&self) {
        self.refuse("meta nfproto ipv6 meta l4proto tcp drop");
    }

    /// Programs of this host ([`Host::command`]) find these addresses under this name.
    pub fn name_addresses(&self, name: &str, addresses: &[IpAddr]) -> Names {
        let folder = PathBuf::from(SETTINGS).join(&self.namespace);
        std::fs::create_dir_all(&folder).unwrap();
        let lines = addresses
            .iter()
            .map(|address| format!("{address} {name}\n"));
        std::fs::write(folder.join("hosts"), lines.collect::<String>()).unwrap();
        Names(folder)
    }

    /// Takes the firewall away.
    pub fn unblock(&self) {
        nft(&self.namespace, "delete table inet firewall");
    }

    /// Drops STUN messages in clear that arrive over TCP for this port: those that have its magic
    /// cookie (RFC 8489 section 5). coturn takes them on its TLS port too.
    pub fn block_stun_in_clear(&self, port: u16) {
        self.refuse(&format!("tcp dport {port} @ih,32,32 0x2112a442 drop"));
    }

    /// Drops DTLS records (RFC 7983) that arrive, and lets STUN and media through.
    pub fn block_dtls(&self) {
        self.refuse("meta l4proto udp @th,64,8 20-63 drop");
    }

    /// Lets nothing out but to these hosts, and counts what would have gone elsewhere.
    pub fn trap(&self, allowed: &[&Host]) -> Trap {
        let accept = |host: &&Host| match host.family {
            Family::Ipv4 => format!("ip daddr {} accept", host.address()),
            Family::Ipv6 => format!("ip6 daddr {} accept", host.address()),
            Family::Both => format!(
                "ip daddr {} accept; ip6 daddr {} accept",
                host.address(),
                host.address_v6()
            ),
        };
        let accepts: Vec<String> = allowed.iter().map(accept).collect();
        // Neighbours and groups are the system's business.
        let rules = format!(
            "table inet trap {{ counter elsewhere {{ }}; chain out {{ \
             type filter hook output priority 0; oifname \"lo\" accept; \
             meta l4proto icmpv6 accept; ip protocol igmp accept; {}; \
             counter name elsewhere drop; }}; }}",
            accepts.join("; ")
        );
        nft(&self.namespace, &rules);
        Trap(self.namespace.clone())
    }

    /// A name server, by the address at which this machine looks for one, that never answers.
    /// `None` where programs do not look for one by IPv4.
    pub fn mute_name_server(&self) -> Option<UdpSocket> {
        let settings = std::fs::read_to_string("/etc/resolv.conf").ok()?;
        let mut servers = settings
            .lines()
            .filter_map(|l| l.strip_prefix("nameserver "));
        let address: Ipv4Addr = servers.next()?.trim().parse().ok()?;
        if !address.is_loopback() {
            ip(&self.namespace, &format!("addr add {address}/32 dev lo"));
        }
        Some(self.run(|| UdpSocket::bind((address, 53)).unwrap()))
    }

    /// The local ports of all its UDP sockets.
    pub fn udp_ports(&self) -> Vec<u16> {
        let ports = self.sockets("udp").into_iter();
        ports.map(|(port, _)| port).collect()
    }

    /// The local ports of all its TCP sockets that somebody holds.
    pub fn tcp_ports(&self) -> Vec<u16> {
        // The kernel's states FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, LAST_ACK and CLOSING.
        let is_closed = |state: u8| matches!(state, 4..=7 | 9 | 11);
        let held = self
            .sockets("tcp")
            .into_iter()
            .filter(|(_, s)| !is_closed(*s));
        held.map(|(port, _)| port).collect()
    }

    /// Local port and state of each.
    fn sockets(&self, protocol: &str) -> Vec<(u16, u8)> {
        let files = [protocol.to_owned(), format!("{protocol}6")];
        let read = |name| std::fs::read_to_string(format!("/proc/thread-self/net/{name}"));
        let listed = self.run(|| files.map(|name| read(name).unwrap_or_default()));
        let socket = |line: &str| {
            let mut words = line.split_ascii_whitespace();
            let (_, port) = words.nth(1)?.rsplit_once(':')?;
            let state = words.nth(1)?;
            let port = u16::from_str_radix(port, 16).ok()?;
            Some((port, u8::from_str_radix(state, 16).ok()?))
        };
        let lines = listed.iter().flat_map(|text| text.lines().skip(1));
        lines.filter_map(socket).collect()
    }

    fn refuse(&self, rule: &str) {
        let chain = "type filter hook input priority 0";
        let table = format!("table inet firewall {{ chain in {{ {chain}; {rule}; }}; }}");
        nft(&self.namespace, &table);
    }
}

/// What a host knows of names, until this is dropped.
pub struct Names(PathBuf);

impl Drop for Names {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Counts packets that leave a host for where they should not.
pub struct Trap(String);

impl Trap {
    pub fn packets(&self) -> u64 {
        let list = [
            "netns",
            "exec",
            &self.0,
            "nft",
            "list counter inet trap elsewhere",
        ];
        let listed = try_run("ip", &list).unwrap();
        let mut words = listed.split_ascii_whitespace();
        words.find(|word| *word == "packets");
        words.next().and_then(|count| count.parse().ok()).unwrap()
    }
}
