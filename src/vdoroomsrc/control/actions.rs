// SPDX-License-Identifier: MPL-2.0
//! Carries out the room's actions, and reports the answers of engines. Runs on the control thread.

use std::time::Instant;

use super::announce;
use super::stats::last_words;
use super::thread::Control;
use crate::protocol::{Action, Event, SessionId};
use crate::vdoroomsrc::connection::{Peer, Session, Transport};
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::reports::Step;

impl Control {
    pub(super) fn act(&mut self, element: &gst::Bin, action: Action) {
        match action {
            Action::OpenPeer {
                session,
                stream,
                number,
                info,
                certificate,
            } => {
                let label = info.label;
                let peer = Peer {
                    stream,
                    number,
                    label,
                    certificate,
                };
                self.open(element, session, peer);
            }
            Action::SetRemoteOffer {
                session,
                sdp,
                screen_mids,
            } => self.set_remote_offer(element, session, &sdp, &screen_mids),
            Action::AddRemoteCandidate {
                session,
                sdp_mline_index,
                candidate,
            } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.add_candidate(sdp_mline_index, &candidate);
                }
            }
            Action::SendChannel { session, text } => {
                if let Some(session) = self.sessions.get(&session) {
                    session.send(&text);
                }
            }
            Action::ClosePeer { session, reason } => {
                self.tell_failure(element, session, &reason);
                let keeps_pads = self.keeps_pads();
                if let Some(session) = self.sessions.get_mut(&session) {
                    gst::info!(CAT, obj = element, "{} ends: {reason}", session.stream);
                    session.end(Instant::now(), keeps_pads, |session| {
                        last_words(session, &reason)
                    });
                }
            }
            Action::AskAccept { stream, info } => {
                let accepted = announce::accept_stream(element, &stream, &info);
                self.reports
                    .events
                    .send(Event::Accepted { stream, accepted });
            }
            Action::StreamAdded { stream, info } => {
                self.tell_that_it_left(element, &stream);
                announce::stream_added(element, &stream, &info);
            }
            Action::StreamChanged { stream, info } => {
                // A browser gives its label once the channel is open, before its media.
                for session in self.sessions.values_mut().filter(|s| s.stream == stream) {
                    session.label.clone_from(&info.label);
                }
                announce::stream_changed(element, &stream, &info);
            }
            Action::StreamRemoved { stream, reason } => {
                self.failures.remove(&stream);
                let own = self.sessions.values().filter(|s| s.stream == stream);
                let own = own.map(|session| session.id).collect();
                self.leaving.push((stream, reason, own));
            }
            Action::ChannelMessage { stream, text } => {
                announce::channel_message(element, &stream, &text);
            }
            Action::Warn { stream, message } => announce::warn(element, stream.as_ref(), &message),
            Action::Fail { message } => self.failing = Some(message),
            // The network thread carries these out itself.
            Action::SendSocket(_)
            | Action::AskServer
            | Action::Reconnect { .. }
            | Action::Disconnect => {}
        }
    }

    fn open(&mut self, element: &gst::Bin, id: SessionId, peer: Peer) {
        let transport = Transport {
            engine: self.config.engine,
            ice: &self.config.ice,
            latency: self.config.latency,
            retransmission: self.config.wish.retransmission,
            audio_bitrate: self.config.wish.audio_bitrate,
        };
        let stream = peer.stream.clone();
        let ready = |webrtcbin: &gst::Element| {
            announce::webrtcbin_ready(element, &stream, webrtcbin);
        };
        match Session::open(element, id, peer, &transport, &self.reports, ready) {
            Ok(session) => {
                // Known before its first answer is, and not before there is a webrtcbin: loading it
                // takes time.
                let abilities = session.link.abilities();
                self.reports.events.send(Event::Abilities(abilities));
                gst::info!(
                    CAT,
                    obj = element,
                    "{} connects, session {}",
                    session.stream,
                    session.number
                );
                self.sessions.insert(id, session);
                self.flows.insert(id, gst_base::UniqueFlowCombiner::new());
                self.publish_view(id);
            }
            Err(error) => self.lost(id, format!("no connection: {error}")),
        }
    }

    fn set_remote_offer(
        &mut self,
        element: &gst::Bin,
        id: SessionId,
        sdp: &str,
        screen_mids: &[String],
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let stream = session.stream.clone();
        match session.set_remote_offer(sdp, screen_mids, &self.config.wish, &self.reports) {
            Ok(refusals) => {
                for refusal in refusals {
                    announce::warn(element, Some(&stream), &refusal);
                }
            }
            Err(reason) => self.lost(id, reason),
        }
    }

    /// The answer goes out once the engine goes by it. Candidates may have come before: the room
    /// keeps them until then.
    pub(super) fn negotiation(&mut self, element: &gst::Bin, id: SessionId, step: Step) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let stream = session.stream.clone();
        match step {
            Step::Answered(Ok(sdp)) => {
                self.reports
                    .events
                    .send(Event::LocalAnswer { session: id, sdp });
                // What changes from here on comes after these.
                for (layer, state) in session.link.watch(&self.reports) {
                    self.state(element, id, layer, state);
                }
            }
            Step::Answered(Err(reason)) => {
                announce::warn(element, Some(&stream), &reason);
                self.lost(id, reason);
            }
            step => {
                if let Err(reason) = session.link.go_on(step, &self.reports) {
                    self.lost(id, reason);
                }
            }
        }
    }

    pub(super) fn lost(&mut self, session: SessionId, reason: String) {
        self.reports
            .events
            .send(Event::PeerLost { session, reason });
    }

    /// Told once for each connection, whatever of it is undecodable.
    pub(super) fn undecodable(
        &mut self,
        element: &gst::Bin,
        id: SessionId,
        kind: &str,
        codec: &str,
    ) {
        let session = self.sessions.get_mut(&id);
        let Some(session) = session.filter(|session| !session.told_undecodable) else {
            return;
        };
        session.told_undecodable = true;
        let stream = session.stream.clone();
        let message = format!(
            "its media cannot be decoded: what it sends as {kind} ({codec}) is something else. It \
             seems to be encrypted from end to end, which a recorder cannot undo: what is recorded \
             of it does not play. Take &e2ee out of the address of the guest's page"
        );
        announce::warn(element, Some(&stream), &message);
    }
}
