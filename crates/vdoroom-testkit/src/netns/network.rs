// SPDX-License-Identifier: MPL-2.0
//! The wires between namespaces, and their addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::namespace::{enter, ip};

/// Which addresses a host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Both,
    Ipv4,
    Ipv6,
}

/// The two ends of a wire: .1 is nearer to the router, .2 is the host.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    v4: [u8; 3],
    v6: u16,
}

impl Network {
    /// Of the addresses that RFC 2544 sets aside for tests of networks.
    pub fn public(number: u8) -> Self {
        Self {
            v4: [198, 18, number],
            v6: u16::from(number),
        }
    }

    pub fn private(number: u8) -> Self {
        Self {
            v4: [10, 0, number],
            v6: 0x100 + u16::from(number),
        }
    }

    pub fn v4(&self, end: u8) -> Ipv4Addr {
        let [a, b, c] = self.v4;
        Ipv4Addr::new(a, b, c, end)
    }

    /// Of the addresses for documentation (RFC 3849).
    pub fn v6(&self, end: u16) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, self.v6, 0, 0, 0, end)
    }
}

/// A wire from `lower`, where it is called `wan`, to `upper`, where it is called `name`.
pub fn connect(lower: &str, upper: &str, name: &str, network: Network, family: Family) {
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

pub fn address(namespace: &str, device: &str, network: Network, end: u8, family: Family) {
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
        enter(namespace, || {
            let off = format!("/proc/sys/net/ipv6/conf/{device}/disable_ipv6");
            std::fs::write(off, "1").unwrap();
        });
    }
    ip(namespace, &format!("link set {device} up"));
}
