// SPDX-License-Identifier: MPL-2.0
//! An internet of one's own: hosts that are network namespaces, made by a test and gone with it.
//!
//! ```text
//! alice ── NAT ──┐            ┌── server
//!                ├── router ──┤
//! recorder ──────┘            └── turn
//! ```
//!
//! Everything is connected inside namespaces of this test; none has a way out of them, and the
//! machine's own network is not touched. A [`Host`] runs threads and programs. Hosts behind
//! [`Behind::SymmetricNat`] are reached by nobody whom they have not spoken to first, each pair of
//! ends through a port of its own.

mod host;
mod impairment;
mod relay;
mod tools;

use std::cell::Cell;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

pub use host::{Host, Names, Trap};
pub use impairment::{Impairment, Line};
pub use relay::Relay;

use crate::require::require;

use tools::{ip, nft, try_run};

/// Begins the names of all namespaces, before the process that owns them.
const PREFIX: &str = "vdoroom";

/// What stands between a host and the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    Nothing,
    /// Address and port dependent mapping and filtering (RFC 4787), chosen at random.
    SymmetricNat,
}

/// Which addresses a host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Both,
    Ipv4,
    Ipv6,
}

/// The hosts of one test.
pub struct Internet {
    /// Begins the names of its namespaces.
    prefix: String,
    hosts: Cell<u8>,
}

impl Internet {
    /// `None`, with the reason on stderr, where namespaces are not allowed.
    pub fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        remove_left_over();
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let internet = Self {
            prefix: format!("{PREFIX}-{}-{n}", std::process::id()),
            hosts: Cell::new(0),
        };
        match internet.make_router() {
            Ok(()) => Some(internet),
            Err(why) => {
                require(
                    false,
                    &format!("no network namespaces can be made here: {why}"),
                );
                None
            }
        }
    }

    fn make_router(&self) -> Result<(), String> {
        try_run("nft", &["--version"])?;
        let router = self.namespace("router")?;
        host::enter(&router, || {
            std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
            std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
        })
        .map_err(|error| error.to_string())
    }

    fn router(&self) -> String {
        format!("{}-router", self.prefix)
    }

    /// A namespace with a loopback interface.
    fn namespace(&self, name: &str) -> Result<String, String> {
        let namespace = format!("{}-{name}", self.prefix);
        try_run("ip", &["netns", "add", &namespace])?;
        try_run("ip", &["-n", &namespace, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// A host with addresses of both families, which everybody reaches.
    pub fn host(&self, name: &str) -> Host {
        self.host_of(name, Family::Both)
    }

    /// A host that everybody reaches, with addresses of these families.
    pub fn host_of(&self, name: &str, family: Family) -> Host {
        self.host_with(name, Behind::Nothing, family)
    }

    /// A host that is reached by its answers only.
    pub fn host_behind_nat(&self, name: &str) -> Host {
        self.host_with(name, Behind::SymmetricNat, Family::Ipv4)
    }

    pub fn host_with(&self, name: &str, behind: Behind, family: Family) -> Host {
        let number = self.next_number();
        let namespace = self.namespace(name).unwrap();
        match behind {
            Behind::Nothing => {
                let network = Network::public(number);
                connect(&namespace, &self.router(), name, network, family);
                Host::new(namespace, network, family)
            }
            Behind::SymmetricNat => {
                let nat = self.namespace(&format!("{name}-nat")).unwrap();
                connect(&nat, &self.router(), name, Network::public(number), family);
                let network = Network::private(number);
                connect(&namespace, &nat, "inside", network, family);
                host::enter(&nat, || {
                    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
                });
                nft(
                    &nat,
                    "table ip nat { chain out { type nat hook postrouting priority srcnat; \
                     oifname \"wan\" masquerade random,fully-random; }; }",
                );
                Host::new(namespace, network, family).behind(nat)
            }
        }
    }

    /// A host whose packets in both directions go through a [`Relay`], as bad as it is told to be.
    pub fn host_over(&self, name: &str, impairment: Impairment) -> (Host, Relay) {
        let network = Network::public(self.next_number());
        let namespace = self.namespace(name).unwrap();
        let relay = Relay::start(&namespace, &self.router(), name, network, impairment);
        (Host::new(namespace, network, Family::Ipv4), relay)
    }

    fn next_number(&self) -> u8 {
        let number = self.hosts.get() + 1;
        self.hosts.set(number);
        number
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        for namespace in namespaces() {
            if namespace.starts_with(&format!("{}-", self.prefix)) {
                // One that cannot be removed is gone already.
                let _ = try_run("ip", &["netns", "del", &namespace]);
            }
        }
    }
}

fn namespaces() -> Vec<String> {
    let listed = try_run("ip", &["netns", "list"]).unwrap_or_default();
    let first_words = listed.lines().filter_map(|line| line.split(' ').next());
    first_words.map(str::to_owned).collect()
}

/// A process that was killed leaves its namespaces behind.
fn remove_left_over() {
    for namespace in namespaces() {
        let owner = namespace.strip_prefix(&format!("{PREFIX}-"));
        let owner = owner.and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another process may have been faster.
            let _ = try_run("ip", &["netns", "del", &namespace]);
        }
    }
}

/// The two ends of a wire: .1 is nearer to the router, .2 is the host.
#[derive(Clone, Copy, Debug)]
struct Network {
    v4: [u8; 3],
    v6: u16,
}

impl Network {
    /// Of the addresses that RFC 2544 sets aside for tests of networks.
    fn public(number: u8) -> Self {
        Self {
            v4: [198, 18, number],
            v6: u16::from(number),
        }
    }

    fn private(number: u8) -> Self {
        Self {
            v4: [10, 0, number],
            v6: 0x100 + u16::from(number),
        }
    }

    fn v4(&self, end: u8) -> Ipv4Addr {
        let [a, b, c] = self.v4;
        Ipv4Addr::new(a, b, c, end)
    }

    /// Of the addresses for documentation (RFC 3849).
    fn v6(&self, end: u16) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, self.v6, 0, 0, 0, end)
    }
}

/// A wire from `lower`, where it is called `wan`, to `upper`, where it is called `name`.
fn connect(lower: &str, upper: &str, name: &str, network: Network, family: Family) {
    let name = &format!("to-{name}")[..]
        .chars()
        .take(15)
        .collect::<String>();
    ip(
        lower,
        &format!("link add name wan type veth peer name {name} netns {upper}"),
    );
    address(upper, name, network, 1, family);
    address(lower, "wan", network, 2, family);
    if family != Family::Ipv6 {
        ip(lower, &format!("route add default via {}", network.v4(1)));
    }
    if family != Family::Ipv4 {
        ip(
            lower,
            &format!("-6 route add default via {}", network.v6(1)),
        );
    }
}

fn address(namespace: &str, device: &str, network: Network, end: u8, family: Family) {
    if family != Family::Ipv6 {
        ip(
            namespace,
            &format!("addr add {}/24 dev {device}", network.v4(end)),
        );
    }
    if family != Family::Ipv4 {
        // Without duplicate address detection, which takes seconds.
        let address = network.v6(end.into());
        ip(
            namespace,
            &format!("addr add {address}/64 dev {device} nodad"),
        );
    } else {
        host::enter(namespace, || {
            let off = format!("/proc/sys/net/ipv6/conf/{device}/disable_ipv6");
            std::fs::write(off, "1").unwrap();
        });
    }
    ip(namespace, &format!("link set {device} up"));
}
