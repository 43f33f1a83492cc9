// SPDX-License-Identifier: MPL-2.0
//! Whether the networks of these tests are what they say.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use vdoroom_testkit::netns::{Host, Impairment, Internet};

const PATIENCE: Duration = Duration::from_millis(500);

fn socket(host: &Host, port: u16) -> UdpSocket {
    let socket = host.run(|| UdpSocket::bind(host.port(port)).unwrap());
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Who sent what arrives.
fn sender(socket: &UdpSocket) -> Option<SocketAddr> {
    socket.recv_from(&mut [0; 64]).ok().map(|(_, from)| from)
}

#[test]
fn a_symmetric_nat_shows_everybody_another_port_and_lets_in_nobody_else() {
    let Some(internet) = Internet::new() else {
        return;
    };
    let hosts = ["first", "second"].map(|name| internet.host(name));
    let inside = socket(&internet.host_behind_nat("inside"), 5000);
    let [first, second] = hosts.each_ref().map(|host| socket(host, 6000));
    let mapped = [(&first, &hosts[0]), (&second, &hosts[1])].map(|(socket, host)| {
        inside.send_to(b"here", host.port(6000)).unwrap();
        sender(socket).expect("nothing came out of the NAT")
    });
    assert_eq!(mapped[0].ip(), mapped[1].ip());
    assert_ne!(mapped[0].port(), mapped[1].port());
    first.send_to(b"answer", mapped[0]).unwrap();
    assert_eq!(sender(&inside), Some(hosts[0].port(6000)));
    second.send_to(b"stranger", mapped[0]).unwrap();
    assert_eq!(sender(&inside), None, "the NAT let a stranger in");
}

#[test]
fn a_bad_wire_delays_and_loses_what_it_is_told_to() {
    let Some(internet) = Internet::new() else {
        return;
    };
    let delay = Duration::from_millis(50);
    let slow = Impairment {
        delay,
        ..Default::default()
    };
    let (far, wire) = internet.host_over("far", slow);
    let near = internet.host("near");
    let (at_far, at_near) = (socket(&far, 5000), socket(&near, 6000));
    let start = Instant::now();
    at_near.send_to(b"there", far.port(5000)).unwrap();
    assert_eq!(sender(&at_far), Some(near.port(6000)));
    at_far.send_to(b"and back", near.port(6000)).unwrap();
    assert_eq!(sender(&at_near), Some(far.port(5000)));
    assert!(start.elapsed() >= 2 * delay, "{:?}", start.elapsed());
    wire.set(Impairment {
        loss_percent: 100.0,
        ..Default::default()
    });
    at_near.send_to(b"lost", far.port(5000)).unwrap();
    assert_eq!(sender(&at_far), None);
}
