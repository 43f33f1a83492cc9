// SPDX-License-Identifier: MPL-2.0
//! A real Chromium that publishes its fake camera and microphone through `publisher.html`; or one
//! that opens any page ([`Browser`]).
//!
//! The publishing page is opened from a file in a profile folder made for it, and tells what happens over a
//! websocket of the helper's, which also carries commands to it.
//!
//! Tests call this on any thread. A thread of the helper's reads what the page reports.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use async_tungstenite::tungstenite::{Message, WebSocket, accept, http::Uri, protocol::Role};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

mod devtools;
pub mod firefox;
mod process;

pub use devtools::{Browser, Page};
pub use process::is_installed;

use firefox::Firefox;

const PAGE: &str = include_str!("publisher.html");
/// What the page has in common with the one that the room server shows.
const SCRIPT: &str = include_str!("../../../vdoroom-server/src/pages/publisher.js");

/// What the page is to publish.
pub struct ChromiumBuilder {
    /// The server's host.
    host: String,
    parameters: Vec<(&'static str, String)>,
    trust_any_certificate: bool,
    /// Firefox opens the page, not Chromium.
    in_firefox: bool,
    /// What differs in the tabs beside the first.
    tabs: Vec<[(&'static str, String); 2]>,
}

impl ChromiumBuilder {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    /// `VP8`, `VP9`, `H264` or `AV1`; without it the browser offers all it has.
    pub fn codec(self, name: &str) -> Self {
        self.with("codec", name)
    }

    /// How the `profile-level-id` begins of what is offered of `H264`.
    pub fn profile(self, prefix: &str) -> Self {
        self.with("profile", prefix)
    }

    /// A password of the room's own, or `off`.
    pub fn password(self, password: &str) -> Self {
        self.with("password", password)
    }

    pub fn label(self, label: &str) -> Self {
        self.with("label", label)
    }

    /// Speaks the relay dialect.
    pub fn relay(self) -> Self {
        self.with("dialect", "relay")
    }

    /// Size and rate; 320x180 at 20 by default.
    pub fn video(self, width: u32, height: u32, rate: u32) -> Self {
        self.with("width", &width.to_string())
            .with("height", &height.to_string())
            .with("rate", &rate.to_string())
    }

    /// A tone on the left and silence on the right, in the place of the microphone.
    pub fn stereo(self) -> Self {
        self.with("stereo", "true")
    }

    /// Offers audio and video whatever the viewer asks for.
    pub fn eager(self) -> Self {
        self.with("eager", "true")
    }

    /// Offers video and audio together with the data channel, and before it.
    pub fn media_first(self) -> Self {
        self.with("first", "video")
    }

    /// The same, audio before video.
    pub fn audio_first(self) -> Self {
        self.with("first", "audio")
    }

    /// Encrypts each frame from end to end, as VDO.Ninja's page does with `&e2ee`.
    pub fn e2ee(self) -> Self {
        self.with("e2ee", "true")
    }

    /// Begins the DTLS handshake: its offers leave the recorder no other role than the server's (RFC
    /// 8842).
    pub fn dtls_client(self) -> Self {
        self.with("dtls", "client")
    }

    /// Sends the video in several sizes: their rids, and by what each divides width and height, as
    /// in `q4 h2 f1`.
    pub fn simulcast(self, layers: &str) -> Self {
        self.with("simulcast", layers)
    }

    /// Sends the video in layers, as in `L3T3_KEY` (W3C, Scalable Video Coding for WebRTC).
    pub fn scalability(self, mode: &str) -> Self {
        self.with("scalability", mode)
    }

    /// A further tab publishes another stream with this codec. It tells nothing of what happens.
    pub fn tab(mut self, stream_id: &str, codec: &str) -> Self {
        self.tabs
            .push([("stream", stream_id.into()), ("codec", codec.into())]);
        self
    }

    /// The query of the page's address; of what is given twice the last counts.
    fn query<'a>(&'a self, further: impl Iterator<Item = &'a (&'static str, String)>) -> String {
        let parameters: BTreeMap<_, _> = self
            .parameters
            .iter()
            .chain(further)
            .map(|(name, value)| (*name, value))
            .collect();
        let words = parameters.iter().map(|(name, value)| {
            format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
        });
        words.collect::<Vec<_>>().join("&")
    }

    /// Has Firefox publish instead, which has neither H.264 nor tabs here.
    pub fn in_firefox(mut self) -> Self {
        self.in_firefox = true;
        self
    }

    /// Accepts the server's certificate whatever it is.
    pub fn trust_any_certificate(mut self) -> Self {
        self.trust_any_certificate = true;
        self
    }

    /// Starts Chromium and opens the page.
    pub fn start(self) -> Result<Chromium, String> {
        let failed = |error: io::Error| error.to_string();
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        let report = format!("ws://{}", listener.local_addr().map_err(failed)?);
        let shared = Arc::<Shared>::default();
        let listening = shared.clone();
        thread::spawn(move || listening.serve(&listener));

        let profile = match self.in_firefox {
            true => firefox::profile(),
            false => process::profile(),
        };
        let profile = profile.map_err(failed)?;
        let page = profile.join("publisher.html");
        fs::write(&page, PAGE).map_err(failed)?;
        fs::write(profile.join("publisher.js"), SCRIPT).map_err(failed)?;
        let tabs: Vec<String> = self.tabs.iter().map(|tab| self.query(tab.iter())).collect();
        let own = [("report", report), ("tabs", tabs.join(" "))];
        let query = self.query(own.iter());
        let url = format!("file://{}?{query}", page.display());
        if self.in_firefox {
            return Ok(Chromium {
                _process: Box::new(Firefox::start(profile, &url)?),
                shared,
            });
        }
        let mut arguments = vec![url];
        if self.trust_any_certificate {
            arguments.push("--ignore-certificate-errors".into());
        }
        let hosts = ["localhost", "127.0.0.1", &self.host];
        let mut process = process::start(profile, &hosts, &arguments)?;
        if let Some(mut said) = process.stderr() {
            thread::spawn(move || io::copy(&mut said, &mut io::sink()));
        }
        Ok(Chromium {
            _process: Box::new(process),
            shared,
        })
    }
}

#[derive(Default)]
struct Shared {
    events: Mutex<Vec<Value>>,
    changed: Condvar,
    /// The newest page's socket, for commands.
    page: Mutex<Option<TcpStream>>,
}

impl Shared {
    fn events(&self) -> MutexGuard<'_, Vec<Value>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Takes one page after the other; a reloaded one connects anew.
    fn serve(&self, listener: &TcpListener) {
        for tcp in listener.incoming().flatten() {
            if let (Ok(to_page), Ok(socket)) = (tcp.try_clone(), accept(tcp)) {
                *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(to_page);
                self.read(socket);
            }
        }
    }

    fn read(&self, mut socket: WebSocket<TcpStream>) {
        while let Ok(message) = socket.read() {
            if let Message::Text(text) = message
                && let Ok(event) = serde_json::from_str(&text)
            {
                self.events().push(event);
                self.changed.notify_all();
            }
        }
    }
}

/// A running Chromium. Dropping it kills it.
pub struct Chromium {
    _process: Box<dyn Send>,
    shared: Arc<Shared>,
}

impl Chromium {
    /// A page that publishes `stream_id` with the default password and all its codecs.
    pub fn builder(server: &str, room: &str, stream_id: &str) -> ChromiumBuilder {
        let server_url: Option<Uri> = server.parse().ok();
        let host = server_url.as_ref().and_then(Uri::host).unwrap_or_default();
        let builder = ChromiumBuilder {
            host: host.into(),
            parameters: vec![],
            trust_any_certificate: false,
            in_firefox: false,
            tabs: vec![],
        };
        builder
            .with("server", server)
            .with("room", room)
            .with("stream", stream_id)
    }

    /// Waits for an event of the page: `codecs`, `joined`, `state`, `track`, `estimate`, `limit`,
    /// `sending`, `closed`, `complaint`, `error`. The error names all events so far.
    pub fn wait_for(
        &self,
        timeout: Duration,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<Value, String> {
        self.wait_from(0, timeout, condition)
    }

    /// The same, of what happens from now on.
    pub fn wait_for_next(
        &self,
        timeout: Duration,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<Value, String> {
        let now = self.shared.events().len();
        self.wait_from(now, timeout, condition)
    }

    fn wait_from(
        &self,
        first: usize,
        timeout: Duration,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<Value, String> {
        let (events, _) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.events(), timeout, |events| {
                !events.iter().skip(first).any(&condition)
            })
            .unwrap_or_else(PoisonError::into_inner);
        let found = events
            .iter()
            .skip(first)
            .find(|event| condition(event))
            .cloned();
        let lines = || {
            events
                .iter()
                .map(|event| format!("{event}\n"))
                .collect::<String>()
        };
        found.ok_or_else(|| format!("the page reported within {timeout:?} only:\n{}", lines()))
    }

    /// The MIME types of all video codecs that this build can send.
    pub fn video_codecs(&self, timeout: Duration) -> Result<Vec<String>, String> {
        let event = self.wait_for(timeout, |event| event["event"] == "codecs")?;
        let names = event["codecs"].as_array().into_iter().flatten();
        Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    pub fn wait_until_joined(&self, timeout: Duration) -> Result<(), String> {
        self.wait_for(timeout, |event| event["event"] == "joined")
            .map(drop)
    }

    /// Waits until a viewer is connected.
    pub fn wait_for_viewer(&self, timeout: Duration) -> Result<(), String> {
        let connected = |event: &Value| event["state"] == "connected";
        self.wait_for(timeout, connected).map(drop)
    }

    /// Waits until video is sent; the report says which codec, and how much.
    pub fn wait_until_sending(&self, timeout: Duration) -> Result<Value, String> {
        let sends = |event: &Value| {
            event["event"] == "sending" && event["kind"] == "video" && event["codec"].is_string()
        };
        self.wait_for(timeout, sends)
    }

    /// What viewers did against the protocol, and errors of the page.
    pub fn complaints(&self) -> Vec<Value> {
        let bad = |event: &&Value| matches!(event["event"].as_str(), Some("complaint" | "error"));
        self.shared.events().iter().filter(bad).cloned().collect()
    }

    /// Everything that the page reported.
    pub fn events(&self) -> Vec<Value> {
        self.shared.events().clone()
    }

    /// Has the page say `bye` and close its connections.
    pub fn hang_up(&self) {
        self.command("stop", &Value::Null);
    }

    /// Has the page restart ICE in all connections.
    pub fn restart_ice(&self) {
        self.command("restart-ice", &Value::Null);
    }

    pub fn reload(&self) {
        self.command("reload", &Value::Null);
    }

    pub fn mute_video(&self, muted: bool) {
        self.command("mute-video", &json!(muted));
    }

    pub fn mute_audio(&self, muted: bool) {
        self.command("mute-audio", &json!(muted));
    }

    /// Has the camera deliver other frames, as when the page's settings are changed.
    pub fn constrain(&self, width: u32, height: u32) {
        self.command("constrain", &size(width, height));
    }

    /// Sends another camera in the place of the first.
    pub fn replace_camera(&self, width: u32, height: u32) {
        self.command("replace", &size(width, height));
    }

    /// Stops the transceivers of `audio` or `video` for good, and offers that.
    pub fn stop_transceivers(&self, kind: &str) {
        self.command("stop-transceivers", &json!(kind));
    }

    /// Gives the transceivers of `audio` or `video` another direction, and offers that.
    pub fn direct_transceivers(&self, kind: &str, direction: &str) {
        let value = json!({"kind": kind, "direction": direction});
        self.command("direct-transceivers", &value);
    }

    /// Has the page say `json` to all viewers on their channels.
    pub fn tell_viewers(&self, json: &Value) {
        self.command("say", json);
    }

    fn command(&self, name: &str, value: &Value) {
        let mut page = self
            .shared
            .page
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(tcp) = page.take() {
            let mut socket = WebSocket::from_raw_socket(tcp, Role::Server, None);
            let text = json!({"name": name, "value": value}).to_string();
            // Fails only when the page has gone.
            let _ = socket.send(Message::text(text));
            *page = socket.get_ref().try_clone().ok();
        }
    }
}

fn size(width: u32, height: u32) -> Value {
    json!({"width": {"exact": width}, "height": {"exact": height}})
}
