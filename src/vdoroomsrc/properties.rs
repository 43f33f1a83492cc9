// SPDX-License-Identifier: MPL-2.0
//! The element's properties, as gst-inspect shows them; `values` reads and sets them.

use std::ops::RangeInclusive;

use gst::glib;
use gst::prelude::*;
use gst_webrtc::WebRTCICETransportPolicy;
use once_cell::sync::Lazy;

use super::settings::*;
use crate::protocol::Shard;

fn string(name: &str, nick: &str, default: Option<&str>, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(default)
        .mutable_ready()
        .build()
}

fn boolean(name: &str, nick: &str, default: bool, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecBoolean::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(default)
        .mutable_ready()
        .build()
}

fn strings(name: &str, nick: &str, item: &str, mutable: Mutable, blurb: &str) -> glib::ParamSpec {
    let element = glib::ParamSpecString::builder("item")
        .nick(item)
        .blurb(item)
        .build();
    let builder = gst::ParamSpecArray::builder(name)
        .nick(nick)
        .blurb(blurb)
        .element_spec(&element);
    match mutable {
        Mutable::Playing => builder.mutable_playing().build(),
        Mutable::Ready => builder.mutable_ready().build(),
    }
}

fn number(
    name: &str,
    nick: &str,
    range: RangeInclusive<u32>,
    default: u32,
    mutable: Mutable,
    blurb: &str,
) -> glib::ParamSpec {
    let builder = glib::ParamSpecUInt::builder(name)
        .nick(nick)
        .blurb(blurb)
        .minimum(*range.start())
        .maximum(*range.end())
        .default_value(default);
    match mutable {
        Mutable::Playing => builder.mutable_playing().build(),
        Mutable::Ready => builder.mutable_ready().build(),
    }
}

/// The last state in which a property may be changed.
enum Mutable {
    Ready,
    Playing,
}

const ANY: RangeInclusive<u32> = 0..=u32::MAX;

pub(super) static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
    use Mutable::{Playing, Ready};
    vec![
        string(
            "server",
            "Server",
            Some(DEFAULT_SERVER),
            "Connect to the room server at this ws:// or wss:// URL (user and password in it do not \
             read back)",
        ),
        string(
            "room",
            "Room",
            None,
            "Join this room, as people type its name (unset: the IDs in streams are played directly)",
        ),
        string(
            "password",
            "Password",
            None,
            "Use this as the room's password (unset: the protocol's well-known default password; \
             false, 0 or off: no password and no encryption; reads back as *** when set)",
        ),
        string(
            "password-env",
            "Password variable",
            None,
            "Read the password from this environment variable, unless password is set: that keeps it \
             out of command lines and logs",
        ),
        string(
            "salt",
            "Salt",
            Some(DEFAULT_SALT),
            "Hash the password with this salt, the host name of the guests' web page (vdo.ninja also \
             stands for localhost and IP addresses)",
        ),
        string(
            "token",
            "Token",
            None,
            "Join the room that this token makes, with a password, out of the room's name: what \
             stands behind &token= in the address of the guests' page (unset: none; reads back as \
             *** when set)",
        ),
        glib::ParamSpecEnum::builder_with_default("dialect", Dialect::Auto)
            .nick("Dialect")
            .blurb(
                "Speak to a room server that tracks rooms (hosted) or passes messages on (relay)",
            )
            .mutable_ready()
            .build(),
        boolean(
            "accept-unencrypted",
            "Accept unencrypted",
            false,
            "Take offers and candidates in clear although a password is set (with the default \
             password they are always taken)",
        ),
        strings(
            "streams",
            "Streams",
            "Stream ID",
            Playing,
            "Receive the streams with these IDs, as people see them, with the wildcards * and ? \
             (empty: all)",
        ),
        strings(
            "exclude-streams",
            "Excluded streams",
            "Stream ID",
            Playing,
            "Leave out the streams with these IDs, as people see them, with the wildcards * and ? \
             (empty: none)",
        ),
        number(
            "max-streams",
            "Maximum streams",
            ANY,
            0,
            Ready,
            "Receive at most so many streams at the same time; further ones wait until one leaves (0 \
             = no limit)",
        ),
        number(
            "shard-index",
            "Shard index",
            0..=Shard::MAX - 1,
            0,
            Ready,
            "Receive the streams that fall to this one of the shard-count recorders of the room, from \
             0 to shard-count - 1",
        ),
        number(
            "shard-count",
            "Shard count",
            1..=Shard::MAX,
            1,
            Ready,
            "Divide the streams of the room among so many recorders, each with a shard-index of its \
             own (1 = this one receives all)",
        ),
        boolean(
            "receive-audio",
            "Receive audio",
            true,
            "Ask publishers for sound",
        ),
        boolean(
            "receive-video",
            "Receive video",
            true,
            "Ask publishers for video",
        ),
        boolean(
            "receive-screen",
            "Receive screen",
            true,
            "Ask publishers for a screen that they share beside the camera",
        ),
        strings(
            "video-codecs",
            "Video codecs",
            "Codec",
            Ready,
            "Accept these video codecs, by preference, of H264, H265, VP8, VP9 and AV1 (empty: all \
             that this GStreamer can depayload, in the publisher's order)",
        ),
        strings(
            "audio-codecs",
            "Audio codecs",
            "Codec",
            Ready,
            "Accept these audio codecs, by preference, of OPUS, G722, PCMU and PCMA (empty: all, in \
             the publisher's order)",
        ),
        number(
            "video-bitrate",
            "Video bitrate",
            0..=MAX_VIDEO_BITRATE,
            0,
            Playing,
            "Ask publishers to encode each video with at most so many kbit/s (0 = as they like: \
             browsers take 2500 or so; at 600 and below they send smaller pictures)",
        ),
        number(
            "audio-bitrate",
            "Audio bitrate",
            0..=MAX_AUDIO_BITRATE,
            0,
            Playing,
            "Ask publishers to encode sound with so many kbit/s (0 = as they like: browsers take 64 \
             or so for stereo)",
        ),
        number(
            "keyframe-interval",
            "Keyframe interval",
            ANY,
            DEFAULT_KEYFRAME_INTERVAL,
            Playing,
            "Ask for a keyframe, by PLI, when none has come for so many milliseconds (0 = only when \
             one is needed)",
        ),
        boolean(
            "wait-for-keyframe",
            "Wait for keyframe",
            true,
            "Hold video back from a loss until the next keyframe (false: it goes on, marked as \
             corrupted until then)",
        ),
        string(
            "stun-server",
            "STUN server",
            None,
            "Use this STUN server for every connection, as stun://HOST:PORT or stun:HOST:PORT (unset: \
             none)",
        ),
        strings(
            "turn-servers",
            "TURN servers",
            "TURN server",
            Ready,
            "Use these TURN servers for every connection, as \
             turn(s)://USER:PASSWORD@HOST:PORT?transport=udp|tcp or, with turn-user and \
             turn-password, turn(s):HOST:PORT?transport=udp|tcp (empty: none; credentials read back \
             as ***)",
        ),
        string(
            "turn-user",
            "TURN user",
            None,
            "Give this user name to the TURN servers that name none (unset: each names its own)",
        ),
        string(
            "turn-password",
            "TURN password",
            None,
            "Give this password to the TURN servers that name none (reads back as *** when set)",
        ),
        glib::ParamSpecEnum::builder_with_default(
            "ice-transport-policy",
            WebRTCICETransportPolicy::All,
        )
        .nick("ICE transport policy")
        .blurb("Use all ICE candidates, or those of the TURN servers only (relay)")
        .mutable_ready()
        .build(),
        number(
            "min-rtp-port",
            "First RTP port",
            0..=LAST_PORT,
            0,
            Ready,
            "Use local UDP ports from this one on for ICE candidates (0 with the default of \
             max-rtp-port: any port; 0 with another: 1024)",
        ),
        number(
            "max-rtp-port",
            "Last RTP port",
            0..=LAST_PORT,
            LAST_PORT,
            Ready,
            "Use local UDP ports up to this one for ICE candidates",
        ),
        number(
            "latency",
            "Latency",
            ANY,
            DEFAULT_LATENCY,
            Ready,
            "Wait so many milliseconds for late packets, in the jitterbuffer",
        ),
        boolean(
            "do-retransmission",
            "Do retransmission",
            true,
            "Ask for lost packets again (NACK and RTX)",
        ),
        number(
            "stream-timeout",
            "Stream timeout",
            1_000..=u32::MAX,
            DEFAULT_STREAM_TIMEOUT,
            Ready,
            "End a connection after so many milliseconds without media on any track, and ask for it \
             again",
        ),
        number(
            "rejoin-window",
            "Rejoin window",
            ANY,
            0,
            Ready,
            "Keep the pads of a connection that has ended for so many milliseconds, for the stream's \
             next one, so that what is linked to them goes on (0 = they end with the connection; a \
             change of codec ends them too)",
        ),
        string(
            "cafile",
            "CA file",
            None,
            "Believe the certificate authorities in this PEM file, for the room server and for TURN \
             servers over TLS (unset: the system's)",
        ),
        boolean(
            "insecure-tls",
            "Insecure TLS",
            false,
            "Take any certificate of the room server and of TURN servers, also a forged one",
        ),
        string(
            "label",
            "Label",
            Some(DEFAULT_LABEL),
            "Show this name to the people in the room",
        ),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb(
                "Read the state of the room and of each stream, in numbers: codecs, packets, loss, \
                 keyframes, the way and its round trip time",
            )
            .read_only()
            .build(),
    ]
});
