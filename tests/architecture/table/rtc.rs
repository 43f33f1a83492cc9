// SPDX-License-Identifier: MPL-2.0
//! The order of the receiving WebRTC peer.

use super::Entry;

pub const RTC: Entry = Entry {
    folder: "crates/vdoroom-rtc",
    name: "vdoroom_rtc",
    library: true,
    orders: &[
        (
            "",
            &["settings", "event", "crypto", "sdp", "rtp", "peer", "net"],
        ),
        (
            "crypto",
            &[
                "datagrams",
                "fingerprint",
                "identity",
                "keys",
                "no_srtp",
                "random",
                "dtls",
                "provider",
                "srtp",
            ],
        ),
        (
            "sdp",
            &[
                "attributes",
                "extensions",
                "simulcast",
                "line",
                "offer",
                "answer",
                "transport",
            ],
        ),
        (
            "rtp",
            &[
                "header",
                "jitter",
                "nack",
                "out",
                "place",
                "reception",
                "reports",
                "arrivals",
                "stream",
                "media",
            ],
        ),
        (
            "peer",
            &[
                "action",
                "candidates",
                "channels",
                "protected",
                "reflexive",
                "machine",
            ],
        ),
        (
            "net",
            &[
                "addresses",
                "demux",
                "rest",
                "socket",
                "timers",
                "command",
                "connections",
                "sockets",
                "thread",
                "connection",
            ],
        ),
    ],
};
