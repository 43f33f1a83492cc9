// SPDX-License-Identifier: MPL-2.0
//! What the man page says beside the options.

use crate::page::Page;

pub const PAGE: Page = Page {
    sections: &[
        (
            "OUTPUT",
            "On a terminal, a table that is refreshed each second. Where standard output is no \
             terminal, or TERM is dumb, a line for each thing that changes. With --json, one JSON \
             object per line.",
        ),
        (
            "MARKS",
            "m on a terminal marks the moment: a line in the manifest, and a marker in the timelines \
             that vdoroom-timeline(1) makes. Marks are numbered. A program that records by roomfilesink \
             gives them texts.",
        ),
        (
            "ENDING",
            "q, Ctrl+C, SIGINT, SIGTERM and SIGHUP end a recording: all files are closed, which \
             takes 5 seconds at most, and a table of them is printed. Asked a second time it does \
             not wait for the files.",
        ),
    ],
    status: &[
        ("0", "All files are whole; also if nobody came."),
        (
            "1",
            "The room could not be joined, or an error ended the recording.",
        ),
        ("2", "The options are wrong, or a value was refused."),
        ("3", "A file failed, or was not closed in time."),
    ],
    examples: &[
        "vdoroom record --room studio --location rec/",
        "vdoroom record --room studio --password-env ROOM_PASSWORD --max-file-time 1h",
        "vdoroom record --room studio --json | jq -r 'select(.event == \"part-closed\").file'",
    ],
};
