// SPDX-License-Identifier: MPL-2.0
//! The packages, and the order of each of their folders: a new folder or module has to be placed.
//! The test that misses one prints a line for this table.

use crate::order::Orders;

pub struct Entry {
    /// Of the package; its sources are in `src` of it.
    pub folder: &'static str,
    /// The crate as others name it.
    pub name: &'static str,
    /// It runs in other people's programs, which it must not end.
    pub library: bool,
    /// Each folder's children from bottom to top.
    pub orders: &'static Orders,
    /// Folders of which the order is still to be found, and all below them.
    pub without_order: &'static [&'static str],
}

pub const PACKAGES: &[Entry] = &[PLUGIN, PROTOCOL, RECORDINGS, SERVER, TOOLS];

const PLUGIN: Entry = Entry {
    folder: "",
    name: "gstvdoroom",
    library: true,
    orders: &[
        (
            "",
            &[
                "bitstream",
                "signalling",
                "roomfilesink",
                "vdoroomsrc",
                "fuzzing",
            ],
        ),
        (
            "bitstream",
            &["bits", "standard", "config", "entry", "sps", "order", "vp9"],
        ),
        (
            "fuzzing",
            &[
                "bytes", "events", "files", "odd_caps", "rtp", "warnings", "watchdog", "harness",
                "seeds", "packets", "forms", "frames",
            ],
        ),
        (
            "signalling",
            &[
                "credentials",
                "dial",
                "tls",
                "server",
                "turn_check",
                "turn_tunnel",
                "socket",
                "run",
            ],
        ),
    ],
    without_order: &[],
};

const PROTOCOL: Entry = Entry {
    folder: "crates/vdoroom-protocol",
    name: "vdoroom_protocol",
    library: true,
    orders: &[
        (
            "",
            &[
                "limits", "json", "api", "names", "sdp", "messages", "state", "room", "fuzzing",
            ],
        ),
        (
            "api",
            &["ids", "fingerprint", "shard", "config", "events", "status"],
        ),
        (
            "messages",
            &["dialect", "alert", "candidate", "news", "wire"],
        ),
        ("names", &["hashes", "globs", "secret"]),
        (
            "room",
            &[
                "status",
                "send",
                "bitrates",
                "candidates",
                "plays",
                "places",
                "silence",
                "endings",
                "offers",
                "channel",
                "members",
                "complaints",
                "link",
            ],
        ),
        ("sdp", &["local", "offer", "change"]),
        ("state", &["backoff", "link", "stream", "session", "room"]),
    ],
    without_order: &[],
};

const RECORDINGS: Entry = Entry {
    folder: "crates/vdoroom-recordings",
    name: "vdoroom_recordings",
    library: true,
    orders: &[],
    without_order: &[],
};

const SERVER: Entry = Entry {
    folder: "crates/vdoroom-server",
    name: "vdoroom_server",
    library: true,
    orders: &[],
    without_order: &[],
};

const TOOLS: Entry = Entry {
    folder: "crates/vdoroom-tools",
    name: "vdoroom",
    library: false,
    orders: &[],
    without_order: &[],
};
