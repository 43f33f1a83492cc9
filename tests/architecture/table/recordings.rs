// SPDX-License-Identifier: MPL-2.0
//! The order of the library `vdoroom-recordings`.

use super::Entry;

pub const RECORDINGS: Entry = Entry {
    folder: "crates/vdoroom-recordings",
    name: "vdoroom_recordings",
    library: true,
    orders: &[
        (
            "",
            &[
                "checksum", "manifest", "repair", "survey", "media", "timeline", "export", "render",
            ],
        ),
        (
            "export",
            &["names", "request", "recording", "window", "decide", "plan"],
        ),
        ("media", &["report", "track", "watch", "decode"]),
        (
            "repair",
            &["window", "steps", "report", "matroska", "mpegts", "file"],
        ),
        (
            "repair/matroska",
            &[
                "block", "tracks", "layout", "cluster", "header", "scan", "plan",
            ],
        ),
        (
            "render",
            &[
                "problems",
                "reader",
                "retime",
                "settings",
                "wav",
                "place",
                "canvas",
                "chapters",
                "codecs",
                "decoded_video",
                "decoded_audio",
                "timecode",
                "feed",
                "file",
            ],
        ),
        ("timeline", &["format", "mosaic", "plan", "otio", "xges"]),
    ],
};
