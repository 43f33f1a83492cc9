// SPDX-License-Identifier: MPL-2.0
//! One accepted connection: its websocket is read, written and closed.

use std::{rc::Rc, time::Duration};

use async_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use futures_rustls::TlsAcceptor;
use futures_util::{FutureExt, StreamExt, select_biased};
use smol::{
    Timer,
    channel::{Receiver, Sender},
    io::AsyncWriteExt,
    net::TcpStream,
};

use super::{
    http::{self, Socket},
    hub::Input,
    pages::Pages,
    rules::SocketId,
};

/// Self-hosted servers ping this often (protocol 1.1).
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// How the server closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// A close frame with this code, then the end of the connection.
    Code(u16),
    /// The connection ends without a close frame.
    Abort,
    /// A text frame begins, half of it is sent, then the connection ends.
    MidMessage,
}

pub enum Outgoing {
    Text(String),
    Close(Closing),
}

/// Serves one connection from its acceptance to its end.
pub async fn serve(
    id: SocketId,
    tcp: TcpStream,
    tls: Option<TlsAcceptor>,
    pages: Rc<Pages>,
    hub: Sender<Input>,
    outgoing: Receiver<Outgoing>,
) {
    if let Some(socket) = http::open(tcp, tls, &hub, pages).await
        && hub.send(Input::Connected(id)).await.is_ok()
    {
        converse(id, socket, &hub, &outgoing).await;
    }
    // The hub may be gone already: then nobody has to know.
    let _ = hub.send(Input::Closed(id)).await;
}

async fn converse(
    id: SocketId,
    mut socket: Socket,
    hub: &Sender<Input>,
    outgoing: &Receiver<Outgoing>,
) {
    let mut answered = true;
    let mut ping = FutureExt::fuse(Timer::after(PING_INTERVAL));
    loop {
        select_biased! {
            out = outgoing.recv().fuse() => match out {
                Ok(Outgoing::Text(text)) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
                Ok(Outgoing::Close(closing)) => return close(socket, closing).await,
                Err(_) => return,
            },
            received = socket.next().fuse() => match received {
                Some(Ok(Message::Text(text))) => {
                    answered = true;
                    let _ = hub.send(Input::Text(id, text.as_str().into())).await;
                }
                Some(Ok(Message::Binary(bytes))) => {
                    answered = true;
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let _ = hub.send(Input::Text(id, text)).await;
                }
                Some(Ok(_)) => answered = true,
                Some(Err(_)) | None => return,
            },
            _ = ping => {
                if !answered || socket.send(Message::Ping(Default::default())).await.is_err() {
                    return;
                }
                answered = false;
                ping = FutureExt::fuse(Timer::after(PING_INTERVAL));
            }
        }
    }
}

async fn close(mut socket: Socket, closing: Closing) {
    match closing {
        Closing::Code(code) => {
            let frame = CloseFrame {
                code: code.into(),
                reason: Default::default(),
            };
            let _ = socket.close(Some(frame)).await;
        }
        Closing::Abort => {}
        Closing::MidMessage => {
            let mut io = socket.into_inner();
            // FIN and text, 126 = a 16-bit length follows: 256 bytes, of which few arrive.
            let mut frame = vec![0x81, 126, 0x01, 0x00];
            frame.extend_from_slice(br#"{"request":"listing","list":[{"UUID":""#);
            let _ = io.write_all(&frame).await;
            let _ = io.flush().await;
        }
    }
}
