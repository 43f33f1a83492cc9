// SPDX-License-Identifier: MPL-2.0
//! The element's properties, as gst-inspect shows them; `values` reads and sets them.

use std::ops::RangeInclusive;

use gst::glib;
use gst::prelude::*;
use gst_webrtc::WebRTCICETransportPolicy;
use once_cell::sync::Lazy;

use super::values::*;
use crate::protocol::Shard;

pub(crate) const DOC_URI: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/main/docs/vdoroomsrc.md#properties-of-vdoroomsrc"
);

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

pub(crate) static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
    use Mutable::{Playing, Ready};
    vec![
        string(
            "server",
            "Server",
            Some(DEFAULT_SERVER),
            "URL of the room server, ws:// or wss:// (user and password in it are not read back)",
        ),
        string(
            "room",
            "Room",
            None,
            "Name of the room to join, as people type it (unset: the IDs in streams are received \
             without a room)",
        ),
        string(
            "password",
            "Password",
            None,
            "Password of the room (unset: the protocol's well-known default password; false, 0 or \
             off: no password and no encryption; reads back as *** when set)",
        ),
        string(
            "password-env",
            "Password variable",
            None,
            "Name of the environment variable that holds the password, which keeps it out of \
             command lines and logs (password takes precedence)",
        ),
        string(
            "salt",
            "Salt",
            Some(DEFAULT_SALT),
            "Salt of the password, the host name of the guests' web page (vdo.ninja also stands \
             for localhost and IP addresses)",
        ),
        string(
            "token",
            "Token",
            None,
            "Token of the room: the value of &token= in the address of the guests' page; with a \
             password, it makes another room of the same name (unset: none; reads back as *** \
             when set)",
        ),
        glib::ParamSpecEnum::builder_with_default("dialect", Dialect::Auto)
            .nick("Dialect")
            .blurb(
                "Dialect of the room server: it tracks rooms (hosted), or only relays messages (relay)",
            )
            .mutable_ready()
            .build(),
        boolean(
            "accept-unencrypted",
            "Accept unencrypted",
            false,
            "Whether to accept unencrypted offers and candidates although a password is set (with \
             the default password they are always accepted)",
        ),
        strings(
            "streams",
            "Streams",
            "Stream ID",
            Playing,
            "IDs of the streams to receive, as people see them, with the wildcards * and ? \
             (empty: all)",
        ),
        strings(
            "exclude-streams",
            "Excluded streams",
            "Stream ID",
            Playing,
            "IDs of the streams not to receive, as people see them, with the wildcards * and ? \
             (empty: none)",
        ),
        number(
            "max-streams",
            "Maximum streams",
            ANY,
            0,
            Ready,
            "Maximum number of streams at a time; further ones wait until one leaves (0 = no \
             limit)",
        ),
        number(
            "shard-index",
            "Shard index",
            0..=Shard::MAX - 1,
            0,
            Ready,
            "Index of this recorder among the shard-count recorders that share the room, from 0 \
             to shard-count - 1",
        ),
        number(
            "shard-count",
            "Shard count",
            1..=Shard::MAX,
            1,
            Ready,
            "Number of recorders that share the room, each with a shard-index of its own (1 = \
             this one receives all streams)",
        ),
        boolean(
            "receive-audio",
            "Receive audio",
            true,
            "Whether to request audio",
        ),
        boolean(
            "receive-video",
            "Receive video",
            true,
            "Whether to request camera video",
        ),
        boolean(
            "receive-screen",
            "Receive screen",
            true,
            "Whether to request a shared screen that is sent beside the camera",
        ),
        strings(
            "video-codecs",
            "Video codecs",
            "Codec",
            Ready,
            "Accepted video codecs, by preference, of H264, H265, VP8, VP9 and AV1 (empty: all \
             that this GStreamer can depayload, in the publisher's order)",
        ),
        strings(
            "audio-codecs",
            "Audio codecs",
            "Codec",
            Ready,
            "Accepted audio codecs, by preference, of OPUS, G722, PCMU and PCMA (empty: all, in \
             the publisher's order)",
        ),
        number(
            "video-bitrate",
            "Video bitrate",
            0..=MAX_VIDEO_BITRATE,
            0,
            Playing,
            "Video bitrate to request, in kbit/s, an upper limit (0 = the publisher decides: \
             browsers send about 2500; at 600 and below they reduce the resolution)",
        ),
        number(
            "audio-bitrate",
            "Audio bitrate",
            0..=MAX_AUDIO_BITRATE,
            0,
            Playing,
            "Audio bitrate to request, in kbit/s (0 = the publisher decides: browsers send about \
             64 for stereo)",
        ),
        number(
            "keyframe-interval",
            "Keyframe interval",
            ANY,
            DEFAULT_KEYFRAME_INTERVAL,
            Playing,
            "Longest time between keyframes in milliseconds, after which one is requested by PLI \
             (0 = only when one is needed)",
        ),
        boolean(
            "wait-for-keyframe",
            "Wait for keyframe",
            true,
            "Whether to drop video after a loss until the next keyframe (false: damaged frames \
             are passed on, marked as corrupted)",
        ),
        string(
            "stun-server",
            "STUN server",
            None,
            "STUN server for every connection, as stun://HOST:PORT or stun:HOST:PORT (unset: \
             none)",
        ),
        strings(
            "turn-servers",
            "TURN servers",
            "TURN server",
            Ready,
            "TURN servers for every connection, as \
             turn(s)://USER:PASSWORD@HOST:PORT?transport=udp|tcp or, with turn-user and \
             turn-password, turn(s):HOST:PORT?transport=udp|tcp (empty: none; credentials read \
             back as ***)",
        ),
        string(
            "turn-user",
            "TURN user",
            None,
            "User name for TURN servers without one (unset: each has its own)",
        ),
        string(
            "turn-password",
            "TURN password",
            None,
            "Password for TURN servers without one (reads back as *** when set)",
        ),
        glib::ParamSpecEnum::builder_with_default(
            "ice-transport-policy",
            WebRTCICETransportPolicy::All,
        )
        .nick("ICE transport policy")
        .blurb("ICE candidates to use: all, or only those of TURN servers (relay)")
        .mutable_ready()
        .build(),
        number(
            "min-rtp-port",
            "First RTP port",
            0..=LAST_PORT,
            0,
            Ready,
            "First local UDP port for ICE candidates (0 with the default of max-rtp-port: any \
             port; 0 with another: 1024)",
        ),
        number(
            "max-rtp-port",
            "Last RTP port",
            0..=LAST_PORT,
            LAST_PORT,
            Ready,
            "Last local UDP port for ICE candidates",
        ),
        number(
            "latency",
            "Latency",
            ANY,
            DEFAULT_LATENCY,
            Ready,
            "Time that the jitterbuffer waits for late packets, in milliseconds",
        ),
        boolean(
            "do-retransmission",
            "Do retransmission",
            true,
            "Whether to request lost packets again (NACK and RTX)",
        ),
        number(
            "stream-timeout",
            "Stream timeout",
            1_000..=u32::MAX,
            DEFAULT_STREAM_TIMEOUT,
            Ready,
            "Time without media in milliseconds after which a connection is ended and requested \
             again",
        ),
        number(
            "rejoin-window",
            "Rejoin window",
            ANY,
            0,
            Ready,
            "Time in milliseconds for which the pads of an ended connection are kept for the \
             stream's next one, without EOS (0 = removed with the connection; a change of codec \
             also removes them)",
        ),
        string(
            "cafile",
            "CA file",
            None,
            "PEM file of the certificate authorities to trust, for the room server and for TURN \
             servers over TLS (unset: the system's)",
        ),
        boolean(
            "insecure-tls",
            "Insecure TLS",
            false,
            "Whether to accept any certificate of the room server and of TURN servers, also a \
             forged one",
        ),
        string(
            "label",
            "Label",
            Some(DEFAULT_LABEL),
            "Name that the people in the room see",
        ),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb(
                "State of the room and of each stream: codecs, packets, loss, keyframes, candidates \
                 and round-trip time",
            )
            .read_only()
            .build(),
    ]
});
