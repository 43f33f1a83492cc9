// SPDX-License-Identifier: MPL-2.0
//! One attempt at one websocket, from resolving the host name to the closing handshake.

use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use async_std::future::timeout;
use async_std::net::TcpStream;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::http::StatusCode;
use async_tungstenite::tungstenite::{self, Message, protocol::WebSocketConfig};
use futures_util::future::FutureExt;
use futures_util::{AsyncRead, AsyncWrite, StreamExt, pin_mut, select};

use super::credentials::{request, without_credentials};
use super::dial::{DialError, dial};
use super::server::Server;
use super::tls::{self, TlsError};
use crate::protocol::Event;
use crate::protocol::limits::cut;

/// A browser gives up on a room server after 30 s (protocol 1.1); a dead one is known sooner.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may leave our messages unread before it counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How the silent end of a connection is noticed: a network that is unplugged, a server
/// that hangs.
///
/// Room servers send a PING every 30 s (protocol 1.1), so that one of them has to arrive within
/// `gone_after`. For those that send none we do, whenever nothing came for `ping_after`: RFC 6455,
/// 5.5.2, obliges them to answer.
#[derive(Clone, Copy)]
struct Keepalive {
    ping_after: Duration,
    gone_after: Duration,
    /// How long a server may take that was asked whether it is there.
    answer_within: Duration,
}

const KEEPALIVE: Keepalive = Keepalive {
    ping_after: Duration::from_secs(15),
    gone_after: Duration::from_secs(45),
    answer_within: Duration::from_secs(3),
};

/// What is to be sent.
#[derive(Clone)]
pub(super) enum Outgoing {
    Text(String),
    /// Somebody wants to know whether the server is there.
    Ping,
}

/// A longer message closes the websocket. Longer than [`MAX_MESSAGE`](crate::protocol::limits::MAX_MESSAGE), from which on messages are
/// only ignored: some servers pass on what no browser would send, and a guest must not be able to
/// close our websocket.
const MAX_MESSAGE_SIZE: usize = 16 << 20;

#[derive(Debug, thiserror::Error)]
enum SocketError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("no answer within {} s", CONNECT_TIMEOUT.as_secs())]
    Timeout,
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the server does not speak websocket: {0}")]
    Handshake(tungstenite::Error),
    #[error(
        "the server wants another user name and password, or any: set server to \
         wss://USER:PASSWORD@HOST"
    )]
    Unauthorized,
    #[error("connection lost: {0}")]
    Lost(tungstenite::Error),
    #[error("the server does not read what we send")]
    NotReading,
    #[error("the server has not answered pings for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the server closed the connection{0}")]
    Closed(String),
}

impl SocketError {
    /// Whether nothing comes from the server.
    fn is_unreachable(&self) -> bool {
        match self {
            Self::Dial(error) => error.is_unreachable(),
            Self::Silent(_) | Self::NotReading => true,
            _ => false,
        }
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

type Socket = WebSocketStream<Box<dyn Io>>;

/// Opens the websocket, reports [`Event::Opened`], passes messages both ways, and reports
/// [`Event::Closed`] at the end, unless it ends because `outgoing` was closed on our side.
pub(super) async fn run(server: Server, incoming: Sender<Event>, outgoing: Receiver<Outgoing>) {
    let ended = match open(&server).await {
        Err(error) => Err(error),
        Ok(socket) => {
            // The receiver lives as long as the loop that polls this future.
            let _ = incoming.send(Event::Opened).await;
            pass(socket, &incoming, outgoing, KEEPALIVE).await
        }
    };
    if let Err(error) = ended {
        let reason = format!("{}: {error}", without_credentials(&server.url));
        let event = match error.is_unreachable() {
            true => Event::Unreachable { reason },
            false => Event::Closed { reason },
        };
        let _ = incoming.send(event).await;
    }
}

async fn open(server: &Server) -> Result<Socket, SocketError> {
    let host = server.url.host_str().unwrap_or_default().to_owned();
    let port = server.url.port_or_known_default().unwrap_or(443);
    // The brackets of an IPv6 literal belong to the URL, not to the address.
    let bare_host = host.trim_matches(['[', ']']);
    let stream = dial(bare_host, port, CONNECT_TIMEOUT).await?;
    let socket = timeout(CONNECT_TIMEOUT, shake_hands(server, bare_host, stream)).await;
    socket.unwrap_or(Err(SocketError::Timeout))
}

async fn shake_hands(
    server: &Server,
    host: &str,
    stream: TcpStream,
) -> Result<Socket, SocketError> {
    // Messages are small and each one matters at once; a socket without the option works too.
    let _ = stream.set_nodelay(true);
    let stream: Box<dyn Io> = match server.url.scheme() {
        "wss" => Box::new(tls::connect(&server.tls, host, stream).await?),
        _ => Box::new(stream),
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_SIZE))
        .max_frame_size(Some(MAX_MESSAGE_SIZE));
    let request = request(&server.url).map_err(SocketError::Handshake)?;
    match async_tungstenite::client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _response)) => Ok(socket),
        Err(tungstenite::Error::Http(said)) if said.status() == StatusCode::UNAUTHORIZED => {
            Err(SocketError::Unauthorized)
        }
        Err(error) => Err(SocketError::Handshake(error)),
    }
}

enum Step {
    Say(Outgoing),
    Leave,
    Hear(Option<Result<Message, tungstenite::Error>>),
    Silence,
}

/// What is to be done next. Whoever has something is served in turn, whatever the other one has.
async fn next_step(socket: &mut Socket, outgoing: &Receiver<Outgoing>, silent: Duration) -> Step {
    let silence = async_std::task::sleep(silent).fuse();
    let say = outgoing.recv().fuse();
    let mut hear = socket.next().fuse();
    pin_mut!(silence, say);
    select! {
        message = say => message.map_or(Step::Leave, Step::Say),
        message = hear => Step::Hear(message),
        () = silence => Step::Silence,
    }
}

async fn pass(
    mut socket: Socket,
    incoming: &Sender<Event>,
    outgoing: Receiver<Outgoing>,
    keepalive: Keepalive,
) -> Result<(), SocketError> {
    let (mut heard, mut pinged) = (Instant::now(), Instant::now());
    let mut asked: Option<Instant> = None;
    loop {
        let mut silent = keepalive.ping_after.saturating_sub(pinged.elapsed());
        if let Some(asked) = asked {
            silent = silent.min(keepalive.answer_within.saturating_sub(asked.elapsed()));
        }
        match next_step(&mut socket, &outgoing, silent).await {
            Step::Say(Outgoing::Text(text)) => send(&mut socket, Message::text(text)).await?,
            Step::Say(Outgoing::Ping) => {
                asked.get_or_insert_with(Instant::now);
                send(&mut socket, Message::Ping(Vec::new().into())).await?;
            }
            Step::Leave => {
                let _ = socket.close(None).await;
                return Ok(());
            }
            Step::Hear(Some(Ok(message))) => {
                if asked.take().is_some() {
                    let _ = incoming.send(Event::ServerAnswers).await;
                }
                receive(message, incoming).await?;
                heard = Instant::now();
                pinged = heard;
            }
            Step::Hear(Some(Err(error))) => return Err(SocketError::Lost(error)),
            Step::Hear(None) => return Err(SocketError::Closed(String::new())),
            Step::Silence if asked.is_some_and(|at| at.elapsed() >= keepalive.answer_within) => {
                return Err(SocketError::Silent(keepalive.answer_within));
            }
            Step::Silence if heard.elapsed() >= keepalive.gone_after => {
                return Err(SocketError::Silent(keepalive.gone_after));
            }
            Step::Silence => {
                send(&mut socket, Message::Ping(Vec::new().into())).await?;
                pinged = Instant::now();
            }
        }
    }
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), SocketError> {
    timeout(WRITE_TIMEOUT, socket.send(message))
        .await
        .map_err(|_| SocketError::NotReading)?
        .map_err(SocketError::Lost)
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

#[cfg(test)]
mod tests {
    use url::Url;

    use super::super::dial::tests::black_hole;
    use super::*;
    use async_std::net::TcpListener;

    const QUICK: Keepalive = Keepalive {
        ping_after: Duration::from_millis(100),
        gone_after: Duration::from_millis(600),
        answer_within: Duration::from_millis(300),
    };

    /// Runs the client against a server that does `serve` with its end of the websocket, and
    /// returns how the client ended.
    async fn against<F: Future<Output = ()>>(
        serve: impl FnOnce(WebSocketStream<TcpStream>) -> F,
    ) -> Result<(), SocketError> {
        asking(&[], serve).await.0
    }

    /// The same with these messages of ours; also returns what the room is told.
    async fn asking<F: Future<Output = ()>>(
        say: &[Outgoing],
        serve: impl FnOnce(WebSocketStream<TcpStream>) -> F,
    ) -> (Result<(), SocketError>, Vec<Event>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (incoming, heard) = async_channel::unbounded();
        let client = async {
            let server = Server {
                url: Url::parse(&format!("ws://{address}")).unwrap(),
                tls: Default::default(),
            };
            let (keep, outgoing) = async_channel::unbounded();
            for message in say {
                keep.try_send(message.clone()).unwrap();
            }
            let socket = open(&server).await.unwrap();
            pass(socket, &incoming, outgoing, QUICK).await
        };
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            serve(async_tungstenite::accept_async(stream).await.unwrap()).await;
        };
        let (ended, ()) = futures_util::future::join(client, server).await;
        let told = std::iter::from_fn(|| heard.try_recv().ok());
        (ended, told.collect())
    }

    #[test]
    fn a_server_that_goes_silent_is_noticed() {
        let ended = async_std::task::block_on(against(async |socket| {
            // Open, and neither read nor written: as behind an unplugged cable.
            async_std::task::sleep(QUICK.gone_after * 2).await;
            drop(socket);
        }));
        assert!(matches!(ended, Err(SocketError::Silent(_))), "{ended:?}");
    }

    #[test]
    fn a_server_that_does_not_answer_when_asked_is_given_up_sooner() {
        let patience = QUICK.answer_within;
        let serve = async |socket| {
            async_std::task::sleep(patience * 3 / 2).await;
            drop(socket);
        };
        let (ended, told) = async_std::task::block_on(asking(&[Outgoing::Ping], serve));
        let given_up = matches!(ended, Err(SocketError::Silent(time)) if time == patience);
        assert!(given_up && told.is_empty(), "{ended:?}, {told:?}");
    }

    #[test]
    fn a_server_that_answers_when_asked_is_reported_once() {
        let serve = async |mut socket: WebSocketStream<TcpStream>| {
            socket.next().await.unwrap().unwrap();
            socket.close(None).await.unwrap();
        };
        let (_, told) = async_std::task::block_on(asking(&[Outgoing::Ping], serve));
        assert_eq!(told, [Event::ServerAnswers]);
    }

    #[test]
    fn a_server_that_has_nothing_to_say_answers_pings_and_is_kept() {
        let ended = async_std::task::block_on(against(async |mut socket| {
            let mut pings = 0;
            // Reading answers them.
            while pings < 8 {
                let message = socket.next().await.unwrap().unwrap();
                pings += u32::from(message.is_ping());
            }
            socket.close(None).await.unwrap();
        }));
        assert!(matches!(ended, Err(SocketError::Closed(_))), "{ended:?}");
    }

    #[test]
    fn a_server_whose_first_address_is_a_black_hole_is_reached() {
        async_std::task::block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            // "localhost" has this address too, on most machines, and before the other one.
            let hole = black_hole(([0, 0, 0, 0, 0, 0, 0, 1], port).into());
            let serve = async {
                let (stream, _) = listener.accept().await.unwrap();
                async_tungstenite::accept_async(stream).await.map(drop)
            };
            let serve = timeout(CONNECT_TIMEOUT, serve);
            let server = Server {
                url: Url::parse(&format!("ws://localhost:{port}")).unwrap(),
                tls: Default::default(),
            };
            let (ended, _) = futures_util::future::join(open(&server), serve).await;
            assert!(ended.is_ok(), "{:?}", ended.err());
            drop(hole);
        });
    }
}
