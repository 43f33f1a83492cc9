// SPDX-License-Identifier: MPL-2.0
//! Asks a TURN server what it has against us.
//!
//! libnice (0.1.21) keeps to itself what a TURN server answers: without a relay address there is
//! nothing to say but that there is none. So the question is asked once more (RFC 8656 section 7).

use std::ops::Range;
use std::time::Duration;

use async_std::future::timeout;
use async_std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use stun_types::attribute::{AttributeType, ErrorCode, Nonce, RawAttribute, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, LongTermCredentials, Message, MessageHeader, MessageWrite, MessageWriteExt,
    MessageWriteVec, Method,
};

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
    let wrong = match timeout(PATIENCE, Wire::to(server)).await {
        Ok(Ok(mut wire)) => wire.allocate(server).await.err(),
        Ok(Err(error)) => Some(format!("cannot be reached: {error}")),
        Err(_) => Some("cannot be reached".into()),
    };
    wrong.map(|what| {
        format!(
            "the TURN server {} {what}: check turn-servers, turn-user and turn-password",
            server.name
        )
    })
}

impl Wire {
    async fn to(server: &TurnServer) -> std::io::Result<Self> {
        let (host, port) = (server.host.as_str(), server.port);
        if server.tcp {
            return Ok(Self::Tcp(TcpStream::connect((host, port)).await?));
        }
        let address = (host, port).to_socket_addrs().await?.next();
        let address = address.ok_or(std::io::ErrorKind::AddrNotAvailable)?;
        let any = if address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(address).await?;
        Ok(Self::Udp(socket))
    }

    async fn allocate(&mut self, server: &TurnServer) -> Result<(), String> {
        let mut first = Message::builder_request(ALLOCATE, MessageWriteVec::new());
        add(&mut first, REQUESTED_TRANSPORT, &UDP)?;
        let challenge = self.ask(first.finish()).await?;
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
        let answer = self
            .ask(signed(ALLOCATE, REQUESTED_TRANSPORT, &UDP)?)
            .await?;
        refusal(&Message::from_bytes(&answer).map_err(|error| unreadable(&error))?)?;
        // Given back at once. If that is lost, it ends by itself.
        let _ = self.ask(signed(REFRESH, LIFETIME, &[0; 4])?).await;
        Ok(())
    }

    async fn ask(&mut self, request: Vec<u8>) -> Result<Vec<u8>, String> {
        let silent = || "does not answer".to_owned();
        match self {
            Self::Udp(socket) => {
                for wait in REPEATS {
                    let sent = socket.send(&request).await;
                    sent.map_err(|error| format!("cannot be reached: {error}"))?;
                    match timeout(wait, hear(socket, &request)).await {
                        Ok(Ok(answer)) => return Ok(answer),
                        Ok(Err(error)) => return Err(format!("cannot be reached: {error}")),
                        Err(_) => {}
                    }
                }
                Err(silent())
            }
            Self::Tcp(stream) => timeout(PATIENCE, ask_stream(stream, &request))
                .await
                .map_err(|_| silent())?
                .map_err(|error| format!("hangs up: {error}")),
        }
    }
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
}
