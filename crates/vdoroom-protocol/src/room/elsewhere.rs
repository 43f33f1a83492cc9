// SPDX-License-Identifier: MPL-2.0
//! A publisher that is connected and sends nothing here: its media may be elsewhere (protocol 5.8).
//! People are told once, for nothing else shows why there is no file. The session stays: media may
//! come later.

use std::time::Duration;

use serde_json::Value;

use crate::api::SessionId;
use crate::json::{Fields, truthy};
use crate::messages::elsewhere;
use crate::state::{Media, Room, named};

/// A page that was asked for its media offers it within a second or two.
const NOTHING_OFFERED: Duration = Duration::from_secs(10);
/// Who says where its media is may have said so before it heard that we want it here (protocol 5.2).
const SAID_SO: Duration = Duration::from_secs(5);
const ABOUT: &str = "elsewhere";

impl Room {
    /// Its publisher knows from now on which media we want.
    pub(super) fn media_is_due(&mut self, id: SessionId) {
        let now = self.now;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.explain_at = Some(now + NOTHING_OFFERED);
        }
    }

    pub(super) fn hear_of_elsewhere(&mut self, id: SessionId, news: &Fields) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if let Some(Value::Object(about)) = news.get("info") {
            session.queued = truthy(about, "queued");
        }
        if let Some(elsewhere) = elsewhere::read(news) {
            session.elsewhere = Some(elsewhere);
            session.explain_at = Some(now + SAID_SO);
        }
    }

    /// It stopped: perhaps it goes on where its publisher said.
    pub(super) fn stalled_for_elsewhere(&mut self, id: SessionId) {
        let now = self.now;
        let session = self.sessions.get_mut(&id);
        if let Some(session) = session.filter(|session| session.elsewhere.is_some()) {
            session.explain_at = Some(now + SAID_SO);
        }
    }

    pub(super) fn explain_timer(&mut self) {
        let now = self.now;
        let due = self
            .sessions
            .values_mut()
            .filter(|session| session.explain_at.is_some_and(|at| at <= now));
        let due: Vec<SessionId> = due
            .map(|session| {
                session.explain_at = None;
                session.id
            })
            .collect();
        for session in due {
            self.explain(session);
        }
    }

    fn explain(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let id_of_stream = session.stream.clone();
        let counts = self
            .streams
            .get(&id_of_stream)
            .is_some_and(|stream| stream.primary() == Some(id));
        if session.has_media() || !counts {
            return;
        }
        let stream = named(&id_of_stream);
        let message = if let Some(elsewhere) = &session.elsewhere {
            let from = elsewhere
                .host
                .as_deref()
                .map(|host| format!(" from {host}"));
            format!(
                "{stream} has its media elsewhere, to be fetched by {}{}, and sends none of it here: it is \
                 not recorded; open its page without &whepshare, &whipout and &meshcast",
                elsewhere.by,
                from.unwrap_or_default()
            )
        } else if session.media == Media::None && !session.offer.sends() && !session.queued {
            format!(
                "{stream} is connected and offers neither audio nor video: its page has no camera and no \
                 microphone, waits for its user to admit the recorder, or shows media of another server, as \
                 with &whepshare and &website, which is not recorded"
            )
        } else {
            return;
        };
        self.warn_about(&id_of_stream, ABOUT, &message);
    }
}
