// SPDX-License-Identifier: MPL-2.0
//! The order of the program `vdoroom`.

use super::Entry;

pub const TOOLS: Entry = Entry {
    folder: "crates/vdoroom-tools",
    name: "vdoroom",
    library: false,
    orders: &[
        (
            "",
            &[
                "manifests",
                "page",
                "record",
                "size",
                "table",
                "check",
                "export",
                "list",
                "repair",
                "timeline",
                "options",
                "manual",
            ],
        ),
        ("export", &["options", "outcome"]),
        (
            "record",
            &[
                "editing",
                "end",
                "keys",
                "manual",
                "options",
                "elements",
                "status",
                "metrics",
                "output",
                "recording",
            ],
        ),
        ("record/keys", &["unix", "windows"]),
        ("record/metrics", &["families"]),
        (
            "record/output",
            &[
                "columns", "contract", "json", "words", "files", "plain", "terminal",
            ],
        ),
        ("record/status", &["disk", "parts", "values"]),
    ],
};
