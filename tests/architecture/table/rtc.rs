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
            &[
                "settings", "event", "crypto", "sdp", "rtp", "turn", "peer", "net",
            ],
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
        ("turn", &["frames", "step", "link", "relay", "relays"]),
        (
            "peer",
            &[
                "action",
                "candidates",
                "channels",
                "protected",
                "reflexive",
                "gathering",
                "machine",
            ],
        ),
        (
            "net",
            &[
                "addresses",
                "demux",
                "names",
                "batch",
                "lag",
                "socket",
                "timers",
                "wires",
                "command",
                "session",
                "connections",
                "sockets",
                "thread",
                "connection",
            ],
        ),
        ("net/wires", &["wire"]),
    ],
};
