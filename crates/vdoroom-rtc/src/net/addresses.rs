// SPDX-License-Identifier: MPL-2.0
//! The addresses of this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

/// A machine with containers may have hundreds. Each is a socket here, and a check for each address
/// of a publisher.
const MAX_ADDRESSES: usize = 16;

/// All but the loopback ones; these only if there is no other.
pub(crate) fn local() -> io::Result<Vec<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    let addresses = interfaces.iter().map(|interface| interface.ip());
    Ok(usable(addresses))
}

fn usable(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut usable: Vec<IpAddr> = addresses.filter(|ip| is_usable(*ip)).collect();
    // IPv4 first, as most publishers have it.
    usable.sort();
    usable.dedup();
    usable.truncate(MAX_ADDRESSES);
    if usable.is_empty() {
        usable.push(Ipv4Addr::LOCALHOST.into());
    }
    usable
}

/// A host that is no name, with or without the brackets of IPv6.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Those of one link only mean nothing without an interface, which candidates do not name.
fn is_usable(ip: IpAddr) -> bool {
    let is_of_link = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast() && !is_of_link
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable_of(addresses: &[&str]) -> Vec<String> {
        let usable = usable(addresses.iter().map(|ip| ip.parse().unwrap()));
        usable.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn loopback_is_used_only_if_there_is_no_other() {
        let all = [
            "127.0.0.1",
            "fe80::1",
            "2001:db8::1",
            "192.0.2.1",
            "::1",
            "169.254.0.1",
        ];
        assert_eq!(usable_of(&all), ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(usable_of(&["::1", "127.0.0.1"]), ["127.0.0.1"]);
        assert_eq!(usable_of(&[]), ["127.0.0.1"]);
        assert!(!local().unwrap().is_empty());
    }

    #[test]
    fn a_host_is_an_address_or_a_name() {
        let address = Some(std::net::Ipv6Addr::LOCALHOST.into());
        assert_eq!(literal("::1"), address);
        assert_eq!(literal("[::1]"), address);
        assert_eq!(literal("192.0.2.1"), Some([192, 0, 2, 1].into()));
        assert_eq!(literal("turn.example.org"), None);
    }

    #[test]
    fn not_every_address_is_used_of_a_machine_that_has_hundreds() {
        let many: Vec<String> = (1..200).map(|n| format!("192.0.2.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(usable_of(&many).len(), MAX_ADDRESSES);
    }
}
