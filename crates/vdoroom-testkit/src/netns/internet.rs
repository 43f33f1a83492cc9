// SPDX-License-Identifier: MPL-2.0
//! The namespaces of one test, from their making to their end.

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::require::require;

use super::host::Host;
use super::impairment::Impairment;
use super::namespace::{enter, nft, try_run};
use super::network::{Family, Network, connect};
use super::relay::Relay;

/// Begins the names of all namespaces, before the process that owns them.
const PREFIX: &str = "vdoroom";

/// What stands between a host and the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    Nothing,
    /// Address and port dependent mapping and filtering (RFC 4787), chosen at random.
    SymmetricNat,
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
        enter(&router, || {
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
                enter(&nat, || {
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
