// SPDX-License-Identifier: MPL-2.0
//! A TURN server as a value.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use stun_types::attribute::{AttributeWrite, ErrorCode, Nonce, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, LongTermCredentials, Message, MessageIntegrityCredentials, MessageWrite,
    MessageWriteExt, MessageWriteVec, Method,
};
use turn_client_proto::types::attribute::{
    ChannelNumber, Data, Lifetime, XorPeerAddress, XorRelayedAddress,
};
use turn_client_proto::types::message::{
    ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, DATA, REFRESH, SEND,
};

use crate::turn::frames::padded;

pub(super) const USER: &str = "guest";
pub(super) const PASSWORD: &str = "sesame";
const REALM: &str = "example.org";

pub(crate) struct Server {
    pub relayed: SocketAddr,
    /// Sends and expects padding.
    pub is_stream: bool,
    /// Answers nothing.
    pub is_silent: bool,
    /// Has no address left.
    pub is_full: bool,
    pub nonce: String,
    pub forbidden: Option<IpAddr>,
    pub allocated: bool,
    pub permitted: Vec<IpAddr>,
    pub channels: HashMap<u16, SocketAddr>,
    /// What publishers have been sent.
    pub sent: Vec<(SocketAddr, Vec<u8>)>,
    /// What it was asked for, and has done.
    pub accepted: Vec<Method>,
    /// What it was asked for, and has not.
    pub refused: usize,
}

impl Server {
    pub(crate) fn new(relayed: &str) -> Self {
        Self {
            relayed: relayed.parse().unwrap(),
            is_stream: false,
            is_silent: false,
            is_full: false,
            nonce: "once".into(),
            forbidden: None,
            allocated: false,
            permitted: Vec::new(),
            channels: HashMap::new(),
            sent: Vec::new(),
            accepted: Vec::new(),
            refused: 0,
        }
    }

    /// Takes what we send, and answers.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.is_silent {
            return None;
        }
        if bytes[0] >= 0x40 {
            let number = u16::from_be_bytes([bytes[0], bytes[1]]);
            let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
            if self.is_stream {
                assert_eq!(bytes.len(), (4 + length).next_multiple_of(4));
            }
            let to = self.channels[&number];
            self.sent.push((to, bytes[4..4 + length].to_vec()));
            return None;
        }
        let message = Message::from_bytes(bytes).unwrap();
        if message.has_method(SEND) {
            let to = message.attribute::<XorPeerAddress>().unwrap();
            let to = to.addr(message.transaction_id());
            assert!(self.permitted.contains(&to.ip()), "{to} was not asked for");
            let data = message.attribute::<Data>().unwrap();
            self.sent.push((to, data.data().to_vec()));
            return None;
        }
        Some(self.answer(&message))
    }

    fn answer(&mut self, request: &Message<'_>) -> Vec<u8> {
        let Ok(nonce) = request.attribute::<Nonce>() else {
            return self.challenge(request, ErrorCode::UNAUTHORIZED);
        };
        let user = request.attribute::<Username>().unwrap();
        let is_genuine = request.validate_integrity(&credentials()).is_ok();
        if user.username() != USER || !is_genuine {
            return self.challenge(request, ErrorCode::UNAUTHORIZED);
        }
        if nonce.nonce() != self.nonce {
            return self.challenge(request, ErrorCode::STALE_NONCE);
        }
        let peer = request.attribute::<XorPeerAddress>().ok();
        let peer = peer.map(|peer| peer.addr(request.transaction_id()));
        let is_refused = match request.method() {
            ALLOCATE => self.is_full,
            REFRESH => !self.allocated,
            _ => !self.allocated || peer.is_some_and(|peer| self.forbidden == Some(peer.ip())),
        };
        if is_refused {
            self.refused += 1;
            let mut answer = Message::builder_error(request, MessageWriteVec::new());
            add(&mut answer, &error(ErrorCode::FORBIDDEN));
            return sealed(answer);
        }
        self.accepted.push(request.method());
        let mut answer = Message::builder_success(request, MessageWriteVec::new());
        match (request.method(), peer) {
            (ALLOCATE, _) => {
                self.allocated = true;
                let ours = XorRelayedAddress::new(self.relayed, request.transaction_id());
                add(&mut answer, &ours);
                add(&mut answer, &Lifetime::new(600));
            }
            (REFRESH, _) => {
                let lifetime = request.attribute::<Lifetime>().unwrap();
                self.allocated = lifetime.seconds() > 0;
                add(&mut answer, &lifetime);
            }
            (CREATE_PERMISSION, Some(peer)) => self.permitted.push(peer.ip()),
            (CHANNEL_BIND, Some(peer)) => {
                let number = request.attribute::<ChannelNumber>().unwrap();
                self.channels.insert(number.channel(), peer);
            }
            (other, _) => panic!("{other}"),
        }
        sealed(answer)
    }

    fn challenge(&self, request: &Message<'_>, code: u16) -> Vec<u8> {
        let mut answer = Message::builder_error(request, MessageWriteVec::new());
        add(&mut answer, &error(code));
        add(&mut answer, &Realm::new(REALM).unwrap());
        add(&mut answer, &Nonce::new(&self.nonce).unwrap());
        answer.finish()
    }

    /// What it tells us when a publisher sends something to the address that it has given us.
    pub(crate) fn relay(&self, from: SocketAddr, data: &[u8]) -> Option<Vec<u8>> {
        if !self.permitted.contains(&from.ip()) {
            return None;
        }
        let mut channels = self.channels.iter();
        if let Some((number, _)) = channels.find(|(_, peer)| **peer == from) {
            let mut message = number.to_be_bytes().to_vec();
            message.extend((data.len() as u16).to_be_bytes());
            message.extend(data);
            return Some(if self.is_stream {
                padded(message)
            } else {
                message
            });
        }
        Some(indication(from, data))
    }
}

pub(super) fn indication(from: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut message = Message::builder_indication(DATA, MessageWriteVec::new());
    let peer = XorPeerAddress::new(from, message.transaction_id());
    add(&mut message, &peer);
    add(&mut message, &Data::new(data));
    message.finish()
}

fn add(message: &mut MessageWriteVec, attribute: &dyn AttributeWrite) {
    message.add_attribute(attribute).unwrap();
}

fn error(code: u16) -> ErrorCode {
    ErrorCode::builder(code).build().unwrap()
}

fn credentials() -> MessageIntegrityCredentials {
    let user = LongTermCredentials::new(USER.into(), PASSWORD.into());
    user.to_key(REALM.into()).into()
}

fn sealed(mut message: MessageWriteVec) -> Vec<u8> {
    let sealed = message.add_message_integrity(&credentials(), IntegrityAlgorithm::Sha1);
    sealed.unwrap();
    message.finish()
}
