// SPDX-License-Identifier: MPL-2.0
//! The order of the test kit, which runs in tests and examples only.

use super::Entry;

pub const KIT: Entry = Entry {
    folder: "crates/vdoroom-testkit",
    name: "vdoroom_testkit",
    library: false,
    orders: &[
        (
            "",
            &[
                "chance",
                "require",
                "loopback",
                "own_network",
                "holdings",
                "manual",
                "pattern",
                "secret",
                "manifest",
                "folder",
                "launch",
                "corpus",
                "netns",
                "wait",
                "turn",
                "check",
                "publisher",
                "chaos",
                "chromium",
            ],
        ),
        ("chaos", &["counters", "words", "datagrams"]),
        (
            "check",
            &[
                "header", "speed", "report", "packets", "track", "ours", "ffmpeg", "layout",
            ],
        ),
        ("chromium", &["process", "firefox", "devtools"]),
        (
            "netns",
            &[
                "impairment",
                "namespace",
                "network",
                "host",
                "relay",
                "internet",
            ],
        ),
        (
            "publisher",
            &[
                "criticals",
                "flavour",
                "status",
                "time",
                "media",
                "faults",
                "settings",
                "wire",
                "conversation",
                "handle",
                "builder",
            ],
        ),
        (
            "publisher/conversation",
            &["context", "peer", "viewer", "candidates", "control"],
        ),
        (
            "publisher/faults",
            &["greed", "hold", "mangle", "padding", "resend", "short"],
        ),
        (
            "publisher/media",
            &["codec", "audio", "kind", "sent", "track", "film", "feed"],
        ),
        ("publisher/time", &["card", "timeline", "reports", "times"]),
        (
            "publisher/wire",
            &["events", "link", "sdp", "traffic", "transport"],
        ),
    ],
};
