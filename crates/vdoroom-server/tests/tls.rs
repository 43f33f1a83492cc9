// SPDX-License-Identifier: MPL-2.0
//! The server's `wss`, as clients on sockets see it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use async_tungstenite::tungstenite::{WebSocket, client::client};
use futures_rustls::rustls::{ClientConnection, StreamOwned};
use vdoroom_server::{Certificate, RoomServer};

const SOON: Duration = Duration::from_secs(5);
/// Past the 10 s that a handshake may take.
const LATE: Duration = Duration::from_secs(20);

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A client that trusts this certificate alone.
fn connect(server: &RoomServer, trusted: &Certificate) -> Result<WebSocket<Tls>, String> {
    let tls = trusted.connect(server.address())?;
    tls.sock.set_read_timeout(Some(SOON)).unwrap();
    let opened = client(server.url(), tls);
    opened
        .map(|(socket, _)| socket)
        .map_err(|error| error.to_string())
}

fn joins(socket: &mut WebSocket<Tls>, room: &str) {
    let join = format!(r#"{{"request":"joinroom","roomid":"{room}"}}"#);
    socket.send(join.into()).unwrap();
    let listing = socket.read().unwrap();
    assert!(listing.to_text().unwrap().contains("listing"), "{listing}");
}

#[test]
fn a_new_certificate_is_shown_to_newcomers_and_ends_no_connection() {
    let (old, new) = (Certificate::loopback(), Certificate::loopback());
    let server = RoomServer::builder().certificate(old.clone());
    let server = server.start().unwrap();
    let mut before = connect(&server, &old).unwrap();
    server.replace_certificate(&new).unwrap();
    let mut after = connect(&server, &new).unwrap();
    joins(&mut after, "r");
    joins(&mut before, "r");
    let refused = connect(&server, &old).unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
    let broken = Certificate {
        key: old.key,
        ..new.clone()
    };
    assert!(server.replace_certificate(&broken).is_err());
    joins(&mut connect(&server, &new).unwrap(), "r");
}

#[test]
fn who_never_ends_the_handshake_is_cut_off_and_holds_up_no_other() {
    let certificate = Certificate::loopback();
    let server = RoomServer::builder().certificate(certificate.clone());
    let server = server.start().unwrap();
    // Nothing, the beginning of a ClientHello, and a client that speaks no TLS.
    let slow = [&b""[..], &[22, 3, 1, 2, 0, 1], b"GET / HTTP/1.1\r\n\r\n"].map(|begun| {
        let mut tcp = TcpStream::connect(server.address()).unwrap();
        tcp.set_read_timeout(Some(LATE)).unwrap();
        tcp.write_all(begun).unwrap();
        tcp
    });
    let mut honest = connect(&server, &certificate).unwrap();
    joins(&mut honest, "r");
    for mut tcp in slow {
        let end = tcp.read_to_end(&mut vec![]);
        // It may be reset, but not left open.
        let open = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
        assert!(!end.as_ref().is_err_and(open), "{end:?}");
    }
}
