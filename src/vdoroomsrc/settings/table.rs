// SPDX-License-Identifier: MPL-2.0
//! The table of properties: what the element has settings for, what they are at first, and what
//! GObject shows of them.

use std::ops::RangeInclusive;

use gst::glib;
use gst::prelude::*;
use gst_webrtc::WebRTCICETransportPolicy;
use once_cell::sync::Lazy;

use super::field::{Field, is_blank, never};
use super::types::{Dialect, Engine, Secret};
use crate::protocol::Shard;

pub(crate) const DOC_URI: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/main/docs/vdoroomsrc.md#properties-of-vdoroomsrc"
);

const ANY: RangeInclusive<u32> = 0..=u32::MAX;
const PORTS: RangeInclusive<u32> = 0..=65_535;
/// In kbit/s: more than any encoder at a publisher takes.
pub(crate) const VIDEO_BITRATES: RangeInclusive<u32> = 0..=200_000;
/// RFC 7587 section 6.1.
pub(crate) const AUDIO_BITRATES: RangeInclusive<u32> = 0..=510;

/// Where a set property has to be heard while the element runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// Nowhere: it may be set until READY only.
    Nothing,
    Filter,
    Bitrates,
    KeyframeInterval,
    Latency,
}

struct Property {
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
    field: Field<Settings>,
    heard: Changed,
}

/// Name and nick of a property, its setting with type and default, how that is read and where it is
/// heard while the element runs; and the blurb.
macro_rules! settings {
    ($($name:literal, $nick:literal, $setting:ident: $type:ty = $default:expr,
       $field:ident $(($extra:expr))? $(=> $heard:ident)?; $blurb:literal,)*) => {
        #[derive(Clone, Debug)]
        pub(crate) struct Settings {
            $(pub $setting: $type,)*
            /// What was set by it can be changed by properties; then it is forgotten.
            pub uri: Option<String>,
            /// The URI names one stream.
            pub one_stream: bool,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $($setting: $default,)*
                    uri: None,
                    one_stream: false,
                }
            }
        }

        static TABLE: &[Property] = &[$(Property {
            name: $name,
            nick: $nick,
            blurb: $blurb,
            field: Field::$field($($extra,)? |settings| &mut settings.$setting),
            heard: settings!(@ $($heard)?),
        },)*];
    };
    (@) => { Changed::Nothing };
    (@ $heard:ident) => { Changed::$heard };
}

settings! {
    "server", "Server", server: String = "ws://127.0.0.1:8443".into(), Address;
        "URL of the room server, ws:// or wss:// (user and password in it are not read back)",
    "room", "Room", room: Option<String> = None, Optional(is_blank);
        "Name of the room to join, as people type it (unset: the IDs in streams are received \
         without a room)",
    "password", "Password", password: Option<Secret> = None, Secret(never);
        "Password of the room (unset: the protocol's well-known default password; false, 0 or \
         off: no password and no encryption; reads back as *** when set)",
    "password-env", "Password variable", password_env: Option<String> = None, Optional(never);
        "Name of the environment variable that holds the password, which keeps it out of command \
         lines and logs (password takes precedence)",
    "salt", "Salt", salt: String = "vdo.ninja".into(), Text;
        "Salt of the password, the host name of the guests' web page (vdo.ninja also stands for \
         localhost and IP addresses)",
    "token", "Token", token: Option<Secret> = None, Secret(str::is_empty);
        "Token of the room: the value of &token= in the address of the guests' page; with a \
         password, it makes another room of the same name (unset: none; reads back as *** when \
         set)",
    "dialect", "Dialect", dialect: Dialect = Dialect::Auto, Dialect;
        "Dialect of the room server: it tracks rooms (hosted), or only relays messages (relay)",
    "accept-unencrypted", "Accept unencrypted", accept_unencrypted: bool = false, Flag;
        "Whether to accept unencrypted offers and candidates although a password is set (with \
         the default password they are always accepted)",
    "streams", "Streams", streams: Vec<String> = Vec::new(), Texts("Stream ID") => Filter;
        "IDs of the streams to receive, as people see them, with the wildcards * and ? (empty: \
         all)",
    "exclude-streams", "Excluded streams", exclude_streams: Vec<String> = Vec::new(),
        Texts("Stream ID") => Filter;
        "IDs of the streams not to receive, as people see them, with the wildcards * and ? \
         (empty: none)",
    "max-streams", "Maximum streams", max_streams: u32 = 0, Number(ANY);
        "Maximum number of streams at a time; further ones wait until one leaves (0 = no limit)",
    "shard-index", "Shard index", shard_index: u32 = 0, Number(0..=Shard::MAX - 1);
        "Index of this recorder among the shard-count recorders that share the room, from 0 to \
         shard-count - 1",
    "shard-count", "Shard count", shard_count: u32 = 1, Number(1..=Shard::MAX);
        "Number of recorders that share the room, each with a shard-index of its own (1 = this \
         one receives all streams)",
    "receive-audio", "Receive audio", receive_audio: bool = true, Flag;
        "Whether to request audio",
    "receive-video", "Receive video", receive_video: bool = true, Flag;
        "Whether to request camera video",
    "receive-screen", "Receive screen", receive_screen: bool = true, Flag;
        "Whether to request a shared screen that is sent beside the camera",
    "video-codecs", "Video codecs", video_codecs: Vec<String> = Vec::new(), Texts("Codec");
        "Accepted video codecs, by preference, of H264, H265, VP8, VP9 and AV1 (empty: all that \
         this GStreamer can depayload, in the publisher's order)",
    "audio-codecs", "Audio codecs", audio_codecs: Vec<String> = Vec::new(), Texts("Codec");
        "Accepted audio codecs, by preference, of OPUS, G722, PCMU and PCMA (empty: all, in the \
         publisher's order)",
    "video-bitrate", "Video bitrate", video_bitrate: u32 = 0, Number(VIDEO_BITRATES) => Bitrates;
        "Video bitrate to request, in kbit/s, an upper limit (0 = the publisher decides: \
         browsers send about 2500; at 600 and below they reduce the resolution)",
    "audio-bitrate", "Audio bitrate", audio_bitrate: u32 = 0, Number(AUDIO_BITRATES) => Bitrates;
        "Audio bitrate to request, in kbit/s (0 = the publisher decides: browsers send about 64 \
         for stereo)",
    "keyframe-interval", "Keyframe interval", keyframe_interval: u32 = 10_000,
        Number(ANY) => KeyframeInterval;
        "Longest time between keyframes in milliseconds, after which one is requested by PLI (0 \
         = only when one is needed)",
    "wait-for-keyframe", "Wait for keyframe", wait_for_keyframe: bool = true, Flag;
        "Whether to drop video after a loss until the next keyframe (false: damaged frames are \
         passed on, marked as corrupted)",
    "stun-server", "STUN server", stun_server: Option<String> = None, Optional(str::is_empty);
        "STUN server for every connection, as stun://HOST:PORT or stun:HOST:PORT (unset: none)",
    "turn-servers", "TURN servers", turn_servers: Vec<Secret> = Vec::new(),
        Addresses("TURN server");
        "TURN servers for every connection, as \
         turn(s)://USER:PASSWORD@HOST:PORT?transport=udp|tcp or, with turn-user and \
         turn-password, turn(s):HOST:PORT?transport=udp|tcp (empty: none; credentials read back \
         as ***)",
    "turn-user", "TURN user", turn_user: Option<String> = None, Optional(never);
        "User name for TURN servers without one (unset: each has its own)",
    "turn-password", "TURN password", turn_password: Option<Secret> = None, Secret(never);
        "Password for TURN servers without one (reads back as *** when set)",
    "ice-transport-policy", "ICE transport policy",
        ice_transport_policy: WebRTCICETransportPolicy = WebRTCICETransportPolicy::All, Policy;
        "ICE candidates to use: all, or only those of TURN servers (relay)",
    "min-rtp-port", "First RTP port", min_rtp_port: u32 = 0, Number(PORTS);
        "First local UDP port for ICE candidates (0 with the default of max-rtp-port: any port; \
         0 with another: 1024)",
    "max-rtp-port", "Last RTP port", max_rtp_port: u32 = *PORTS.end(), Number(PORTS);
        "Last local UDP port for ICE candidates",
    "engine", "Engine", engine: Engine = Engine::default(), Engine;
        "What makes the WebRTC connections: webrtcbin, or native, which costs a fraction of the CPU \
         time and no thread per stream",
    // Long enough for five requests for a packet on most ways, and for a machine that is busy: a
    // recording does not mind when it comes.
    "latency", "Latency", latency: u32 = 500,
        Number(ANY) => Latency;
        "Time that the jitterbuffer waits for late packets, in milliseconds",
    "do-retransmission", "Do retransmission", do_retransmission: bool = true, Flag;
        "Whether to request lost packets again (NACK and RTX)",
    "stream-timeout", "Stream timeout", stream_timeout: u32 = 15_000, Number(1_000..=u32::MAX);
        "Time without media in milliseconds after which a connection is ended and requested \
         again",
    "rejoin-window", "Rejoin window", rejoin_window: u32 = 0, Number(ANY);
        "Time in milliseconds for which the pads of an ended connection are kept for the \
         stream's next one, without EOS (0 = removed with the connection; a change of codec also \
         removes them)",
    "cafile", "CA file", cafile: Option<String> = None, Optional(str::is_empty);
        "PEM file of the certificate authorities to trust, for the room server and for TURN \
         servers over TLS (unset: the system's)",
    "insecure-tls", "Insecure TLS", insecure_tls: bool = false, Flag;
        "Whether to accept any certificate of the room server and of TURN servers, also a forged \
         one",
    "label", "Label", label: String = "Recorder".into(), Text;
        "Name that the people in the room see",
}

impl Property {
    fn by_name(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|property| property.name == name)
    }

    fn spec(&self) -> glib::ParamSpec {
        let is_playing = self.heard != Changed::Nothing;
        self.field
            .spec((self.name, self.nick, self.blurb), is_playing)
    }
}

/// As GObject has them.
pub(crate) static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
    let stats = glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
        .nick("Statistics")
        .blurb(
            "State of the room and of each stream: codecs, packets, loss, keyframes, candidates \
             and round-trip time",
        )
        .read_only()
        .build();
    let room_state = glib::ParamSpecString::builder("room-state")
        .nick("State of the room")
        .blurb(
            "Connection to the room: stopped, connecting, joining, joined, disconnected (it \
             reconnects), failed (the room server refuses)",
        )
        .default_value("stopped")
        .read_only()
        .build();
    let read_only = [room_state, stats];
    TABLE.iter().map(Property::spec).chain(read_only).collect()
});

/// Whether what is set by this name is, or may hold, a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    Property::by_name(name).is_some_and(|property| property.field.is_secret())
}

impl Settings {
    /// GObject has checked type and range before.
    pub(crate) fn set(&mut self, name: &str, value: &glib::Value) -> Changed {
        let Some(property) = Property::by_name(name) else {
            return Changed::Nothing;
        };
        property.field.set(self, value);
        property.heard
    }

    /// As it may be shown.
    pub(crate) fn get(&self, name: &str) -> Option<glib::Value> {
        let property = Property::by_name(name)?;
        Some(property.field.shown(&mut self.clone()))
    }
}
