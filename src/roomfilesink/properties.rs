// SPDX-License-Identifier: MPL-2.0
//! The element's properties, as gst-inspect shows them.

use gst::glib;
use gst::prelude::*;

use super::container::ContainerChoice;
use super::settings::Settings;

pub(super) fn all() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecString::builder("location")
            .nick("Location")
            .blurb(
                "Name the files by this: a template with %s stream ID, %l label, %t seconds since 1970, \
                 %d date and time in UTC, %n number of the stream's part, %e extension, %% percent sign; \
                 or a folder, ending in /; or a prefix p, meaning p_%s_%t.%e",
            )
            .default_value(Some("recording"))
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("create-folders")
            .nick("Create folders")
            .blurb("Create folders of the location that do not exist")
            .default_value(true)
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<ContainerChoice>("container")
            .nick("Container")
            .blurb("Write files of this container")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt64::builder("max-size-time")
            .nick("Maximum time")
            .blurb("Begin the next part after so many nanoseconds, at a keyframe, which is asked for (0 = no limit)")
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt64::builder("max-size-bytes")
            .nick("Maximum size")
            .blurb("Begin the next part after so many bytes, at a keyframe, which is asked for (0 = no limit)")
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt64::builder("min-free-space")
            .nick("Minimum free space")
            .blurb("Leave so many bytes of the disk free: parts end cleanly below that and begin again above it (0 = no limit)")
            .default_value(Settings::default().min_free_space)
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("manifest")
            .nick("Manifest")
            .blurb("List what was recorded in this file, one JSON object per line (unset: <prefix>_<start>.manifest.jsonl beside the files; empty: none)")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("files")
            .nick("Files")
            .blurb("Read the parts of this run, in the order in which they began: the newest 1000, and those that are open")
            .read_only()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Read how many parts are open, closed and failed, and how many bytes closed files have")
            .read_only()
            .build(),
    ]
}
