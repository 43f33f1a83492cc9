// SPDX-License-Identifier: MPL-2.0
//! The packages, and the order of each of their folders: a new folder or module has to be placed.
//! The test that misses one prints a line for this table.

mod kit;
mod recordings;
mod rtc;
mod tools;

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
}

pub const PACKAGES: &[Entry] = &[
    PLUGIN,
    MATROSKA,
    PLATFORM,
    PROTOCOL,
    recordings::RECORDINGS,
    rtc::RTC,
    SERVER,
    kit::KIT,
    tools::TOOLS,
];

const PLUGIN: Entry = Entry {
    folder: "",
    name: "gstvdoroom",
    library: true,
    orders: &[
        (
            "",
            &[
                "bitstream",
                "late",
                "prefix",
                "utc",
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
        (
            "roomfilesink",
            &[
                "files", "log", "media", "mux", "parts", "settings", "messages", "sessions",
                "control", "element",
            ],
        ),
        (
            "roomfilesink/control",
            &["announcer", "manifest", "run", "thread"],
        ),
        (
            "roomfilesink/element",
            &["pads", "properties", "signals", "imp"],
        ),
        (
            "roomfilesink/files",
            &["naming", "writer", "fuzzing", "space"],
        ),
        (
            "roomfilesink/files/writer",
            &[
                "checksum", "choices", "schedule", "spec", "desk", "disk", "workers", "job", "file",
            ],
        ),
        (
            "roomfilesink/media",
            &[
                "caption",
                "container",
                "format",
                "leading",
                "parameter_sets",
                "coded",
                "track",
                "tracks",
            ],
        ),
        ("roomfilesink/messages", &["bell", "msg", "outbox"]),
        ("roomfilesink/mux", &["frames", "matroska", "mp4", "mpegts"]),
        (
            "roomfilesink/mux/frames",
            &["parser", "entry", "description", "mux"],
        ),
        ("roomfilesink/mux/matroska", &["writer"]),
        (
            "roomfilesink/mux/mp4",
            &[
                "boxes", "codecs", "samples", "track", "fragment", "movie", "writer",
            ],
        ),
        (
            "roomfilesink/mux/mpegts",
            &[
                "packet",
                "unit",
                "opus",
                "delimiters",
                "tables",
                "clock",
                "writer",
            ],
        ),
        (
            "roomfilesink/parts",
            &[
                "clock", "field", "damage", "mark", "progress", "record", "part", "report",
            ],
        ),
        (
            "roomfilesink/sessions",
            &[
                "bounds", "effects", "retry", "waiting", "session", "all", "closing", "cut",
                "pump", "crowd",
            ],
        ),
        (
            "vdoroomsrc",
            &[
                "log",
                "reports",
                "media",
                "settings",
                "connection",
                "control",
                "element",
            ],
        ),
        (
            "vdoroomsrc/connection",
            &[
                "alive",
                "connectivity",
                "ending",
                "names",
                "repair",
                "sdp",
                "link",
                "pads",
                "remains",
                "native",
                "webrtcbin",
                "session",
                "fuzzing",
                "identity",
                "negotiation",
                "news",
                "polls",
            ],
        ),
        (
            "vdoroomsrc/connection/alive",
            &["flow", "heard", "ping", "pulse"],
        ),
        (
            "vdoroomsrc/connection/native",
            &[
                "caps", "element", "numbers", "servers", "entry", "ear", "link",
            ],
        ),
        (
            "vdoroomsrc/connection/sdp",
            &[
                "attributes",
                "extensions",
                "fingerprints",
                "formats",
                "named",
                "offer",
                "bundle",
                "reduced",
                "simulcast",
                "answer",
            ],
        ),
        (
            "vdoroomsrc/connection/webrtcbin",
            &[
                "abilities",
                "association",
                "block",
                "channel",
                "closing",
                "direct",
                "reply",
                "ssrcs",
                "states",
                "statistics",
                "transports",
                "tuning",
                "make",
                "link",
            ],
        ),
        (
            "vdoroomsrc/control",
            &[
                "announce",
                "reaper",
                "reload",
                "stats",
                "warm_up",
                "thread",
                "actions",
                "connections",
                "flow",
                "identity",
                "pads",
                "selection",
                "taking_apart",
            ],
        ),
        (
            "vdoroomsrc/control/reload",
            &["introduce", "kept", "expose", "last_pads"],
        ),
        ("vdoroomsrc/element", &["object", "signals", "imp", "uri"]),
        (
            "vdoroomsrc/media",
            &[
                "codecs",
                "discard",
                "elements",
                "header",
                "held",
                "keyframe_requests",
                "pad",
                "payload",
                "frames",
                "guard",
                "place",
                "watches",
                "outlet",
                "intake",
                "track",
                "packets",
            ],
        ),
        ("vdoroomsrc/media/codecs", &["av1", "table", "requirements"]),
        ("vdoroomsrc/media/frames", &["keyframes", "layers", "loss"]),
        ("vdoroomsrc/media/guard", &["numbers", "sample", "entry"]),
        (
            "vdoroomsrc/media/pad",
            &[
                "arrival",
                "counters",
                "forms",
                "names",
                "ghost",
                "introduction",
                "keyframe_gate",
                "shortcut",
                "tags",
                "exit",
            ],
        ),
        (
            "vdoroomsrc/media/payload",
            &[
                "packet",
                "bytes",
                "av1",
                "fragments",
                "h264",
                "h265",
                "opus",
                "samples",
                "vp8",
                "vp9",
                "check",
            ],
        ),
        (
            "vdoroomsrc/media/place",
            &[
                "timestamps",
                "units",
                "count",
                "arrivals",
                "course",
                "line",
                "memory",
                "sender",
                "timeline",
                "sender_reports",
                "placing",
            ],
        ),
        (
            "vdoroomsrc/reports",
            &["backlog", "events", "hold", "transport", "command"],
        ),
        (
            "vdoroomsrc/settings",
            &["ice", "types", "field", "table", "wish", "values"],
        ),
    ],
};

const MATROSKA: Entry = Entry {
    folder: "crates/vdoroom-matroska",
    name: "vdoroom_matroska",
    library: true,
    orders: &[("", &["ebml", "ids", "index"])],
};

const PLATFORM: Entry = Entry {
    folder: "crates/vdoroom-platform",
    name: "vdoroom_platform",
    library: true,
    orders: &[("", &["disk", "file", "name", "process"])],
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
            &["dialect", "alert", "candidate", "elsewhere", "news", "wire"],
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
                "elsewhere",
                "channel",
                "members",
                "complaints",
                "link",
            ],
        ),
        ("sdp", &["local", "offer", "change"]),
        ("state", &["backoff", "link", "stream", "session", "room"]),
    ],
};

const SERVER: Entry = Entry {
    folder: "crates/vdoroom-server",
    name: "vdoroom_server",
    library: true,
    orders: &[
        (
            "",
            &[
                "limits",
                "open_files",
                "printable",
                "log",
                "rules",
                "input",
                "pages",
                "connection",
                "fuzzing",
                "hub",
                "server",
                "builder",
                "program",
                "web",
            ],
        ),
        ("connection", &["http", "socket", "tls"]),
        ("hub", &["switches", "state", "faithful", "faults"]),
        (
            "limits",
            &[
                "network",
                "numbers",
                "allowance",
                "gate",
                "accept",
                "queue",
                "traffic",
            ],
        ),
        ("pages", &["status"]),
        ("program", &["lines", "certificate", "options"]),
        ("rules", &["effect", "rooms", "relay", "uuid", "hosted"]),
    ],
};
