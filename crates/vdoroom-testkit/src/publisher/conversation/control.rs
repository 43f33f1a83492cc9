// SPDX-License-Identifier: MPL-2.0
//! The publisher's one thread: socket, timers and every webrtcbin meet here.

use std::{collections::BTreeMap, time::Duration};

use gst_webrtc::WebRTCPeerConnectionState as State;
use serde_json::{Value, json};
use smol::{Task, Timer, channel::Receiver};

use crate::log::Direction;
use crate::publisher::{
    flavour::Flavour,
    media::Kind,
    wire::{
        events::{Command, Event, PeerEvent, PeerId, TimerEvent},
        link,
    },
};

use super::{context::Context, viewer::Viewer};

/// After the server refused a stream ID, or the socket was lost (protocol 1.3 and 7.1).
const RETRY: Duration = Duration::from_secs(5);
/// A viewer that asks again before its connection is up gets a new one after this.
const REOFFER: Duration = Duration::from_secs(3);
/// What a `bye` is given to leave.
const FLUSH: Duration = Duration::from_millis(100);

pub struct Control {
    context: Context,
    socket_serial: u64,
    /// The task that carries the socket.
    carrier: Option<Task<()>>,
    /// Connections by the viewer's UUID.
    viewers: BTreeMap<String, Viewer>,
    peers_made: PeerId,
}

impl Control {
    pub fn new(context: Context) -> Self {
        Self {
            context,
            socket_serial: 0,
            carrier: None,
            viewers: BTreeMap::new(),
            peers_made: 0,
        }
    }

    pub async fn run(mut self, inbox: Receiver<Event>) {
        self.connect();
        while let Ok(event) = inbox.recv().await {
            match event {
                Event::SocketOpen(serial) if serial == self.socket_serial => self.join(),
                Event::SocketText(serial, text) if serial == self.socket_serial => {
                    self.socket_text(&text);
                }
                Event::SocketClosed(serial, reason) if serial == self.socket_serial => {
                    self.context
                        .status
                        .log
                        .add("server".into(), Direction::Dropped, &reason);
                    self.context.socket = None;
                    self.context.later(RETRY, TimerEvent::Connect);
                }
                // Of a socket that was given up.
                Event::SocketOpen(_) | Event::SocketText(..) | Event::SocketClosed(..) => {}
                Event::Peer(id, event) => self.peer_event(id, event),
                Event::Timer(event) => self.timer(event),
                Event::Command(Command::Stop) => {
                    self.say_bye();
                    Timer::after(FLUSH).await;
                    return;
                }
                Event::Command(Command::Crash) => return,
                Event::Command(command) => self.command(command).await,
            }
            self.publish_status();
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Reload { bye } => {
                if bye {
                    self.say_bye();
                    Timer::after(FLUSH).await;
                }
                self.viewers.clear();
                // The server must see the old socket go before the new one seeds the stream.
                self.close_socket().await;
                self.context.own_uuid = gst::glib::uuid_string_random().to_string();
                self.connect();
            }
            Command::DropSocket => {
                self.close_socket().await;
                self.socket_serial += 1;
                self.context.later(RETRY, TimerEvent::Connect);
            }
            Command::RestartIce => {
                for viewer in self.viewers.values_mut() {
                    viewer.restart_ice(&self.context);
                }
            }
            Command::Offer { video, audio } => {
                for viewer in self.viewers.values_mut() {
                    viewer.offer_as_sent(video, audio, &self.context);
                }
            }
            Command::Add(kind) => self.add(kind),
            Command::Tell(json) => {
                for viewer in self.viewers.values_mut() {
                    viewer.send_on_channel(&json, &self.context.status);
                }
            }
            Command::TellText(text) => {
                for viewer in self.viewers.values() {
                    // A channel that is not open says nothing.
                    let _ = viewer.peer.send_on_channel(&text);
                }
            }
            Command::Stop | Command::Crash => {}
        }
    }

    /// Waits until the socket is closed, but not for a server that does not let it.
    async fn close_socket(&mut self) {
        self.context.socket = None;
        if let Some(carrier) = self.carrier.take() {
            let timeout = async {
                Timer::after(Duration::from_secs(1)).await;
            };
            smol::future::or(carrier, timeout).await;
        }
    }

    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Video => self.context.settings.video = true,
            Kind::Audio => self.context.settings.audio = true,
            Kind::Screen => self.context.settings.screen = true,
        }
        for viewer in self.viewers.values_mut() {
            viewer.add(kind, &self.context);
        }
    }

    fn say_bye(&mut self) {
        for viewer in self.viewers.values_mut() {
            viewer.send_on_channel(&json!({"bye": true}), &self.context.status);
        }
    }

    fn connect(&mut self) {
        let (sender, outgoing) = smol::channel::unbounded();
        self.context.socket = Some(sender);
        self.socket_serial += 1;
        let target = self.context.settings.target.clone();
        let run = link::run(
            target,
            self.socket_serial,
            self.context.events.clone(),
            outgoing,
        );
        self.carrier = Some(self.context.executor.spawn(run));
    }

    fn join(&mut self) {
        let mut join = json!({"request": "joinroom", "roomid": self.context.secret.room(&self.context.settings.room)});
        if self.context.is_relay() || self.context.settings.flavour == Flavour::Raspberry {
            join["streamID"] = json!(self.context.wire_stream_id());
        }
        self.context.send(join);
        // In the relay dialect the `joinroom` announces the stream.
        if !self.context.is_relay() {
            self.context
                .send(json!({"request": "seed", "streamID": self.context.wire_stream_id()}));
        }
        self.context.status.set_joined();
    }

    fn socket_text(&mut self, text: &str) {
        self.context
            .status
            .log
            .add("server".into(), Direction::Received, text);
        let Ok(json) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let own = |field: &str| json[field].as_str() == Some(&self.context.own_uuid);
        let sender = if self.context.is_relay() {
            let foreign = json.get("UUID").is_some() && !own("UUID");
            let room = self.context.secret.room(&self.context.settings.room);
            let elsewhere = json["roomid"].as_str().is_some_and(|other| other != room);
            if foreign || elsewhere || own("from") {
                return;
            }
            json["from"].as_str()
        } else {
            json["UUID"].as_str()
        };
        let sender = sender.unwrap_or_default().to_owned();
        match json["request"].as_str() {
            Some(request) => self.request(request, &sender, &json),
            None => self.viewer_says(&sender, &json, false),
        }
    }

    fn request(&mut self, request: &str, sender: &str, json: &Value) {
        let plays_ours = json["streamID"].as_str() == Some(&self.context.wire_stream_id());
        match request {
            "offerSDP" => self.offer_to(sender),
            "play" if self.context.is_relay() && plays_ours => self.offer_to(sender),
            // A newcomer without a stream wants offers (protocol 3.3).
            "joinroom" if self.context.is_relay() && json.get("streamID").is_none() => {
                if self.context.settings.flavour == Flavour::Raspberry {
                    self.context.send(json!({
                        "request": "seed", "streamID": self.context.wire_stream_id(), "UUID": sender
                    }));
                } else {
                    self.offer_to(sender);
                }
            }
            "alert" if is_conflict(json) => self.context.later(RETRY, TimerEvent::Seed),
            _ => {}
        }
    }

    /// A viewer asked for the stream (protocol 4.1).
    fn offer_to(&mut self, uuid: &str) {
        match self.viewers.get(uuid).map(Viewer::state) {
            None => self.open(uuid),
            Some(State::Connected) => {}
            Some(State::Failed | State::Closed) => {
                self.viewers.remove(uuid);
                self.open(uuid);
            }
            Some(_) => self.context.later(
                REOFFER,
                TimerEvent::Reoffer {
                    viewer: uuid.into(),
                },
            ),
        }
    }

    fn open(&mut self, uuid: &str) {
        self.peers_made += 1;
        match Viewer::open(self.peers_made, uuid, &self.context) {
            Ok(viewer) => {
                self.viewers.insert(uuid.into(), viewer);
            }
            Err(error) => self
                .context
                .status
                .complain(format!("no connection to {uuid}: {error}")),
        }
    }

    /// A message of a viewer, by the server or on the channel.
    fn viewer_says(&mut self, uuid: &str, json: &Value, on_channel: bool) {
        let Some(mut viewer) = self.viewers.remove(uuid) else {
            return;
        };
        if viewer.message(json, on_channel, &self.context) {
            self.viewers.insert(uuid.into(), viewer);
        }
    }

    fn peer_event(&mut self, id: PeerId, event: PeerEvent) {
        let Some(uuid) = self.uuid_of(id) else {
            return;
        };
        if let PeerEvent::ChannelText(text) = &event {
            self.context
                .status
                .log
                .add(uuid.clone(), Direction::Received, text);
            match serde_json::from_str(text) {
                Ok(json) => self.viewer_says(&uuid, &json, true),
                Err(error) => self
                    .context
                    .status
                    .complain(format!("not JSON on the channel: {error}")),
            }
            return;
        }
        let Some(mut viewer) = self.viewers.remove(&uuid) else {
            return;
        };
        if viewer.event(event, &self.context) {
            self.viewers.insert(uuid, viewer);
        }
    }

    fn uuid_of(&self, id: PeerId) -> Option<String> {
        self.viewers
            .iter()
            .find(|(_, viewer)| viewer.id == id)
            .map(|(uuid, _)| uuid.clone())
    }

    fn timer(&mut self, event: TimerEvent) {
        match event {
            TimerEvent::Connect if self.context.socket.is_none() => self.connect(),
            // A reload was faster.
            TimerEvent::Connect => {}
            TimerEvent::Seed => {
                self.context
                    .send(json!({"request": "seed", "streamID": self.context.wire_stream_id()}));
            }
            TimerEvent::Reoffer { viewer } => {
                if self.viewers.get(&viewer).map(Viewer::state) != Some(State::Connected) {
                    self.viewers.remove(&viewer);
                    self.open(&viewer);
                }
            }
            TimerEvent::FlushCandidates(id) => {
                if let Some(mut viewer) =
                    self.uuid_of(id).and_then(|uuid| self.viewers.remove(&uuid))
                {
                    viewer.flush_candidates(&self.context);
                    self.viewers.insert(viewer.uuid.clone(), viewer);
                }
            }
            TimerEvent::Ping(id) => {
                if let Some(mut viewer) =
                    self.uuid_of(id).and_then(|uuid| self.viewers.remove(&uuid))
                    && viewer.ping(&self.context)
                {
                    self.viewers.insert(viewer.uuid.clone(), viewer);
                }
            }
        }
    }

    fn publish_status(&self) {
        let fed = self
            .viewers
            .values()
            .filter(|viewer| viewer.is_fed())
            .count();
        self.context.status.set_viewers(self.viewers.len(), fed);
    }
}

fn is_conflict(alert: &Value) -> bool {
    let text = alert["message"].as_str().unwrap_or_default();
    text.contains("already in use")
}
