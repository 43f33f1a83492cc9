// SPDX-License-Identifier: MPL-2.0
//! Clients of several addresses on one machine: all of 127.0.0.0/8 is loopback.

use std::io;
use std::net::{SocketAddr, TcpStream};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket, socket_with};

/// A connection to `server` from `address`.
pub fn connect_from(address: [u8; 4], server: SocketAddr) -> io::Result<TcpStream> {
    let tcp = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&tcp, &SocketAddr::from((address, 0)))?;
    connect(&tcp, &server)?;
    Ok(tcp.into())
}

/// The same that waits for nothing, not even for the connection: a server whose queue is full lets
/// one wait for seconds.
pub fn begin_connecting_from(address: [u8; 4], server: SocketAddr) -> io::Result<TcpStream> {
    let flags = SocketFlags::NONBLOCK;
    let tcp = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    bind(&tcp, &SocketAddr::from((address, 0)))?;
    match connect(&tcp, &server) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(tcp.into()),
        Err(error) => Err(error.into()),
    }
}
