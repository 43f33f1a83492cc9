// SPDX-License-Identifier: MPL-2.0
//! Lets in only what comes from the sender of the offer: pads, the data channel and what is said on it.
//! Runs on the control thread.

use std::sync::atomic::Ordering::Relaxed;

use super::announce;
use super::thread::Control;
use crate::protocol::{Event, SessionId};
use crate::vdoroomsrc::connection::{Session, WaitingPad};
use crate::vdoroomsrc::reports::{Hold, Ticket};

impl Control {
    pub(super) fn pad_added(
        &mut self,
        element: &gst::Bin,
        id: SessionId,
        pad: gst::Pad,
        hold: Box<dyn Hold>,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        match session.check_sender(&pad) {
            Ok(()) => {
                session.waiting_pads.push(WaitingPad::new(pad, hold));
                self.expose_pads(element);
            }
            Err(reason) => {
                hold.refuse();
                self.impostor(element, id, &reason);
            }
        }
    }

    pub(super) fn channel_open(&mut self, element: &gst::Bin, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        match session.check_channel() {
            Ok(()) => {
                session.has_channel = true;
                self.reports.events.send(Event::ChannelOpen { session: id });
            }
            Err(reason) => self.impostor(element, id, &reason),
        }
    }

    /// Says what is wrong where the engine lets nothing of an impostor through.
    pub(super) fn handshake_over(&mut self, element: &gst::Bin, id: SessionId) {
        let session = self.sessions.get(&id);
        if let Some(Err(reason)) = session.map(Session::check_handshake) {
            self.impostor(element, id, &reason);
        }
    }

    /// Only a channel whose other end is proven was taken, and only its messages count.
    pub(super) fn channel_text(&mut self, id: SessionId, text: String, ticket: Ticket) {
        let session = self.sessions.get(&id);
        if session.is_some_and(|session| session.has_channel && session.is_genuine) {
            self.hear_pong(id, &text);
            let said = Event::ChannelText { session: id, text };
            self.reports.events.send_said(said, ticket);
        }
    }

    /// Ends a session in which somebody else answers than the one who offered.
    pub(super) fn impostor(&mut self, element: &gst::Bin, id: SessionId, reason: &str) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut session.is_genuine, false) {
            self.config.identity_mismatches.fetch_add(1, Relaxed);
            announce::warn(element, Some(&session.stream), reason);
            self.lost(id, reason.into());
        }
    }
}
