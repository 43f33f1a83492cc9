// SPDX-License-Identifier: MPL-2.0
//! Complaints of the server, who may have sent them instead, and their consequences (protocol 1.3).

use std::time::{Duration, Instant};

use crate::api::{Action, Dialect};
use crate::messages::{Alert, AlertKind};
use crate::state::{Link, Room};

/// A relay that minds how we speak says so at once.
const GREETING: Duration = Duration::from_secs(5);

/// After a refusal that a guest may have sent, the time to wait for another message.
const HEARING: Duration = Duration::from_secs(10);

impl Room {
    /// What the server complains about (protocol 1.3).
    pub(super) fn alert(&mut self, alert: &Alert) {
        let said = format!("the room server says: {}", alert.text);
        match alert.kind {
            kind if !self.believes(kind) => {
                if matches!(kind, AlertKind::Terminal | AlertKind::Busy) && self.is_unknown() {
                    self.refused
                        .get_or_insert((self.now + HEARING, said.clone()));
                }
                self.warn_once("note", &said);
            }
            AlertKind::Note => self.warn_once("note", &said),
            AlertKind::Busy => {
                let wait = self.backoff.next_busy(&mut self.rng);
                self.lost(&said, wait);
            }
            AlertKind::NameTaken => {
                self.dialog.rename(&mut self.rng);
                let wait = self.backoff.next(&mut self.rng);
                self.lost(&said, wait);
            }
            AlertKind::NeedsFrom if self.config.dialect == Dialect::Hosted => {
                self.fail(format!(
                    "{said}; it speaks the relay dialect: set dialect=relay"
                ));
            }
            AlertKind::NeedsFrom => {
                self.dialog.relay();
                let wait = self.backoff.next(&mut self.rng);
                self.lost(&said, wait);
            }
            AlertKind::Terminal => self.fail(said),
        }
    }

    /// Guests can say what a relay says, as often as they like. What it has against our name it
    /// says when we come, and never of a name that no websocket of ours had before.
    fn believes(&self, kind: AlertKind) -> bool {
        let late = matches!(self.link, Link::Joined { since } if self.now >= since + GREETING);
        match kind {
            AlertKind::NameTaken => !late && !self.dialog.is_new_name(),
            // We always say who we are behind a relay.
            AlertKind::NeedsFrom => self.dialog.spoken() != Dialect::Relay,
            _ => self.dialog.trusted(),
        }
    }

    /// Nobody has been heard yet, so that the server may be of either kind.
    fn is_unknown(&self) -> bool {
        !self.dialog.trusted() && !self.dialog.is_relay()
    }

    pub(super) fn refused_at(&self) -> Option<Instant> {
        self.refused.as_ref().map(|(until, _)| *until)
    }

    /// We were told to go, and nobody who shows that a guest may have said it is heard: a hosted
    /// server did.
    pub(super) fn refusal_timer(&mut self) {
        if self.refused_at().is_none_or(|at| at > self.now) {
            return;
        }
        if let Some((_, said)) = self.refused.take().filter(|_| self.is_unknown()) {
            self.dialog.forget();
            let wait = self.backoff.next_busy(&mut self.rng);
            self.lost(&said, wait);
        }
    }

    /// The server does not want us. Sessions go on until they end by themselves.
    fn fail(&mut self, message: String) {
        self.link = Link::Given;
        self.outage = Some(message.clone());
        if !self.sessions.is_empty() {
            let go_on = format!("{message}; connected streams continue");
            self.warn_once("failing", &go_on);
        }
        self.failing = Some(message);
    }

    pub(super) fn fail_if_over(&mut self) {
        if self.sessions.is_empty()
            && let Some(message) = self.failing.take()
        {
            self.link = Link::Failed;
            self.actions.push(Action::Fail { message });
            self.actions.push(Action::Disconnect);
        }
    }
}
