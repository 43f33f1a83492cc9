// SPDX-License-Identifier: MPL-2.0
//! The element's properties, as gst-inspect shows them.

use gst::glib;
use gst::prelude::*;

use super::container::ContainerChoice;
use super::settings::Settings;

pub(super) const DOC_URI: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/main/docs/roomfilesink.md#properties-of-roomfilesink"
);

pub(super) fn all() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecString::builder("location")
            .nick("Location")
            .blurb(
                "Template for the names of files, with %s stream ID, %l label, %t seconds since 1970, \
                 %d date and time in UTC, %n number of the stream's part, %e extension, %% percent sign; \
                 or a folder, ending in /; or a prefix p, meaning p_%s_%t.%e",
            )
            .default_value(Some("recording"))
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("create-folders")
            .nick("Create folders")
            .blurb("Whether to create the folders of the location")
            .default_value(true)
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<ContainerChoice>("container")
            .nick("Container")
            .blurb("Container of the files")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt64::builder("max-size-time")
            .nick("Maximum time")
            .blurb("Duration of a part in nanoseconds, after which the next one begins at a requested keyframe (0 = no limit)")
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt64::builder("max-size-bytes")
            .nick("Maximum size")
            .blurb("Size of a part in bytes, after which the next one begins at a requested keyframe (0 = no limit)")
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt64::builder("min-free-space")
            .nick("Minimum free space")
            .blurb("Disk space to keep free, in bytes: parts end below it, and begin again above it (0 = no limit)")
            .default_value(Settings::default().min_free_space)
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("manifest")
            .nick("Manifest")
            .blurb("File for the manifest, the list of parts, one JSON object per line (unset: <prefix>_<start>.manifest.jsonl beside the files; empty: none)")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("files")
            .nick("Files")
            .blurb("Parts of this run, in the order in which they began: the newest 1000, and those that are open")
            .read_only()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Number of parts that are open, closed and failed, and the bytes in closed files")
            .read_only()
            .build(),
    ]
}
