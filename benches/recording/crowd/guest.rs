// SPDX-License-Identifier: MPL-2.0
//! One publisher, and its connection to the newest viewer that has asked for its stream.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smol::channel::Sender;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::media::{Direction, Frequency, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};
use vdoroom_testkit::Codec;
use vdoroom_testkit::publisher::{Encoded, Film};

use crate::scene::Media;

/// An Ethernet's.
const LONGEST_DATAGRAM: usize = 1500;

/// What all of them send.
pub struct Reel {
    video: Vec<Encoded>,
    audio: Vec<Encoded>,
    codec: Codec,
    rate: u32,
}

impl Reel {
    pub fn of(film: &Film, media: &Media) -> Self {
        Self {
            video: film.video(),
            audio: film.audio(),
            codec: media.script.codec,
            rate: media.script.rate,
        }
    }
}

pub struct Guest {
    pub stream_id: String,
    pub socket: Rc<smol::Async<UdpSocket>>,
    address: SocketAddr,
    reel: Rc<Reel>,
    outgoing: Sender<Value>,
    /// When the first frame and the first audio would have been sent.
    begin: Instant,
    frames: u32,
    audio_units: u32,
    /// In the film.
    next_frame: usize,
    wants_keyframe: bool,
    viewer: Option<Viewer>,
}

struct Viewer {
    uuid: String,
    rtc: Rtc,
    deadline: Instant,
    pending: Option<SdpPendingOffer>,
    video: Mid,
    audio: Mid,
    is_connected: bool,
}

impl Guest {
    pub fn new(
        stream_id: String,
        reel: Rc<Reel>,
        outgoing: Sender<Value>,
        begin: Instant,
    ) -> Result<Self, String> {
        let socket = UdpSocket::bind((own_ip(), 0)).map_err(|e| e.to_string())?;
        Ok(Self {
            stream_id,
            address: socket.local_addr().map_err(|e| e.to_string())?,
            socket: Rc::new(smol::Async::new(socket).map_err(|e| e.to_string())?),
            reel,
            outgoing,
            begin,
            frames: 0,
            audio_units: 0,
            next_frame: 0,
            wants_keyframe: false,
            viewer: None,
        })
    }

    /// What the room server passes on.
    pub fn told(&mut self, now: Instant, message: &Value) {
        let told = match message["request"].as_str() {
            Some("offerSDP") => self.offer(now, message["UUID"].as_str().unwrap_or_default()),
            Some(_) => Ok(()),
            None => self.said(message),
        };
        if let Err(error) = told {
            eprintln!("{}: {error}", self.stream_id);
        }
        self.drive(now);
    }

    fn offer(&mut self, now: Instant, uuid: &str) -> Result<(), String> {
        let config = Rtc::builder().clear_codecs().enable_opus(true, false);
        let mut rtc = match self.reel.codec {
            Codec::H264 => config.enable_h264(true),
            _ => config.enable_vp8(true),
        }
        .build(now);
        let host = Candidate::host(self.address, "udp").map_err(|e| e.to_string())?;
        rtc.add_local_candidate(host);
        let mut changes = rtc.sdp_api();
        let video = changes.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let audio = changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        changes.add_channel("sendChannel".into());
        let (offer, pending) = changes.apply().ok_or("nothing to offer")?;
        // Every browser offers reduced-size RTCP (RFC 5506); str0m reads it, and does not say so.
        let mux = "a=rtcp-mux\r\n";
        let offer = offer.to_sdp_string();
        let offer = offer.replace(mux, &format!("{mux}a=rtcp-rsize\r\n"));
        self.say(json!({
            "UUID": uuid,
            "streamID": self.stream_id,
            "description": {"type": "offer", "sdp": offer},
        }));
        self.viewer = Some(Viewer {
            uuid: uuid.into(),
            rtc,
            deadline: now,
            pending: Some(pending),
            video,
            audio,
            is_connected: false,
        });
        Ok(())
    }

    fn said(&mut self, message: &Value) -> Result<(), String> {
        let viewer = self.viewer.as_mut();
        let Some(viewer) = viewer.filter(|one| message["UUID"] == one.uuid) else {
            return Ok(());
        };
        if let Some(answer) = message["description"]["sdp"].as_str()
            && let Some(pending) = viewer.pending.take()
        {
            let answer = SdpAnswer::from_sdp_string(answer).map_err(|e| e.to_string())?;
            let accepted = viewer.rtc.sdp_api().accept_answer(pending, answer);
            accepted.map_err(|e| e.to_string())?;
        }
        let candidates = message["candidates"].as_array().into_iter().flatten();
        for candidate in candidates.filter_map(|one| one["candidate"].as_str()) {
            // Of a kind that it does not know, such as one over TCP.
            if let Ok(candidate) = Candidate::from_sdp_string(candidate) {
                viewer.rtc.add_remote_candidate(candidate);
            }
        }
        Ok(())
    }

    fn say(&self, message: Value) {
        // Fails when it has lost the server, which has told.
        let _ = self.outgoing.try_send(message);
    }

    /// What has come by UDP.
    pub fn receive(&mut self, now: Instant) {
        let mut bytes = [0; LONGEST_DATAGRAM];
        while let Ok((length, from)) = self.socket.get_ref().recv_from(&mut bytes) {
            let Some(viewer) = &mut self.viewer else {
                continue;
            };
            let datagram = Receive::new(Protocol::Udp, from, self.address, &bytes[..length]);
            let Ok(datagram) = datagram else {
                continue;
            };
            let input = Input::Receive(now, datagram);
            if viewer.rtc.accepts(&input)
                && let Err(error) = viewer.rtc.handle_input(input)
            {
                eprintln!("{}: {error}", self.stream_id);
            }
            self.drive(now);
        }
    }

    /// Sends what is due.
    pub fn tick(&mut self, now: Instant) {
        let (video, audio) = (self.frame_due(now), self.audio_due(now));
        let is_due = self.viewer.as_ref().is_some_and(|one| now >= one.deadline);
        if video.is_none() && audio.is_none() && !is_due {
            return;
        }
        if let Some(viewer) = self.viewer.as_mut().filter(|one| one.is_connected) {
            let reel = &self.reel;
            for (mid, due) in [(viewer.video, video), (viewer.audio, audio)] {
                let Some((number, at, time)) = due else {
                    continue;
                };
                let units = if mid == viewer.video {
                    &reel.video
                } else {
                    &reel.audio
                };
                let Some(writer) = viewer.rtc.writer(mid) else {
                    continue;
                };
                let payload = writer.payload_params().next().map(|one| one.pt());
                if let Some(payload) = payload
                    && let Err(error) = writer.write(payload, at, time, units[number].data.clone())
                {
                    eprintln!("{}: {error}", self.stream_id);
                }
            }
        }
        if let Some(viewer) = &mut self.viewer
            && let Err(error) = viewer.rtc.handle_input(Input::Timeout(now))
        {
            eprintln!("{}: {error}", self.stream_id);
        }
        self.drive(now);
    }

    /// The frame that is to be sent, and its time.
    fn frame_due(&mut self, now: Instant) -> Option<(usize, Instant, MediaTime)> {
        let at = self.begin + Duration::from_secs(1) * self.frames / self.reel.rate;
        if now < at {
            return None;
        }
        let ticks = u64::from(self.frames) * 90_000 / u64::from(self.reel.rate);
        self.frames += 1;
        let video = &self.reel.video;
        if std::mem::take(&mut self.wants_keyframe) {
            let further = self.next_frame..self.next_frame + video.len();
            let keyframe = further
                .into_iter()
                .find(|n| video[n % video.len()].is_keyframe);
            self.next_frame = keyframe.unwrap_or(self.next_frame);
        }
        let number = self.next_frame % video.len();
        self.next_frame = number + 1;
        Some((number, at, MediaTime::new(ticks, Frequency::NINETY_KHZ)))
    }

    fn audio_due(&mut self, now: Instant) -> Option<(usize, Instant, MediaTime)> {
        let unit = Duration::from(Film::AUDIO_UNIT);
        let at = self.begin + unit * self.audio_units;
        if now < at {
            return None;
        }
        let ticks = u64::from(self.audio_units) * unit.as_millis() as u64 * 48;
        let number = self.audio_units as usize % self.reel.audio.len();
        self.audio_units += 1;
        Some((
            number,
            at,
            MediaTime::new(ticks, Frequency::FORTY_EIGHT_KHZ),
        ))
    }

    /// Does what the connection wants.
    fn drive(&mut self, now: Instant) {
        let Some(viewer) = &mut self.viewer else {
            return;
        };
        loop {
            match viewer.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    viewer.deadline = at.max(now);
                    return;
                }
                Ok(Output::Transmit(datagram)) => {
                    let socket = self.socket.get_ref();
                    // What cannot be sent is lost.
                    let _ = socket.send_to(&datagram.contents, datagram.destination);
                }
                Ok(Output::Event(Event::Connected)) => {
                    viewer.is_connected = true;
                    self.wants_keyframe = true;
                }
                Ok(Output::Event(Event::KeyframeRequest(_))) => self.wants_keyframe = true,
                Ok(Output::Event(Event::ChannelData(data))) => {
                    if let Some(reply) = reply(&data.data) {
                        write(&mut viewer.rtc, data.id, &reply);
                    }
                }
                Ok(Output::Event(_)) => {}
                Err(error) => {
                    eprintln!("{}: {error}", self.stream_id);
                    self.viewer = None;
                    return;
                }
            }
        }
    }
}

/// The address by which this machine reaches others: webrtcbin has no use for one of loopback.
fn own_ip() -> IpAddr {
    let ip = || -> io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // Nothing is sent. The address is one of documentation (RFC 5737).
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        Ok(socket.local_addr()?.ip())
    };
    ip().unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// A recorder asks whether its publisher is still there.
fn reply(text: &[u8]) -> Option<Value> {
    let message: Value = serde_json::from_slice(text).ok()?;
    Some(json!({"pong": message.get("ping")?}))
}

fn write(rtc: &mut Rtc, channel: ChannelId, message: &Value) {
    if let Some(mut channel) = rtc.channel(channel) {
        // What cannot be sent is lost: the recorder asks again.
        let _ = channel.write(false, message.to_string().as_bytes());
    }
}
