// SPDX-License-Identifier: MPL-2.0
//! The next connection for which there is a place.

use std::time::{Duration, Instant};

use rustix::net::sockopt;
use smol::{
    Timer,
    net::{TcpListener, TcpStream},
};

use super::{
    gate::{Gate, SharedGate, Ticket},
    numbers::SYSTEM_BUFFER,
};

pub struct Accepted {
    pub tcp: TcpStream,
    pub ticket: Ticket,
}

/// The next connection for which there is a place; what is too many is closed at once.
pub async fn next(listener: &TcpListener, gate: &SharedGate) -> Accepted {
    loop {
        match listener.accept().await {
            Ok((tcp, from)) => {
                if let Some(ticket) = Gate::admit(gate, from.ip().into(), Instant::now()) {
                    // These fail for a connection that is gone already.
                    let _ = tcp.set_nodelay(true);
                    let _ = sockopt::set_socket_send_buffer_size(&tcp, SYSTEM_BUFFER);
                    let _ = sockopt::set_socket_recv_buffer_size(&tcp, SYSTEM_BUFFER);
                    return Accepted { tcp, ticket };
                }
            }
            // Out of descriptors, or the client is gone again: others may fare better.
            Err(_) => {
                Timer::after(Duration::from_millis(100)).await;
            }
        }
    }
}
