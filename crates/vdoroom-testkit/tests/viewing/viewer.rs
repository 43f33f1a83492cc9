// SPDX-License-Identifier: MPL-2.0
//! A minimal viewer, so that the publishers can be tested without the plugin.

use std::{
    net::TcpStream,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use async_tungstenite::{client_async, tungstenite::Message};
use futures_util::{FutureExt, StreamExt, select_biased};
use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCDataChannel, WebRTCSDPType, WebRTCSessionDescription};
use serde_json::{Value, json};
use smol::channel::{Receiver, Sender, unbounded};
use vdoroom_testkit::Secret;

use crate::decode::decode;

/// What a viewer received of one stream.
#[derive(Default, Debug, Clone)]
pub struct Received {
    /// Counter of each decoded frame; `None` where it could not be read.
    pub frames: Vec<Option<u32>>,
    /// Running times (seconds) at which a flash or a beep began.
    pub flashes: Vec<f64>,
    pub beeps: Vec<f64>,
    /// Video tracks that arrived.
    pub videos: usize,
    /// Width of each decoded frame.
    pub widths: Vec<u32>,
    pub channel: Vec<Value>,
    pub offers: Vec<String>,
    pub messages: Vec<Value>,
}

impl Received {
    /// Counters missing between the first and the last.
    pub fn missing(&self) -> usize {
        let numbers: Vec<u32> = self.frames.iter().flatten().copied().collect();
        let steps = numbers
            .windows(2)
            .map(|pair| pair[1].saturating_sub(pair[0] + 1) as usize);
        steps.sum()
    }

    /// Beep minus flash in milliseconds, for each flash that has a beep near it.
    pub fn offsets(&self) -> Vec<f64> {
        let near = |flash: &f64| {
            let offsets = self.beeps.iter().map(|beep| (beep - flash) * 1000.0);
            offsets
                .min_by(|a, b| a.abs().total_cmp(&b.abs()))
                .filter(|offset| offset.abs() < 500.0)
        };
        self.flashes.iter().filter_map(near).collect()
    }
}

/// How a viewer behaves.
#[derive(Clone)]
pub struct Manners {
    pub secret: Secret,
    pub relay: bool,
    pub answers_pings: bool,
}

impl Manners {
    pub fn hosted(secret: Secret) -> Self {
        Self {
            secret,
            relay: false,
            answers_pings: true,
        }
    }

    pub fn relay(secret: Secret) -> Self {
        Self {
            relay: true,
            ..Self::hosted(secret)
        }
    }
}

enum Event {
    Local(WebRTCSessionDescription),
    Candidate(u32, String),
    Channel(WebRTCDataChannel),
    ChannelText(String),
    Say(Value),
    Stop,
}

pub struct Viewer {
    events: Sender<Event>,
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
pub struct Shared {
    received: Mutex<Received>,
    changed: Condvar,
}

impl Shared {
    pub fn change(&self, change: impl FnOnce(&mut Received)) {
        change(&mut self.received.lock().unwrap());
        self.changed.notify_all();
    }
}

impl Viewer {
    /// Joins `room` and plays `stream_id`.
    pub fn start(url: &str, room: &str, stream_id: &str, manners: Manners) -> Self {
        gst::init().unwrap();
        let shared = Arc::<Shared>::default();
        let (events, inbox) = unbounded();
        let talk = Talk {
            room: manners.secret.room(room),
            stream_id: manners.secret.stream(stream_id),
            manners,
            shared: shared.clone(),
            events: events.clone(),
            pipeline: gst::Pipeline::new(),
            peer: None,
            channel: None,
            publisher: String::new(),
            session: Value::Null,
            encrypted: false,
        };
        let url = url.to_owned();
        let thread = thread::spawn(move || smol::block_on(talk.run(url, inbox)));
        Self {
            events,
            shared,
            thread: Some(thread),
        }
    }

    /// Says `json` on the channel, which must be open.
    pub fn say(&self, json: Value) {
        self.events.try_send(Event::Say(json)).unwrap();
    }

    pub fn wait_for(&self, timeout: Duration, condition: impl Fn(&Received) -> bool) -> Received {
        let received = self.shared.received.lock().unwrap();
        let (received, timeout) = self
            .shared
            .changed
            .wait_timeout_while(received, timeout, |received| !condition(received))
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "the viewer waited in vain; it has {received:#?}"
        );
        received.clone()
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.events.try_send(Event::Stop);
        let _ = self.thread.take().unwrap().join();
    }
}

struct Talk {
    room: String,
    stream_id: String,
    manners: Manners,
    shared: Arc<Shared>,
    events: Sender<Event>,
    pipeline: gst::Pipeline,
    peer: Option<gst::Element>,
    channel: Option<WebRTCDataChannel>,
    publisher: String,
    session: Value,
    encrypted: bool,
}

const OWN_UUID: &str = "viewerviewerviewer12";

impl Talk {
    async fn run(mut self, url: String, inbox: Receiver<Event>) {
        let tcp = TcpStream::connect(url.trim_start_matches("ws://")).unwrap();
        let tcp = smol::Async::new(tcp).unwrap();
        let (mut socket, _) = client_async(url, tcp).await.unwrap();
        let mut out = vec![json!({"request": "joinroom", "roomid": self.room})];
        // In the relay dialect that is a request for an offer already.
        if !self.manners.relay {
            out.push(json!({"request": "play", "streamID": self.stream_id}));
        }
        loop {
            for mut json in out.drain(..) {
                if self.manners.relay {
                    json["from"] = json!(OWN_UUID);
                    json["roomid"] = json!(self.room);
                }
                socket.send(Message::text(json.to_string())).await.unwrap();
            }
            out = select_biased! {
                event = inbox.recv().fuse() => match event.unwrap() {
                    Event::Stop => break,
                    event => self.event(event),
                },
                message = socket.next().fuse() => match message {
                    Some(Ok(Message::Text(text))) => self.socket_text(&text),
                    Some(Ok(_)) => vec![],
                    _ => break,
                },
            };
        }
        self.pipeline.set_state(gst::State::Null).unwrap();
    }

    fn socket_text(&mut self, text: &str) -> Vec<Value> {
        let json: Value = serde_json::from_str(text).unwrap();
        self.shared
            .change(|received| received.messages.push(json.clone()));
        if self.manners.relay && json["UUID"].as_str().is_some_and(|uuid| uuid != OWN_UUID) {
            return vec![];
        }
        let announced = matches!(
            json["request"].as_str(),
            Some("seed" | "joinroom" | "videoaddedtoroom")
        );
        if announced && json["streamID"] == self.stream_id && self.peer.is_none() {
            return vec![json!({"request": "play", "streamID": self.stream_id})];
        }
        if json.get("request").is_none() {
            let sender = if self.manners.relay {
                &json["from"]
            } else {
                &json["UUID"]
            };
            self.publisher = sender.as_str().unwrap_or_default().into();
            self.publisher_says(&json);
        }
        vec![]
    }

    fn publisher_says(&mut self, json: &Value) {
        let secret = &self.manners.secret;
        if json.get("description").is_some() {
            self.session = json["session"].clone();
            self.encrypted = json.get("vector").is_some();
            let description = secret.open(json, "description").unwrap();
            let sdp = description["sdp"].as_str().unwrap().to_owned();
            self.shared
                .change(|received| received.offers.push(sdp.clone()));
            self.answer(&sdp);
        } else if json.get("candidates").is_some() {
            for candidate in secret.open(json, "candidates").unwrap().as_array().unwrap() {
                self.candidate(candidate);
            }
        } else if json.get("candidate").is_some() {
            self.candidate(&secret.open(json, "candidate").unwrap());
        }
    }

    fn candidate(&self, candidate: &Value) {
        // Everything is bundled: whichever locator there is, it is the first transport.
        let text = candidate["candidate"].as_str().unwrap();
        let peer = self.peer.as_ref().unwrap();
        peer.emit_by_name::<()>("add-ice-candidate", &[&0u32, &text]);
    }

    fn answer(&mut self, sdp: &str) {
        let peer = self
            .peer
            .get_or_insert_with(|| new_peer(&self.pipeline, &self.events, &self.shared))
            .clone();
        let sdp = gst_sdp::SDPMessage::parse_buffer(sdp.as_bytes()).unwrap();
        let offer = WebRTCSessionDescription::new(WebRTCSDPType::Offer, sdp);
        peer.emit_by_name::<()>("set-remote-description", &[&offer, &None::<gst::Promise>]);
        let events = self.events.clone();
        let promise = gst::Promise::with_change_func(move |reply| {
            let reply = reply.unwrap().unwrap();
            let answer = reply.get::<WebRTCSessionDescription>("answer").unwrap();
            let _ = events.try_send(Event::Local(answer));
        });
        peer.emit_by_name::<()>("create-answer", &[&None::<gst::Structure>, &promise]);
    }

    fn event(&mut self, event: Event) -> Vec<Value> {
        match event {
            Event::Local(answer) => {
                let none = None::<gst::Promise>;
                let peer = self.peer.as_ref().unwrap();
                peer.emit_by_name::<()>("set-local-description", &[&answer, &none]);
                let sdp = answer.sdp().as_text().unwrap().to_string();
                let mut message = json!({});
                self.seal(
                    &mut message,
                    "description",
                    json!({"type": "answer", "sdp": sdp}),
                );
                self.send(message)
            }
            Event::Candidate(index, text) => {
                let mut message = json!({"type": "remote"});
                let mid = self.mid(index);
                let list = json!([{"candidate": text, "sdpMLineIndex": index, "sdpMid": mid}]);
                self.seal(&mut message, "candidates", list);
                self.send(message)
            }
            Event::Channel(channel) => {
                let request = json!({"audio": true, "video": true, "allowscreenvideo": true});
                channel
                    .send_string_full(Some(&request.to_string()))
                    .unwrap();
                self.channel = Some(channel);
                vec![]
            }
            Event::ChannelText(text) => {
                let json: Value = serde_json::from_str(&text).unwrap();
                self.shared
                    .change(|received| received.channel.push(json.clone()));
                if json.get("ping").is_some() && self.manners.answers_pings {
                    let pong = json!({"pong": json["ping"]}).to_string();
                    self.channel
                        .as_ref()
                        .unwrap()
                        .send_string_full(Some(&pong))
                        .unwrap();
                }
                self.publisher_says(&json);
                vec![]
            }
            Event::Say(json) => {
                self.channel
                    .as_ref()
                    .unwrap()
                    .send_string_full(Some(&json.to_string()))
                    .unwrap();
                vec![]
            }
            Event::Stop => vec![],
        }
    }

    fn mid(&self, index: u32) -> String {
        let received = self.shared.received.lock().unwrap();
        let offer = received.offers.last().unwrap();
        let mut mids = offer.lines().filter_map(|line| line.strip_prefix("a=mid:"));
        mids.nth(index as usize).unwrap().into()
    }

    fn seal(&self, message: &mut Value, field: &str, value: Value) {
        if !self.session.is_null() {
            message["session"] = self.session.clone();
        }
        match self.encrypted {
            true => self.manners.secret.seal(message, field, &value),
            false => message[field] = value,
        }
    }

    fn send(&self, mut message: Value) -> Vec<Value> {
        message["UUID"] = json!(self.publisher);
        match &self.channel {
            Some(channel) => {
                channel
                    .send_string_full(Some(&message.to_string()))
                    .unwrap();
                vec![]
            }
            None => vec![message],
        }
    }
}

fn new_peer(
    pipeline: &gst::Pipeline,
    events: &Sender<Event>,
    shared: &Arc<Shared>,
) -> gst::Element {
    let peer = gst::ElementFactory::make("webrtcbin")
        .property_from_str("bundle-policy", "max-bundle")
        .build()
        .unwrap();
    pipeline.add(&peer).unwrap();
    let to = events.clone();
    peer.connect_closure(
        "on-ice-candidate",
        false,
        glib::closure!(move |_: gst::Element, index: u32, text: String| {
            // From 1.23 on an empty one marks the end.
            if !text.is_empty() {
                let _ = to.try_send(Event::Candidate(index, text));
            }
        }),
    );
    let to = events.clone();
    peer.connect_closure(
        "on-data-channel",
        false,
        glib::closure!(move |_: gst::Element, channel: WebRTCDataChannel| {
            let texts = to.clone();
            channel.connect_on_message_string(move |_, text| {
                let text = text.unwrap_or_default().to_owned();
                let _ = texts.try_send(Event::ChannelText(text));
            });
            let _ = to.try_send(Event::Channel(channel));
        }),
    );
    let shared = shared.clone();
    let weak = pipeline.downgrade();
    peer.connect_pad_added(move |_, pad| {
        if let (Some(pipeline), gst::PadDirection::Src) = (weak.upgrade(), pad.direction()) {
            decode(&pipeline, pad, &shared);
        }
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    peer
}
