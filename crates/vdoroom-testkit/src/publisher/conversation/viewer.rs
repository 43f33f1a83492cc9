// SPDX-License-Identifier: MPL-2.0
//! The conversation with one viewer (protocol 4.2 to 5.5).

use std::sync::{Arc, atomic::Ordering};

use gst_webrtc::WebRTCPeerConnectionState as State;
use serde_json::{Value, json};

use crate::log::Direction;

use crate::publisher::{
    flavour::{Flavour, MISSED_PINGS},
    media::Kind,
    settings::Moment,
    status::Status,
    wire::{
        events::{PeerEvent, PeerId, TimerEvent},
        sdp,
    },
};

use super::{context::Context, peer::Peer};

pub struct Viewer {
    pub id: PeerId,
    pub uuid: String,
    pub(super) session: Option<String>,
    pub(super) peer: Peer,
    /// The offer that waits for its answer, with webrtcbin's own mids.
    open_offer: Option<String>,
    /// The newest offer's mids as they went over the wire, by index.
    pub(super) wire_mids: Vec<String>,
    /// The next offer has other ICE credentials.
    restarts_ice: bool,
    /// What is offered as inactive.
    unsent: Vec<Kind>,
    /// Tracks that the viewer asked for and that no offer has yet.
    wanted: Vec<Kind>,
    /// The newest media request (protocol 5.2).
    request: Option<Value>,
    /// What each RTP m-line is, in SDP order.
    tracks: Vec<Kind>,
    pub(super) candidates: Vec<(u32, String)>,
    pub(super) told_more: bool,
    seen_mids: Vec<Value>,
    fed: bool,
    unanswered_pings: u32,
}

impl Viewer {
    pub fn open(id: PeerId, uuid: &str, context: &Context) -> Result<Self, String> {
        let peer = Peer::new(
            id,
            &context.settings,
            &context.timeline,
            &context.status,
            &context.events,
        )?;
        let mut viewer = Self {
            id,
            uuid: uuid.into(),
            session: context.settings.flavour.new_session(),
            peer,
            open_offer: None,
            wire_mids: vec![],
            restarts_ice: false,
            unsent: vec![],
            wanted: vec![],
            request: None,
            tracks: vec![],
            candidates: vec![],
            told_more: false,
            seen_mids: vec![],
            fed: false,
            unanswered_pings: 0,
        };
        if !context.settings.flavour.waits_for_media_request() {
            viewer.wanted = context.settings.tracks();
            viewer.add_tracks(context)?;
        }
        viewer.peer.create_offer(id, &context.events);
        Ok(viewer)
    }

    pub fn state(&self) -> State {
        self.peer.state()
    }

    pub fn is_fed(&self) -> bool {
        self.fed
    }

    fn add_tracks(&mut self, context: &Context) -> Result<(), String> {
        let one_by_one = context.settings.split_offers && self.request.is_some();
        let count = if one_by_one { 1 } else { self.wanted.len() };
        for kind in self.wanted.drain(..count.min(self.wanted.len())) {
            let (settings, feed) = (&context.settings, context.feed.clone());
            let (flavour, status) = (settings.flavour, context.status.clone());
            let on_request = move || {
                status.keyframe_requests.fetch_add(1, Ordering::Relaxed);
                if flavour.obeys_keyframe_requests() {
                    feed.force_keyframe();
                }
            };
            self.peer
                .add_track(kind, settings, &context.feed, on_request)?;
            if let Some(seed) = settings.mangle {
                self.peer.mangle_last_track(seed, &context.status);
            }
            if settings.padding {
                self.peer.pad_last_track();
            }
            self.tracks.push(kind);
        }
        Ok(())
    }

    /// False if the connection is over.
    pub fn event(&mut self, event: PeerEvent, context: &Context) -> bool {
        let status = &context.status;
        match event {
            PeerEvent::OfferCreated(offer) => self.send_offer(offer, context),
            PeerEvent::Candidate { index, text } => self.collect(index, text, context),
            PeerEvent::ChannelOpen => {
                self.greet(context);
                self.tell_more(Moment::OverTheChannel, context);
                self.peer.open_more_channels(context.settings.greed);
                if context.settings.false_fingerprint {
                    self.wanted = context.settings.tracks();
                    self.offer_wanted(context);
                }
            }
            PeerEvent::State(State::Connected) => self.feed(context),
            PeerEvent::State(State::Failed | State::Closed) => return false,
            PeerEvent::StrangerChannel(label) => {
                status.complain(format!("the viewer opened a channel {label:?}"));
            }
            PeerEvent::Error(error) => {
                status.complain(format!("webrtcbin: {error}"));
                return false;
            }
            PeerEvent::Latency => self.peer.redistribute_latency(),
            PeerEvent::State(_) | PeerEvent::ChannelText(_) => {}
        }
        true
    }

    fn feed(&mut self, context: &Context) {
        if self.peer.feed() {
            self.fed = true;
            if context.settings.flavour.begins_with_keyframe() {
                context.feed.force_keyframe();
            }
        }
    }

    fn send_offer(&mut self, offer: String, context: &Context) {
        let flavour = context.settings.flavour;
        if let Err(error) = self.peer.set_local_offer(&offer) {
            return context.status.complain(error);
        }
        let mut wire = sdp::to_wire(&offer, flavour);
        self.wire_mids = sdp::mids(&wire);
        let on_channel = self.peer.channel_is_open();
        if context.settings.false_fingerprint && !on_channel {
            wire = sdp::with_other_fingerprint(&wire);
        }
        if std::mem::take(&mut self.restarts_ice) {
            wire = sdp::with_new_credentials(&wire);
        }
        wire = sdp::with_direction(&wire, &self.lines_of(&self.unsent), "inactive");
        if context.settings.hidden_addresses {
            wire = sdp::with_hidden_addresses(&wire);
        }
        let bare = &context.settings.stream_id;
        let stream_id = if on_channel {
            bare.clone()
        } else {
            context.secret.stream(bare)
        };
        let mut message = json!({"streamID": stream_id, "session": self.session});
        let screens = self.lines_of(&[Kind::Screen]);
        if !screens.is_empty() {
            message["screen"] = json!(screens);
        }
        let description = json!({"type": "offer", "sdp": wire});
        self.seal(&mut message, "description", &description, context);
        self.open_offer = Some(offer);
        self.send(message, context);
        self.tell_more(Moment::AfterTheOffer, context);
    }

    pub(super) fn seal(&self, message: &mut Value, field: &str, value: &Value, context: &Context) {
        let plain = self.peer.channel_is_open() && !context.settings.flavour.encrypts_on_channel();
        match plain {
            true => message[field] = value.clone(),
            false => context.secret.seal(message, field, value),
        }
    }

    /// By the channel if it is open, else by the server.
    pub(super) fn send(&mut self, mut message: Value, context: &Context) {
        message["UUID"] = json!(self.uuid);
        if self.peer.channel_is_open() {
            self.send_on_channel(&message, &context.status);
        } else {
            context.send(message);
        }
    }

    pub fn send_on_channel(&mut self, message: &Value, status: &Arc<Status>) {
        let text = message.to_string();
        status.log.add(self.uuid.clone(), Direction::Sent, &text);
        if let Err(error) = self.peer.send_on_channel(&text) {
            status
                .log
                .add(self.uuid.clone(), Direction::Dropped, &error);
        }
    }

    fn greet(&mut self, context: &Context) {
        let settings = &context.settings;
        let info = json!({"info": {
            "label": settings.label, "muted": false, "video_muted_init": false,
            "room_init": true, "rotate_video": false, "screenShareState": false,
            "video_init_width": 320, "video_init_height": 180,
            "video_init_frameRate": settings.rate,
        }});
        if settings.flavour != Flavour::Raspberry {
            self.send_on_channel(&info, &context.status);
        }
        if let Some(interval) = settings.ping_interval() {
            context.later(interval, TimerEvent::Ping(self.id));
        }
    }

    /// Sends the next ping; false if too many went unanswered.
    pub fn ping(&mut self, context: &Context) -> bool {
        if self.unanswered_pings >= MISSED_PINGS {
            context
                .status
                .complain("the viewer answers no pings".into());
            return false;
        }
        self.unanswered_pings += 1;
        let time = gst::glib::real_time() as f64 / 1e6;
        self.send_on_channel(&json!({"ping": time.to_string()}), &context.status);
        if let Some(interval) = context.settings.ping_interval() {
            context.later(interval, TimerEvent::Ping(self.id));
        }
        true
    }

    /// A message of the viewer; false if the connection is over.
    pub fn message(&mut self, json: &Value, on_channel: bool, context: &Context) -> bool {
        if let Some(mid) = json.get("mid") {
            context
                .status
                .complain(format!("a message has a top-level mid: {mid}"));
            if self.seen_mids.contains(mid) {
                return true;
            }
            self.seen_mids.push(mid.clone());
        }
        if json.get("description").is_some() {
            self.answer(json, on_channel, context);
        } else if json.get("candidates").is_some() {
            self.remote_candidates(json, "candidates", on_channel, context);
        } else if json.get("candidate").is_some() {
            self.remote_candidates(json, "candidate", on_channel, context);
        } else if let Some(value) = json.get("ping") {
            if context.settings.answers_pings {
                self.send_on_channel(&json!({"pong": value}), &context.status);
            }
        } else if json.get("pong").is_some() {
            self.unanswered_pings = 0;
        } else if json.get("bitrate").is_some() || json.get("audioBitrate").is_some() {
            self.bitrates(json, context);
        } else if json["bye"] == true {
            return false;
        } else if json.get("audio").is_some() || json.get("video").is_some() {
            self.media_request(json, context);
        }
        true
    }

    /// As a web page, which stops its encoder at 0 and begins again with a keyframe.
    fn bitrates(&mut self, json: &Value, context: &Context) {
        if !context.settings.flavour.waits_for_media_request() {
            return;
        }
        let of_screen = json["altUUID"] == true;
        let video = if of_screen { Kind::Screen } else { Kind::Video };
        let mut begins = false;
        for (field, kind) in [("bitrate", video), ("audioBitrate", Kind::Audio)] {
            match json[field].as_u64() {
                Some(0) => self.peer.stop(kind),
                Some(_) => begins |= self.peer.begin(kind),
                None => {}
            }
        }
        if begins {
            self.feed(context);
        }
    }

    fn media_request(&mut self, json: &Value, context: &Context) {
        if self.request.is_some() {
            return context.status.complain("a second media request".into());
        }
        self.request = Some(json.clone());
        context.status.set_media_request(json);
        if context.settings.flavour.waits_for_media_request() {
            let tracks = context.settings.tracks().into_iter();
            self.wanted = tracks.filter(|kind| self.asked(*kind)).collect();
            self.offer_wanted(context);
        }
    }

    /// Whether the viewer's request covers a track.
    fn asked(&self, kind: Kind) -> bool {
        let field = |name: &str| self.request.as_ref().is_some_and(|json| json[name] == true);
        match kind {
            Kind::Video => field("video"),
            Kind::Audio => field("audio"),
            Kind::Screen => field("allowscreenvideo") || field("allowscreen"),
        }
    }

    /// Offers a track that was switched on later.
    pub fn add(&mut self, kind: Kind, context: &Context) {
        if !context.settings.flavour.waits_for_media_request() || self.asked(kind) {
            self.wanted.push(kind);
            self.offer_wanted(context);
        }
    }

    pub fn restart_ice(&mut self, context: &Context) {
        self.restarts_ice = true;
        self.peer.create_offer(self.id, &context.events);
    }

    pub fn offer_as_sent(&mut self, video: bool, audio: bool, context: &Context) {
        let kinds = [(Kind::Video, video), (Kind::Audio, audio)].into_iter();
        let unsent = kinds.filter(|(_, sent)| !sent);
        self.unsent = unsent.map(|(kind, _)| kind).collect();
        self.peer.create_offer(self.id, &context.events);
    }

    /// The RTP m-lines of these kinds.
    fn lines_of(&self, kinds: &[Kind]) -> Vec<usize> {
        let tracks = self.tracks.iter().enumerate();
        let of_kind = tracks.filter(|(_, kind)| kinds.contains(kind));
        of_kind.map(|(line, _)| line).collect()
    }

    fn offer_wanted(&mut self, context: &Context) {
        if self.wanted.is_empty() || self.open_offer.is_some() {
            return;
        }
        match self.add_tracks(context) {
            Ok(()) => self.peer.create_offer(self.id, &context.events),
            Err(error) => context.status.complain(error),
        }
    }

    /// Reads an encrypted field. One in clear is taken, but it is a fault if the room encrypts.
    pub(super) fn unseal(
        &self,
        json: &Value,
        field: &str,
        on_channel: bool,
        context: &Context,
    ) -> Option<Value> {
        let may_be_plain = on_channel && !context.settings.flavour.encrypts_on_channel();
        if json.get("vector").is_none() && context.secret.encrypts() && !may_be_plain {
            context.status.complain(format!("{field} came unencrypted"));
        }
        match context.secret.open(json, field) {
            Ok(value) => Some(value),
            Err(error) => {
                context
                    .status
                    .complain(format!("{field} cannot be read: {error}"));
                None
            }
        }
    }

    pub(super) fn session_matches(&self, json: &Value, flavour: Flavour) -> bool {
        match json["session"].as_str() {
            Some(session) => self.session.as_deref() == Some(session),
            None => !flavour.wants_session(),
        }
    }

    fn answer(&mut self, json: &Value, on_channel: bool, context: &Context) {
        let status = &context.status;
        if !self.session_matches(json, context.settings.flavour) {
            return status.complain(format!("an answer with session {}", json["session"]));
        }
        let Some(description) = self.unseal(json, "description", on_channel, context) else {
            return;
        };
        if description["type"] != "answer" {
            return status.complain(format!("a description of type {}", description["type"]));
        }
        let Some(offer) = self.open_offer.take() else {
            return status.complain("an answer to no offer".into());
        };
        let answer = description["sdp"].as_str().unwrap_or_default();
        status.set_answer(answer);
        // Its webrtcbin has offered all of it as sent.
        let own = sdp::from_wire(answer, &offer);
        let own = sdp::with_direction(&own, &self.lines_of(&self.unsent), "recvonly");
        if let Err(error) = self.peer.set_remote_answer(&own) {
            return status.complain(error);
        }
        self.tell_more(Moment::AfterTheAnswer, context);
        if self.state() == State::Connected {
            self.feed(context);
        }
        self.offer_wanted(context);
    }
}
