// SPDX-License-Identifier: MPL-2.0
//! Why a TURN server gives no relay address.
//!
//! libnice (0.1.21) does not report the answer of a TURN server: it only has no relay address. So the
//! request is sent once more (RFC 8656 section 7).

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use async_std::future::timeout;
use async_std::net::{TcpStream, UdpSocket};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use stun_types::attribute::{AttributeType, ErrorCode, Nonce, RawAttribute, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, LongTermCredentials, Message, MessageHeader, MessageWrite, MessageWriteExt,
    MessageWriteVec, Method,
};

use super::dial::{self, DialError};

const ALLOCATE: Method = Method::new(3);
const REFRESH: Method = Method::new(4);
const LIFETIME: AttributeType = AttributeType::new(0x000d);
const REQUESTED_TRANSPORT: AttributeType = AttributeType::new(0x0019);

/// UDP, as IANA numbers it.
const UDP: [u8; 4] = [17, 0, 0, 0];

/// RFC 8489 section 6.2.1 repeats after half a second, then after one, and so on.
const REPEATS: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

const PATIENCE: Duration = Duration::from_secs(5);

const LONGEST_ANSWER: usize = 2048;

/// Where a message has its magic cookie and the ID of its transaction (RFC 8489 section 5).
const TRANSACTION: Range<usize> = 4..20;

/// How many characters of a server's own words are shown.
const LONGEST_REASON: usize = 100;

/// A TURN server as the ICE agent reaches it.
#[derive(Clone)]
pub(crate) struct TurnServer {
    /// As people know it, without credentials.
    pub name: String,
    pub host: String,
    pub port: u16,
    pub tcp: bool,
    pub user: String,
    pub password: String,
}

enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// What is wrong with the server, in words; `None` if it gives relay addresses.
pub(super) async fn check(server: &TurnServer) -> Option<String> {
    let wrong = Wire::allocate(server).await.err();
    wrong.map(|what| {
        format!(
            "the TURN server {} {what}: check turn-servers, turn-user and turn-password",
            server.name
        )
    })
}

impl Wire {
    /// The way to the server, at the first of its addresses that answers this, and the answer.
    async fn ask_first(server: &TurnServer, first: &[u8]) -> Result<(Self, Vec<u8>), String> {
        let (host, port) = (server.host.as_str(), server.port);
        if server.tcp {
            let mut wire = Self::Tcp(soon(dial::connect(host, port)).await?);
            let answer = wire.ask(first).await?;
            return Ok((wire, answer));
        }
        let addresses = soon(dial::resolve(host, port)).await?;
        let ask = async |address: SocketAddr| {
            let mut wire = Self::Udp(bound_for(address).await.map_err(unreachable)?);
            let answer = wire.ask(first).await?;
            Ok((wire, answer))
        };
        dial::race(addresses, ask, "has no address".into()).await
    }

    async fn allocate(server: &TurnServer) -> Result<(), String> {
        let mut first = Message::builder_request(ALLOCATE, MessageWriteVec::new());
        add(&mut first, REQUESTED_TRANSPORT, &UDP)?;
        let (mut wire, challenge) = Self::ask_first(server, &first.finish()).await?;
        let challenge = Message::from_bytes(&challenge).map_err(|error| unreadable(&error))?;
        let (Ok(realm), Ok(nonce)) = (
            challenge.attribute::<Realm>(),
            challenge.attribute::<Nonce>(),
        ) else {
            return refusal(&challenge);
        };
        let signed = |method, attribute, value: &[u8]| {
            sign(
                server,
                realm.realm(),
                nonce.nonce(),
                method,
                attribute,
                value,
            )
        };
        let answer = wire
            .ask(signed(ALLOCATE, REQUESTED_TRANSPORT, &UDP)?)
            .await?;
        refusal(&Message::from_bytes(&answer).map_err(|error| unreadable(&error))?)?;
        // Given back at once. If that is lost, it ends by itself.
        let _ = wire.ask(signed(REFRESH, LIFETIME, &[0; 4])?).await;
        Ok(())
    }

    async fn ask(&mut self, request: impl AsRef<[u8]>) -> Result<Vec<u8>, String> {
        let request = request.as_ref();
        let silent = || "does not answer".to_owned();
        match self {
            Self::Udp(socket) => {
                for wait in REPEATS {
                    let sent = socket.send(request).await;
                    sent.map_err(unreachable)?;
                    match timeout(wait, hear(socket, request)).await {
                        Ok(Ok(answer)) => return Ok(answer),
                        Ok(Err(error)) => return Err(unreachable(error)),
                        Err(_) => {}
                    }
                }
                Err(silent())
            }
            Self::Tcp(stream) => timeout(PATIENCE, ask_stream(stream, request))
                .await
                .map_err(|_| silent())?
                .map_err(|error| format!("hangs up: {error}")),
        }
    }
}

/// Within [`PATIENCE`].
async fn soon<T>(dialled: impl Future<Output = Result<T, DialError>>) -> Result<T, String> {
    match timeout(PATIENCE, dialled).await {
        Ok(dialled) => dialled.map_err(unreachable),
        Err(_) => Err("cannot be reached".into()),
    }
}

async fn bound_for(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let any = match address {
        SocketAddr::V4(_) => "0.0.0.0:0",
        SocketAddr::V6(_) => "[::]:0",
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(socket)
}

fn unreachable(error: impl std::fmt::Display) -> String {
    format!("cannot be reached: {error}")
}

/// The answer to this request. The server may also repeat what it has said to the one before.
async fn hear(socket: &UdpSocket, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut answer = vec![0; LONGEST_ANSWER];
    loop {
        let length = socket.recv(&mut answer).await?;
        if length >= MessageHeader::LENGTH && answer[TRANSACTION] == request[TRANSACTION] {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

async fn ask_stream(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(request).await?;
    let mut answer = vec![0; MessageHeader::LENGTH];
    stream.read_exact(&mut answer).await?;
    let header = MessageHeader::from_bytes(&answer).map_err(std::io::Error::other)?;
    answer.resize(MessageHeader::LENGTH + usize::from(header.data_length()), 0);
    stream
        .read_exact(&mut answer[MessageHeader::LENGTH..])
        .await?;
    Ok(answer)
}

fn sign(
    server: &TurnServer,
    realm: &str,
    nonce: &str,
    method: Method,
    attribute: AttributeType,
    value: &[u8],
) -> Result<Vec<u8>, String> {
    let mut request = Message::builder_request(method, MessageWriteVec::new());
    add(&mut request, attribute, value)?;
    let wrong = |error| format!("cannot be asked: {error}");
    let user = Username::new(&server.user).map_err(wrong)?;
    let (realm_of, nonce) = (
        Realm::new(realm).map_err(wrong)?,
        Nonce::new(nonce).map_err(wrong)?,
    );
    request.add_attribute(&user).map_err(wrong)?;
    request.add_attribute(&realm_of).map_err(wrong)?;
    request.add_attribute(&nonce).map_err(wrong)?;
    let key = LongTermCredentials::new(server.user.clone(), server.password.clone());
    request
        .add_message_integrity(
            &key.to_key(realm.to_owned()).into(),
            IntegrityAlgorithm::Sha1,
        )
        .map_err(wrong)?;
    Ok(request.finish())
}

fn add(request: &mut MessageWriteVec, kind: AttributeType, value: &[u8]) -> Result<(), String> {
    let attribute = RawAttribute::new(kind, value);
    let added = request.add_attribute(&attribute);
    added.map_err(|error| format!("cannot be asked: {error}"))
}

fn unreadable(error: &dyn std::fmt::Display) -> String {
    format!("does not speak TURN: {error}")
}

/// The error that an answer carries.
fn refusal(answer: &Message<'_>) -> Result<(), String> {
    match answer.attribute::<ErrorCode>() {
        // The text is the server's.
        Ok(error) => {
            let reason: String = error.reason().chars().take(LONGEST_REASON).collect();
            Err(format!(
                "answers {} {}",
                error.code(),
                reason.escape_default()
            ))
        }
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_repeats_is_not_taken_for_its_next_answer() {
        async_std::task::block_on(async {
            let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let asking = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            asking.connect(server.local_addr().unwrap()).await.unwrap();
            let (before, request) = ([1; MessageHeader::LENGTH], [2; MessageHeader::LENGTH]);
            let short = [2; 4];
            for answer in [&before[..], &short, &request] {
                let to = asking.local_addr().unwrap();
                server.send_to(answer, to).await.unwrap();
            }
            assert_eq!(hear(&asking, &request).await.unwrap(), request);
        });
    }

    #[test]
    fn a_server_whose_first_address_is_silent_is_asked_at_the_next() {
        async_std::task::block_on(async {
            let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let port = server.local_addr().unwrap().port();
            // "localhost" has this address too, on most machines, and before the other one.
            let silent = UdpSocket::bind(("::1", port)).await;
            let turn = TurnServer {
                name: "turn:localhost".into(),
                host: "localhost".into(),
                port,
                tcp: false,
                user: String::new(),
                password: String::new(),
            };
            let echo = async {
                let mut request = vec![0; LONGEST_ANSWER];
                let (length, from) = server.recv_from(&mut request).await.unwrap();
                server.send_to(&request[..length], from).await.unwrap();
            };
            let first = [7; MessageHeader::LENGTH];
            let asked = Wire::ask_first(&turn, &first);
            let (asked, ()) =
                futures_util::future::join(timeout(PATIENCE, asked), timeout_echo(echo)).await;
            let (_, answer) = asked.expect("nothing came").expect("nobody answered");
            assert_eq!(answer, first);
            drop(silent);
        });
    }

    async fn timeout_echo(echo: impl Future<Output = ()>) {
        let _ = timeout(PATIENCE, echo).await;
    }
}
