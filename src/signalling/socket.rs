// SPDX-License-Identifier: MPL-2.0
//! One attempt at one websocket, from the first look at the host name to the closing handshake.

use std::time::Duration;

use async_channel::{Receiver, Sender};
use async_std::future::timeout;
use async_std::net::{TcpStream, ToSocketAddrs};
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::{self, Message, protocol::WebSocketConfig};
use futures_util::future::{Either, select};
use futures_util::{AsyncRead, AsyncWrite, StreamExt};

use url::Url;

use super::{Server, TlsError, tls};
use crate::protocol::Event;
use crate::protocol::limits::cut;

/// A browser gives up on a room server after 30 s (protocol 1.1); a dead one is known sooner.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may leave our messages unread before it counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A longer message closes the websocket. Longer than [`MAX_MESSAGE`](crate::protocol::limits::MAX_MESSAGE), from which on messages are
/// only ignored: some servers pass on what no browser would send, and a guest must not be able to
/// close our websocket.
const MAX_MESSAGE_SIZE: usize = 16 << 20;

#[derive(Debug, thiserror::Error)]
enum SocketError {
    #[error("cannot find the host \"{0}\": {1}")]
    Resolve(String, std::io::Error),
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    #[error("no answer within {} s", CONNECT_TIMEOUT.as_secs())]
    Timeout,
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the server does not speak websocket: {0}")]
    Handshake(tungstenite::Error),
    #[error("connection lost: {0}")]
    Lost(tungstenite::Error),
    #[error("the server does not read what we send")]
    NotReading,
    #[error("the server closed the connection{0}")]
    Closed(String),
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

type Socket = WebSocketStream<Box<dyn Io>>;

/// Opens the websocket, reports [`Event::Opened`], passes messages both ways, and reports
/// [`Event::Closed`] at the end, unless it ends because `outgoing` was closed on our side.
pub(super) async fn run(server: Server, incoming: Sender<Event>, outgoing: Receiver<String>) {
    let ended = match timeout(CONNECT_TIMEOUT, open(&server)).await {
        Err(_) => Err(SocketError::Timeout),
        Ok(Err(error)) => Err(error),
        Ok(Ok(socket)) => {
            // The receiver lives as long as the loop that polls this future.
            let _ = incoming.send(Event::Opened).await;
            pass(socket, &incoming, outgoing).await
        }
    };
    if let Err(error) = ended {
        let reason = format!("{}: {error}", without_credentials(&server.url));
        let _ = incoming.send(Event::Closed { reason }).await;
    }
}

fn without_credentials(url: &Url) -> Url {
    let mut url = url.clone();
    // Only a URL without a host has no place for them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url
}

async fn open(server: &Server) -> Result<Socket, SocketError> {
    let host = server.url.host_str().unwrap_or_default().to_owned();
    let port = server.url.port_or_known_default().unwrap_or(443);
    // The brackets of an IPv6 literal belong to the URL, not to the address.
    let bare_host = host.trim_matches(['[', ']']);
    let addresses: Vec<_> = (bare_host, port)
        .to_socket_addrs()
        .await
        .map_err(|error| SocketError::Resolve(host.clone(), error))?
        .collect();
    let stream = TcpStream::connect(addresses.as_slice())
        .await
        .map_err(SocketError::Connect)?;
    // Messages are small and each one matters at once; a socket without the option works too.
    let _ = stream.set_nodelay(true);
    let stream: Box<dyn Io> = match server.url.scheme() {
        "wss" => Box::new(tls::connect(&server.tls, bare_host, stream).await?),
        _ => Box::new(stream),
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_SIZE))
        .max_frame_size(Some(MAX_MESSAGE_SIZE));
    let (socket, _response) =
        async_tungstenite::client_async_with_config(server.url.as_str(), stream, Some(config))
            .await
            .map_err(SocketError::Handshake)?;
    Ok(socket)
}

async fn pass(
    mut socket: Socket,
    incoming: &Sender<Event>,
    outgoing: Receiver<String>,
) -> Result<(), SocketError> {
    loop {
        let step = match select(std::pin::pin!(outgoing.recv()), socket.next()).await {
            Either::Left((text, _)) => Either::Left(text),
            Either::Right((message, _)) => Either::Right(message),
        };
        match step {
            Either::Left(Ok(text)) => {
                let sent = timeout(WRITE_TIMEOUT, socket.send(Message::text(text))).await;
                sent.map_err(|_| SocketError::NotReading)?
                    .map_err(SocketError::Lost)?;
            }
            Either::Left(Err(_)) => {
                let _ = socket.close(None).await;
                return Ok(());
            }
            Either::Right(Some(Ok(message))) => receive(message, incoming).await?,
            Either::Right(Some(Err(error))) => return Err(SocketError::Lost(error)),
            Either::Right(None) => return Err(SocketError::Closed(String::new())),
        }
    }
}

/// Protocol 1.1: JSON in text messages; binary ones that hold text are tolerated.
async fn receive(message: Message, incoming: &Sender<Event>) -> Result<(), SocketError> {
    let text = match message {
        Message::Text(text) => text.as_str().to_owned(),
        Message::Binary(bytes) => match String::from_utf8(bytes.into()) {
            Ok(text) => text,
            Err(_) => return Ok(()),
        },
        Message::Close(frame) => {
            let why = frame.map(|frame| format!(" ({}: {})", frame.code, frame.reason));
            return Err(SocketError::Closed(why.unwrap_or_default()));
        }
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(()),
    };
    let _ = incoming.send(Event::Text(cut(text))).await;
    Ok(())
}
