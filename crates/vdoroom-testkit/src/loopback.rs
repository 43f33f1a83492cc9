// SPDX-License-Identifier: MPL-2.0
//! Clients of several addresses on one machine: all of 127.0.0.0/8 is loopback.

use std::io;
use std::net::{SocketAddr, TcpStream};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

/// A connection to `server` from `address`.
pub fn connect_from(address: [u8; 4], server: SocketAddr) -> io::Result<TcpStream> {
    let tcp = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&tcp, &SocketAddr::from((address, 0)))?;
    connect(&tcp, &server)?;
    Ok(tcp.into())
}
