// SPDX-License-Identifier: MPL-2.0
//! Publishers built from GStreamer, in the four flavours that a viewer meets (protocol 4.5).
//!
//! [`Publisher`] is the handle. One thread (`control`) owns the socket (`link`), the conversation
//! with each viewer (`viewer`) and their webrtcbins (`peer`); one pipeline (`feed`) draws and
//! encodes for all of them. What a viewer does wrong is collected as *complaints*.

mod codec;
mod control;
mod feed;
mod flavour;
mod link;
mod peer;
mod sdp;
mod viewer;

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use smol::{LocalExecutor, channel::Sender};

use crate::{
    log::{Log, LogEntry},
    secret::{Password, Secret},
    server::Dialect,
};

pub use codec::Codec;
pub use flavour::Flavour;

use control::{Command, Control, Event};
use feed::{Feed, Timeline};
use link::Target;
use peer::Kind;

/// What a publisher is and where it publishes.
#[derive(Clone)]
struct Settings {
    target: Target,
    room: String,
    stream_id: String,
    flavour: Flavour,
    codec: Codec,
    password: Password,
    salt: String,
    dialect: Dialect,
    label: String,
    rate: i32,
    audio: bool,
    video: bool,
    screen: bool,
    split_offers: bool,
}

impl Settings {
    fn tracks(&self) -> Vec<Kind> {
        let mut tracks = vec![];
        // A share that runs already comes before the camera (protocol 5.6).
        if self.screen {
            tracks.push(Kind::Screen);
        }
        if self.video {
            tracks.push(Kind::Video);
        }
        if self.audio {
            tracks.push(Kind::Audio);
        }
        if self.flavour.audio_before_video() {
            tracks.reverse();
        }
        tracks
    }
}

/// How a publisher is to be started.
pub struct PublisherBuilder(Settings);

impl PublisherBuilder {
    pub fn flavour(mut self, flavour: Flavour) -> Self {
        self.0.flavour = flavour;
        self
    }

    pub fn codec(mut self, codec: Codec) -> Self {
        self.0.codec = codec;
        self
    }

    pub fn password(mut self, password: Password) -> Self {
        self.0.password = password;
        self
    }

    pub fn salt(mut self, salt: &str) -> Self {
        self.0.salt = salt.into();
        self
    }

    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.0.dialect = dialect;
        self
    }

    pub fn label(mut self, label: &str) -> Self {
        self.0.label = label.into();
        self
    }

    /// Pictures per second, 1 to 60; 30 by default.
    pub fn frame_rate(mut self, rate: u32) -> Self {
        self.0.rate = rate.clamp(1, 60) as i32;
        self
    }

    pub fn without_audio(mut self) -> Self {
        self.0.audio = false;
        self
    }

    pub fn without_video(mut self) -> Self {
        self.0.video = false;
        self
    }

    /// Shares a screen from the beginning, as a second picture in the same connection.
    pub fn with_screen(mut self) -> Self {
        self.0.screen = true;
        self
    }

    /// A browser that offers its tracks one after the other.
    pub fn split_offers(mut self) -> Self {
        self.0.split_offers = true;
        self
    }

    /// Certificates to trust for `wss`, PEM.
    pub fn ca(mut self, pem: &str) -> Self {
        self.0.target.ca_pem = Some(pem.into());
        self
    }

    /// Starts encoding, joins the room and waits for viewers.
    pub fn start(self) -> Result<Publisher, String> {
        let settings = self.0;
        if settings.flavour == Flavour::Sdk && settings.dialect != Dialect::Hosted {
            return Err("the SDK cannot publish in the relay dialect".into());
        }
        gst::init().map_err(|error| error.to_string())?;
        let timeline = Timeline::now();
        let feed = Feed::start(settings.codec, settings.flavour, settings.rate, &timeline)?;
        let feed = Arc::new(feed);
        let status = Arc::<Status>::default();
        let (events, inbox) = smol::channel::unbounded();
        let secret = Secret::new(&settings.password, &settings.salt);
        let wire_stream_id = secret.stream(&settings.stream_id);
        let name = format!("pub-{}", settings.stream_id);
        let (to_thread, feed_of_thread, status_of_thread) =
            (events.clone(), feed.clone(), status.clone());
        let run = move || {
            let executor = Rc::new(LocalExecutor::new());
            let control = Control {
                settings,
                secret,
                status: status_of_thread,
                feed: feed_of_thread,
                timeline,
                executor: executor.clone(),
                events: to_thread,
                socket: None,
                socket_serial: 0,
                carrier: None,
                own_uuid: gst::glib::uuid_string_random().to_string(),
                viewers: BTreeMap::new(),
                peers_made: 0,
            };
            smol::block_on(executor.run(control.run(inbox)));
        };
        let thread = thread::Builder::new().name(name).spawn(run);
        let thread = Some(thread.map_err(|error| error.to_string())?);
        Ok(Publisher {
            wire_stream_id,
            feed,
            status,
            events,
            thread,
        })
    }
}

/// What the control thread tells the handle.
#[derive(Default)]
struct Status {
    log: Log,
    keyframe_requests: AtomicU64,
    shown: Mutex<Shown>,
    changed: Condvar,
}

#[derive(Default)]
struct Shown {
    joined: bool,
    viewers: usize,
    fed: usize,
    complaints: Vec<String>,
    media_request: Option<Value>,
    answer: Option<String>,
}

impl Status {
    fn change(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn set_viewers(&self, viewers: usize, fed: usize) {
        self.change(|shown| (shown.viewers, shown.fed) = (viewers, fed));
    }

    fn set_joined(&self) {
        self.change(|shown| shown.joined = true);
    }

    fn complain(&self, complaint: String) {
        self.change(|shown| shown.complaints.push(complaint));
    }

    fn set_media_request(&self, json: &Value) {
        self.change(|shown| shown.media_request = Some(json.clone()));
    }

    fn set_answer(&self, sdp: &str) {
        self.change(|shown| shown.answer = Some(sdp.into()));
    }
}

/// A running publisher. Dropping it is a crash.
pub struct Publisher {
    wire_stream_id: String,
    feed: Arc<Feed>,
    status: Arc<Status>,
    events: Sender<Event>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Publisher {
    /// A browser with H.264 and Opus and the default password, in the hosted dialect.
    pub fn builder(server: &str, room: &str, stream_id: &str) -> PublisherBuilder {
        PublisherBuilder(Settings {
            target: Target {
                url: server.into(),
                ca_pem: None,
            },
            room: room.into(),
            stream_id: stream_id.into(),
            flavour: Flavour::default(),
            codec: Codec::default(),
            password: Password::default(),
            salt: "vdo.ninja".into(),
            dialect: Dialect::default(),
            label: stream_id.into(),
            rate: 30,
            audio: true,
            video: true,
            screen: false,
            split_offers: false,
        })
    }

    /// The stream ID with the suffix that the password gives it.
    pub fn wire_stream_id(&self) -> &str {
        &self.wire_stream_id
    }

    /// Says `bye` to every viewer and leaves.
    pub fn stop(mut self) {
        self.end(Command::Stop);
    }

    /// Is gone from one moment to the next: no `bye`, sockets and connections simply end.
    pub fn crash(mut self) {
        self.end(Command::Crash);
    }

    /// Leaves with `bye` and comes back at once with a new UUID and new sessions.
    pub fn reload(&self) {
        self.tell(Command::Reload { bye: true });
    }

    /// As [`Publisher::reload`], but nobody is told: the old connections simply end.
    pub fn reload_silently(&self) {
        self.tell(Command::Reload { bye: false });
    }

    /// Closes the websocket only; it is opened again after five seconds, with a new UUID.
    pub fn drop_socket(&self) {
        self.tell(Command::DropSocket);
    }

    /// Says `json` to every viewer on its data channel.
    pub fn tell_viewers(&self, json: Value) {
        self.tell(Command::Tell(json));
    }

    /// Black pictures without a counter, and the message that goes with it.
    pub fn mute_video(&self, muted: bool) {
        self.feed.video.mute(muted);
        self.tell_viewers(json!({"videoMuted": muted}));
    }

    /// Silence, and the message that goes with it.
    pub fn mute_audio(&self, muted: bool) {
        self.feed.audio.mute(muted);
        self.tell_viewers(json!({"muteState": muted}));
    }

    /// No video packets at all until resumed.
    pub fn pause_video(&self, paused: bool) {
        self.feed.video.pause(paused);
    }

    /// No audio packets at all until resumed.
    pub fn pause_audio(&self, paused: bool) {
        self.feed.audio.pause(paused);
    }

    /// Starts to share a screen: a second picture in the same connections, offered to viewers
    /// that allow it.
    pub fn share_screen(&self) {
        self.tell(Command::Add(Kind::Screen));
    }

    /// Switches on a camera that was not there at the start.
    pub fn add_video(&self) {
        self.tell(Command::Add(Kind::Video));
    }

    /// Switches on a microphone that was not there at the start.
    pub fn add_audio(&self) {
        self.tell(Command::Add(Kind::Audio));
    }

    /// Changes the size of the picture.
    pub fn resize(&self, width: i32, height: i32) {
        self.feed.resize(width, height);
    }

    /// Changes the label that viewers show.
    pub fn rename(&self, label: &str) {
        self.tell_viewers(json!({"changeLabel": true, "value": label}));
    }

    /// Connections that exist, in whatever state.
    pub fn viewers(&self) -> usize {
        self.shown().viewers
    }

    /// Video frames that went to at least one viewer.
    pub fn frames_sent(&self) -> u64 {
        self.feed.video.units()
    }

    /// Keyframe requests (PLI or FIR) that viewers sent.
    pub fn keyframe_requests(&self) -> u64 {
        self.status.keyframe_requests.load(Ordering::Relaxed)
    }

    /// What viewers did against the protocol, in order.
    pub fn complaints(&self) -> Vec<String> {
        self.shown().complaints.clone()
    }

    /// The newest media request.
    pub fn media_request(&self) -> Option<Value> {
        self.shown().media_request.clone()
    }

    /// The newest answer.
    pub fn answer(&self) -> Option<String> {
        self.shown().answer.clone()
    }

    /// Waits until a viewer is connected and media flows to it.
    pub fn wait_for_viewer(&self, timeout: Duration) -> Result<(), String> {
        self.wait_until(timeout, "a viewer", |shown| shown.fed > 0)
    }

    /// Waits until the room was joined for the first time.
    pub fn wait_until_joined(&self, timeout: Duration) -> Result<(), String> {
        self.wait_until(timeout, "the room", |shown| shown.joined)
    }

    /// Waits until nobody is connected.
    pub fn wait_for_no_viewer(&self, timeout: Duration) -> Result<(), String> {
        self.wait_until(timeout, "the end of all connections", |shown| {
            shown.viewers == 0
        })
    }

    /// What was said, with the server (`server`) and on the channels (by the viewer's UUID).
    pub fn log(&self) -> Vec<LogEntry> {
        self.status.log.entries()
    }

    /// The conversation and the complaints as text, for the message of a failed assertion.
    pub fn conversation(&self) -> String {
        let lines: String = self
            .log()
            .iter()
            .map(|entry| format!("{entry}\n"))
            .collect();
        format!("{lines}complaints: {:#?}", self.complaints())
    }

    fn wait_until(
        &self,
        timeout: Duration,
        what: &str,
        condition: impl Fn(&Shown) -> bool,
    ) -> Result<(), String> {
        let (shown, _) = self
            .status
            .changed
            .wait_timeout_while(self.shown(), timeout, |shown| !condition(shown))
            .unwrap_or_else(PoisonError::into_inner);
        let met = condition(&shown);
        drop(shown);
        if met {
            return Ok(());
        }
        let id = &self.wire_stream_id;
        Err(format!(
            "{id} waited {timeout:?} for {what}:\n{}",
            self.conversation()
        ))
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.status
            .shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, command: Command) {
        // Fails only when the thread has ended, and then there is nobody to tell.
        let _ = self.events.try_send(Event::Command(command));
    }

    fn end(&mut self, command: Command) {
        self.tell(command);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.end(Command::Crash);
    }
}
