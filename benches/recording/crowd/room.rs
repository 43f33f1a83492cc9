// SPDX-License-Identifier: MPL-2.0
//! A publisher's part in the room (protocol 1.3, 4.1 to 4.3), without a password.

use std::time::Instant;

use async_tungstenite::{client_async, tungstenite::Message};
use futures_util::{FutureExt, StreamExt, select_biased};
use serde_json::{Value, json};
use smol::{
    channel::{Receiver, Sender},
    net::TcpStream,
};

use super::Shared;

/// Joins, and carries messages until the server is gone.
///
/// `joined` is told once the stream is in the room, or if it never will be.
pub async fn join(
    (server, room): (String, String),
    guest: Shared,
    outgoing: Receiver<Value>,
    joined: Sender<()>,
) {
    if let Err(error) = carry((&server, &room), &guest, &outgoing, &joined).await {
        // Fails when the main task has counted all of them.
        let _ = joined.send(()).await;
        eprintln!("a publisher has lost the server: {error}");
    }
}

async fn carry(
    (server, room): (&str, &str),
    guest: &Shared,
    outgoing: &Receiver<Value>,
    joined: &Sender<()>,
) -> Result<(), Box<dyn std::error::Error>> {
    let host = server.trim_start_matches("ws://").trim_end_matches('/');
    let (mut socket, _) = client_async(server, TcpStream::connect(host).await?).await?;
    let stream_id = guest.borrow().stream_id.clone();
    let join = json!({"request": "joinroom", "roomid": room, "streamID": stream_id});
    socket.send(Message::text(join.to_string())).await?;
    let seed = json!({"request": "seed", "streamID": stream_id});
    socket.send(Message::text(seed.to_string())).await?;
    joined.send(()).await?;
    loop {
        select_biased! {
            message = outgoing.recv().fuse() => {
                socket.send(Message::text(message?.to_string())).await?;
            }
            received = socket.next().fuse() => match received {
                Some(Ok(Message::Text(text))) => {
                    let message = serde_json::from_str(text.as_str())?;
                    guest.borrow_mut().told(Instant::now(), &message);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err("it has closed the connection".into()),
            },
        }
    }
}
