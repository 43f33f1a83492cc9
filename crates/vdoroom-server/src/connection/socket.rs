// SPDX-License-Identifier: MPL-2.0
//! One accepted connection: its websocket is read, written and closed.

use std::{cell::Cell, pin::pin, time::Duration};

use async_tungstenite::{
    WebSocketReceiver, WebSocketSender, WebSocketStream,
    tungstenite::{Message, protocol::CloseFrame},
};
use futures_util::{FutureExt, StreamExt, future::select, select_biased};
#[cfg(feature = "faults")]
use smol::io::AsyncWriteExt;
use smol::{Timer, channel::Sender};

use crate::{
    input::Input,
    limits::{Allowance, Closing, Inbox, Outgoing, SEND_TIMEOUT, Traffic},
    rules::SocketId,
};

use super::http::{self, Io, Service, Socket};

/// Self-hosted servers ping this often (protocol 1.1).
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Serves one connection from its acceptance to its end.
pub async fn serve(id: SocketId, io: Traffic, service: Service, inbox: Inbox) {
    let (hub, allowance) = (service.hub.clone(), service.allowance.clone());
    if let Some(socket) = http::open(io, service).await
        && hub.send(Input::Connected(id)).await.is_ok()
    {
        converse(id, socket, &hub, &inbox, &allowance).await;
    }
    // The hub may be gone already: then nothing is left to be told.
    let _ = hub.send(Input::Closed(id)).await;
}

/// Reads and writes side by side: a client that reads slowly is still heard, and pinged.
async fn converse(
    id: SocketId,
    socket: Socket,
    hub: &Sender<Input>,
    inbox: &Inbox,
    allowance: &Allowance,
) {
    let (mut sender, mut receiver) = socket.split();
    let heard = Cell::new(true);
    let closing = {
        let read = read(id, &mut receiver, hub, allowance, &heard).map(|()| None);
        let write = write(&mut sender, inbox, allowance, &heard);
        select(pin!(read), pin!(write)).await.factor_first().0
    };
    if let Some(closing) = closing
        && let Ok(socket) = WebSocketStream::reunite(sender, receiver)
    {
        let close = pin!(close(socket, closing));
        // What does not take the close frame is closed without.
        select(close, Timer::after(SEND_TIMEOUT)).await;
    }
}

async fn read(
    id: SocketId,
    socket: &mut WebSocketReceiver<Box<dyn Io>>,
    hub: &Sender<Input>,
    allowance: &Allowance,
    heard: &Cell<bool>,
) {
    while let Some(Ok(message)) = socket.next().await {
        heard.set(true);
        allowance.charge(1, 0);
        let text = match message {
            Message::Text(text) => text.as_str().into(),
            Message::Binary(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            _ => String::new(),
        };
        if !text.is_empty() && hub.send(Input::Text(id, text)).await.is_err() {
            return;
        }
        // Several messages may have been read at once.
        Timer::after(allowance.debt()).await;
    }
}

async fn write(
    socket: &mut WebSocketSender<Box<dyn Io>>,
    inbox: &Inbox,
    allowance: &Allowance,
    heard: &Cell<bool>,
) -> Option<Closing> {
    let mut pings = StreamExt::fuse(Timer::interval(PING_INTERVAL));
    loop {
        let mut next = pin!(inbox.next().fuse());
        let message = select_biased! {
            out = next => match out? {
                Outgoing::Text(text) => Message::Text(text),
                Outgoing::Close(closing) => return Some(closing),
            },
            _ = pings.select_next_some() => {
                // Of a client that has said too much nothing is read for a while.
                if !heard.take() && allowance.debt().is_zero() {
                    return None;
                }
                Message::Ping(Default::default())
            }
        };
        let text = match &message {
            Message::Text(text) => text.len(),
            _ => 0,
        };
        let sent = pin!(socket.send(message));
        http::within(SEND_TIMEOUT, sent).await?.ok()?;
        inbox.sent(text);
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
        #[cfg(feature = "faults")]
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
