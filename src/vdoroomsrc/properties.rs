// SPDX-License-Identifier: MPL-2.0
//! The element's properties: what gst-inspect shows of them, and GObject's way to their values.

use std::path::PathBuf;

use gst::glib;
use gst::prelude::*;
use gst_webrtc::WebRTCICETransportPolicy;
use once_cell::sync::Lazy;

use super::ice;
use super::settings::*;
use crate::protocol::Shard;

/// Where a set property has to be heard while the element runs.
pub(super) enum Changed {
    Nothing,
    Filter,
    Bitrates,
    KeyframeInterval,
}

fn string(name: &str, default: Option<&str>, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .blurb(blurb)
        .default_value(default)
        .mutable_ready()
        .build()
}

fn boolean(name: &str, default: bool, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecBoolean::builder(name)
        .blurb(blurb)
        .default_value(default)
        .mutable_ready()
        .build()
}

fn strings(name: &str, blurb: &str, playing: bool) -> glib::ParamSpec {
    let element = glib::ParamSpecString::builder("item")
        .nick("Item")
        .blurb("One item")
        .build();
    let builder = gst::ParamSpecArray::builder(name)
        .blurb(blurb)
        .element_spec(&element);
    match playing {
        true => builder.mutable_playing().build(),
        false => builder.mutable_ready().build(),
    }
}

fn milliseconds(name: &str, default: u32, minimum: u32, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecUInt::builder(name)
        .blurb(blurb)
        .minimum(minimum)
        .default_value(default)
        .mutable_ready()
        .build()
}

fn port(name: &str, default: u32, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecUInt::builder(name)
        .blurb(blurb)
        .maximum(LAST_PORT)
        .default_value(default)
        .mutable_ready()
        .build()
}

fn kilobits(name: &str, maximum: u32, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecUInt::builder(name)
        .blurb(blurb)
        .maximum(maximum)
        .mutable_playing()
        .build()
}

pub(super) static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
    vec![
        string("server", Some(DEFAULT_SERVER), "Room server to connect to, as a ws:// or wss:// URL"),
        string("room", None, "Room to join, as people type it; without one the IDs in streams are played directly"),
        string("password", None, "Password of the room (unset: the protocol's well-known default password; false, 0 or off: no password and no encryption; reads back as *** when set)"),
        string("password-env", None, "Name of an environment variable to read the password from, which keeps it out of command lines and logs"),
        string("salt", Some(DEFAULT_SALT), "Salt of the password hash: the host name of the web page that the guests use (vdo.ninja for vdo.ninja, localhost and IP addresses)"),
        glib::ParamSpecEnum::builder_with_default("dialect", Dialect::Auto)
            .blurb("How the room server speaks")
            .mutable_ready()
            .build(),
        boolean("accept-unencrypted", false, "With a password of one's own, take offers and candidates in clear (with the default password they are always taken)"),
        strings("streams", "Stream IDs to receive, as people see them, with the wildcards * and ? (empty: all)", true),
        strings("exclude-streams", "Stream IDs not to receive, with the wildcards * and ?", true),
        glib::ParamSpecUInt::builder("max-streams")
            .blurb("How many streams to receive at the same time; further ones wait until one leaves (0 = no limit)")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("shard-index")
            .blurb("Which of the shard-count recorders of a room this one is, from 0 to shard-count - 1: it receives the streams that fall to it")
            .maximum(Shard::MAX - 1)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("shard-count")
            .blurb("How many recorders divide the streams of the room among themselves, each with a shard-index of its own (1 = this one receives all)")
            .minimum(1)
            .maximum(Shard::MAX)
            .default_value(1)
            .mutable_ready()
            .build(),
        boolean("receive-audio", true, "Ask publishers for audio"),
        boolean("receive-video", true, "Ask publishers for video"),
        boolean("receive-screen", true, "Ask publishers for a screen share that they send beside the camera"),
        strings("video-codecs", "Names of accepted video codecs by preference, of H264, H265, VP8, VP9 and AV1 (empty: all that this GStreamer can depayload, in the publisher's order)", false),
        strings("audio-codecs", "Names of accepted audio codecs by preference, of OPUS, G722, PCMU and PCMA (empty: all, in the publisher's order)", false),
        kilobits("video-bitrate", MAX_VIDEO_BITRATE, "Highest bitrate in kbit/s that publishers are asked to encode each video with (0 = leave it to them: browsers take 2500 or so; at 600 and below they send smaller pictures)"),
        kilobits("audio-bitrate", MAX_AUDIO_BITRATE, "Bitrate in kbit/s that publishers are asked to encode sound with (0 = leave it to them: browsers take 64 or so for stereo)"),
        glib::ParamSpecUInt::builder("keyframe-interval")
            .blurb("Longest time between keyframes in milliseconds, asked for by PLI (0 = only when one is needed)")
            .default_value(DEFAULT_KEYFRAME_INTERVAL)
            .mutable_playing()
            .build(),
        boolean("wait-for-keyframe", true, "After a loss, hold video back until the next keyframe (false: it goes on, marked as corrupted until then)"),
        string("stun-server", None, "STUN server of every connection, as stun://HOST:PORT or stun:HOST:PORT (unset: none)"),
        strings("turn-servers", "TURN servers of every connection, as turn(s)://USER:PASSWORD@HOST:PORT?transport=udp|tcp or, with turn-user and turn-password, turn(s):HOST:PORT?transport=udp|tcp (credentials read back as ***)", false),
        string("turn-user", None, "User name for the TURN servers that name none"),
        string("turn-password", None, "Password for the TURN servers that name none (reads back as *** when set)"),
        glib::ParamSpecEnum::builder_with_default("ice-transport-policy", WebRTCICETransportPolicy::All)
            .blurb("Which ICE candidates may be used: all, or relay for those of the TURN servers only")
            .mutable_ready()
            .build(),
        port("min-rtp-port", 0, "First local UDP port of ICE candidates (0 with the default of max-rtp-port: any port; 0 with another: 1024)"),
        port("max-rtp-port", LAST_PORT, "Last local UDP port of ICE candidates"),
        milliseconds("latency", DEFAULT_LATENCY, 0, "Time in milliseconds that the jitterbuffer waits for late packets"),
        boolean("do-retransmission", true, "Ask for lost packets again (NACK and RTX)"),
        milliseconds("stream-timeout", DEFAULT_STREAM_TIMEOUT, 1_000, "Time in milliseconds without media on any track after which a connection is ended and asked for again"),
        milliseconds("rejoin-window", 0, 0, "Time in milliseconds for which the pads of a connection that has ended wait for the stream's next one, so that what is linked to them goes on (0: they end with the connection; a change of codec ends them too)"),
        string("cafile", None, "PEM file with the certificate authorities to believe instead of the system's, for the room server and for TURN servers over TLS"),
        boolean("insecure-tls", false, "Take any certificate of the room server and of TURN servers"),
        string("label", Some(DEFAULT_LABEL), "Name that people in the room see"),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .blurb("The room and each stream, in numbers: state, codec, packets, loss, keyframes and times")
            .read_only()
            .build(),
    ]
});

fn texts(value: &glib::Value) -> Vec<String> {
    value
        .get::<gst::Array>()
        .map(|array| array.iter().filter_map(|item| item.get().ok()).collect())
        .unwrap_or_default()
}

fn array<'a>(items: impl IntoIterator<Item = &'a str>) -> glib::Value {
    gst::Array::new(items.into_iter().map(|item| item.to_send_value())).to_value()
}

fn hidden(secret: &Option<Secret>) -> glib::Value {
    secret.as_ref().map(|_| "***").to_value()
}

/// GObject has checked type and range before these are called.
impl Settings {
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> Changed {
        fn get<'a, T: glib::value::FromValue<'a>>(value: &'a glib::Value) -> Option<T>
        where
            <T as glib::value::FromValue<'a>>::Checker:
                glib::value::ValueTypeChecker<Error = glib::value::ValueTypeMismatchError>,
        {
            value.get().ok()
        }
        let text = || value.get::<Option<String>>().ok().flatten();
        let or_default = |default: &str| text().unwrap_or_else(|| default.into());
        let flag = || get::<bool>(value).unwrap_or_default();
        let number = || get::<u32>(value).unwrap_or_default();
        match name {
            "server" => self.server = or_default(DEFAULT_SERVER),
            "room" => self.room = text().filter(|room| !room.trim().is_empty()),
            "password" => self.password = text().map(Secret),
            "password-env" => self.password_env = text(),
            "salt" => self.salt = or_default(DEFAULT_SALT),
            "dialect" => self.dialect = get(value).unwrap_or_default(),
            "accept-unencrypted" => self.accept_unencrypted = flag(),
            "streams" => {
                self.streams = texts(value);
                return Changed::Filter;
            }
            "exclude-streams" => {
                self.exclude_streams = texts(value);
                return Changed::Filter;
            }
            "max-streams" => self.max_streams = number(),
            "shard-index" => self.shard_index = number(),
            "shard-count" => self.shard_count = number(),
            "receive-audio" => self.receive_audio = flag(),
            "receive-video" => self.receive_video = flag(),
            "receive-screen" => self.receive_screen = flag(),
            "video-codecs" => self.video_codecs = texts(value),
            "audio-codecs" => self.audio_codecs = texts(value),
            "video-bitrate" => {
                self.video_bitrate = number();
                return Changed::Bitrates;
            }
            "audio-bitrate" => {
                self.audio_bitrate = number();
                return Changed::Bitrates;
            }
            "keyframe-interval" => {
                self.keyframe_interval = number();
                return Changed::KeyframeInterval;
            }
            "wait-for-keyframe" => self.wait_for_keyframe = flag(),
            "stun-server" => self.stun_server = text().filter(|server| !server.is_empty()),
            "turn-servers" => {
                self.turn_servers = texts(value).into_iter().map(Secret).collect();
            }
            "turn-user" => self.turn_user = text(),
            "turn-password" => self.turn_password = text().map(Secret),
            "ice-transport-policy" => {
                self.ice_transport_policy = value.get().unwrap_or(WebRTCICETransportPolicy::All);
            }
            "min-rtp-port" => self.min_rtp_port = number(),
            "max-rtp-port" => self.max_rtp_port = number(),
            "latency" => self.latency = number(),
            "do-retransmission" => self.do_retransmission = flag(),
            "stream-timeout" => self.stream_timeout = number(),
            "rejoin-window" => self.rejoin_window = number(),
            "cafile" => self.cafile = text().filter(|path| !path.is_empty()).map(PathBuf::from),
            "insecure-tls" => self.insecure_tls = flag(),
            "label" => self.label = or_default(DEFAULT_LABEL),
            _ => {}
        }
        Changed::Nothing
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "server" => ice::without_credentials(&self.server).to_value(),
            "room" => self.room.to_value(),
            "password" => hidden(&self.password),
            "password-env" => self.password_env.to_value(),
            "salt" => self.salt.to_value(),
            "dialect" => self.dialect.to_value(),
            "accept-unencrypted" => self.accept_unencrypted.to_value(),
            "streams" => array(self.streams.iter().map(String::as_str)),
            "exclude-streams" => array(self.exclude_streams.iter().map(String::as_str)),
            "max-streams" => self.max_streams.to_value(),
            "shard-index" => self.shard_index.to_value(),
            "shard-count" => self.shard_count.to_value(),
            "receive-audio" => self.receive_audio.to_value(),
            "receive-video" => self.receive_video.to_value(),
            "receive-screen" => self.receive_screen.to_value(),
            "video-codecs" => array(self.video_codecs.iter().map(String::as_str)),
            "audio-codecs" => array(self.audio_codecs.iter().map(String::as_str)),
            "video-bitrate" => self.video_bitrate.to_value(),
            "audio-bitrate" => self.audio_bitrate.to_value(),
            "keyframe-interval" => self.keyframe_interval.to_value(),
            "wait-for-keyframe" => self.wait_for_keyframe.to_value(),
            "stun-server" => self.stun_server.to_value(),
            "turn-servers" => {
                let shown: Vec<_> = self
                    .turn_servers
                    .iter()
                    .map(|server| ice::without_credentials(&server.0))
                    .collect();
                array(shown.iter().map(String::as_str))
            }
            "turn-user" => self.turn_user.to_value(),
            "turn-password" => hidden(&self.turn_password),
            "ice-transport-policy" => self.ice_transport_policy.to_value(),
            "min-rtp-port" => self.min_rtp_port.to_value(),
            "max-rtp-port" => self.max_rtp_port.to_value(),
            "latency" => self.latency.to_value(),
            "do-retransmission" => self.do_retransmission.to_value(),
            "stream-timeout" => self.stream_timeout.to_value(),
            "rejoin-window" => self.rejoin_window.to_value(),
            "cafile" => self
                .cafile
                .as_ref()
                .and_then(|path| path.to_str())
                .to_value(),
            "insecure-tls" => self.insecure_tls.to_value(),
            "label" => self.label.to_value(),
            _ => return None,
        })
    }
}
