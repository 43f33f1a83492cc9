// SPDX-License-Identifier: MPL-2.0
//! Messages to the server and to publishers, and warnings to people.

use std::cmp::Ordering;
use std::time::Duration;

use rand_chacha::rand_core::Rng;
use serde_json::{Value, json};

use crate::api::{Action, SessionId, StreamId};
use crate::json::{Fields, fields};
use crate::limits::MAX_WARNINGS_PER_MINUTE;
use crate::names::PeerId;
use crate::state::Room;

impl Room {
    /// Over the websocket, to one peer or to the server. Lost if it is closed: after it was, we
    /// have another name, under which no member would understand it.
    pub(super) fn send(&mut self, to: Option<&PeerId>, mut message: Fields) {
        if self.link.is_open() {
            self.dialog.address(&mut message, to);
            self.actions
                .push(Action::SendSocket(Value::Object(message).to_string()));
        }
    }

    pub(super) fn send_channel(&mut self, id: SessionId, message: Fields) {
        let text = Value::Object(message).to_string();
        self.actions.push(Action::SendChannel { session: id, text });
    }

    /// Signalling to the publisher of a session: over the channel when it is open, as it is for
    /// every answer but the first.
    pub(super) fn send_to_publisher(&mut self, id: SessionId, mut message: Fields) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let peer = session.peer.clone();
        if session.has_channel() {
            message.insert("UUID".to_owned(), json!(peer.0));
            self.send_channel(id, message);
        } else {
            self.send(Some(&peer), message);
        }
    }

    pub(super) fn vector(&mut self) -> [u8; 16] {
        let mut iv = [0; 16];
        self.rng.fill_bytes(&mut iv);
        iv
    }

    /// Over the channel if it is open, otherwise over the websocket.
    pub(super) fn say_bye(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let peer = session.peer.clone();
        let bye = fields([("bye", true.into())]);
        if session.has_channel() {
            self.send_channel(id, bye);
        } else {
            self.send(Some(&peer), bye);
        }
    }

    /// Over both: a channel that hangs must not keep the publisher from beginning anew.
    pub(super) fn say_bye_everywhere(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let (peer, channel) = (session.peer.clone(), session.has_channel());
        let bye = fields([("bye", true.into())]);
        self.send(Some(&peer), bye.clone());
        if channel {
            self.send_channel(id, bye);
        }
    }

    /// Tells the sender of an offer that it is not wanted, unless it sends us something else.
    pub(super) fn refuse(&mut self, peer: &PeerId, token: Option<&str>) {
        if self.sessions.values().any(|session| session.peer == *peer) {
            return;
        }
        let mut bye = fields([("bye", true.into())]);
        if let Some(token) = token {
            bye.insert("session".to_owned(), json!(token));
        }
        self.send(Some(peer), bye);
    }

    /// What we ask a publisher to send (protocol 5.2). What browsers would do instead of sending
    /// media to us is declined; `guest`, `scene` and `director` stay off, for each of them makes
    /// publishers treat us differently.
    pub(super) fn media_request(&self) -> Fields {
        let media = &self.config.media;
        let mut request = fields([
            ("audio", media.audio.into()),
            ("video", media.video.into()),
            ("allowscreenaudio", (media.screen && media.audio).into()),
            ("allowscreenvideo", (media.screen && media.video).into()),
            ("degrade", "maintain-resolution".into()),
            ("role", "viewer".into()),
        ]);
        for declined in [
            "allowmeshcast",
            "allowwhipout",
            "allowscreenmeshcast",
            "allowscreenwhipout",
            "allowchunked",
            "allowwebp",
            "allowresources",
            "allowmidi",
            "allowdrawing",
            "iframe",
            "widget",
            "downloads",
            "broadcast",
            "guest",
            "scene",
            "director",
            "limitaudio",
            "forceios",
        ] {
            request.insert(declined.to_owned(), false.into());
        }
        let info = json!({ "label": media.label, "version": media.program });
        request.insert("info".to_owned(), info);
        request
    }

    pub(super) fn warn_once(&mut self, about: &'static str, message: &str) {
        if self.warned.insert(about) {
            self.warn(None, message);
        }
    }

    /// Warns about a stream, once for each kind of trouble. Who comes under ever new names could
    /// still fill a log.
    pub(super) fn warn_about(&mut self, id: &StreamId, about: &'static str, message: &str) {
        let first = match self.streams.get_mut(id) {
            Some(stream) => stream.warned.insert(about),
            None => self.warned.insert(about),
        };
        if !first {
            return;
        }
        let (since, told) = self.told.unwrap_or((self.now, 0));
        let (since, told) = match self.now.duration_since(since) < Duration::from_secs(60) {
            true => (since, told.saturating_add(1)),
            false => (self.now, 1),
        };
        self.told = Some((since, told));
        match told.cmp(&MAX_WARNINGS_PER_MINUTE) {
            Ordering::Less => self.warn(Some(id), message),
            Ordering::Equal => {
                let message = format!(
                    "{message}; further warnings about streams are suppressed for a minute"
                );
                self.warn(Some(id), &message);
            }
            Ordering::Greater => {}
        }
    }

    pub(super) fn warn(&mut self, stream: Option<&StreamId>, message: &str) {
        self.actions.push(Action::Warn {
            stream: stream.cloned(),
            message: message.to_owned(),
        });
    }
}
