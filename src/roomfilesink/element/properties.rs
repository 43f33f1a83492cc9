// SPDX-License-Identifier: MPL-2.0
//! The element's properties: one row for each.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use crate::roomfilesink::media::ContainerChoice;
use crate::roomfilesink::parts::Report;
use crate::roomfilesink::settings::Settings;

pub(crate) const DOC_URI: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/main/docs/roomfilesink.md#properties-of-roomfilesink"
);

/// A property as gst-inspect shows it, and how it is read and set.
pub(crate) struct Property {
    pub spec: glib::ParamSpec,
    access: Access,
}

enum Access {
    Setting {
        read: fn(&Settings) -> glib::Value,
        write: fn(&mut Settings, &glib::Value),
    },
    Report(fn(&Report) -> gst::Structure),
}

impl Property {
    pub(crate) fn find(spec: &glib::ParamSpec) -> Option<&'static Self> {
        PROPERTIES
            .iter()
            .find(|property| property.spec.name() == spec.name())
    }

    pub(crate) fn read(&self, settings: &Settings, report: &Report) -> glib::Value {
        match &self.access {
            Access::Setting { read, .. } => read(settings),
            Access::Report(read) => read(report).to_value(),
        }
    }

    pub(crate) fn write(&self, settings: &mut Settings, value: &glib::Value) {
        if let Access::Setting { write, .. } = &self.access {
            write(settings, value);
        }
    }
}

pub(crate) static PROPERTIES: LazyLock<Vec<Property>> = LazyLock::new(all);

fn all() -> Vec<Property> {
    let defaults = Settings::default();
    vec![
        setting(
            glib::ParamSpecString::builder("location")
                .nick("Location")
                .blurb(
                    "Template for the names of files, with %r room, %s stream ID, %l label, %t seconds since 1970, \
                     %d date and time in UTC, %n number of the stream's part, %e extension, %% percent sign; \
                     or a folder, ending in /; or a prefix p, meaning p_%s_%t.%e",
                )
                .default_value(Some(defaults.location.as_str()))
                .mutable_ready()
                .build(),
            |s| s.location.to_value(),
            |s, v| s.location = text(v).unwrap_or_default(),
        ),
        setting(
            glib::ParamSpecBoolean::builder("create-folders")
                .nick("Create folders")
                .blurb("Whether to create the folders of the location")
                .default_value(defaults.create_folders)
                .mutable_ready()
                .build(),
            |s| s.create_folders.to_value(),
            |s, v| take(&mut s.create_folders, v),
        ),
        setting(
            glib::ParamSpecEnum::builder::<ContainerChoice>("container")
                .nick("Container")
                .blurb("Container of the files")
                .mutable_ready()
                .build(),
            |s| s.container.to_value(),
            |s, v| take(&mut s.container, v),
        ),
        setting(
            glib::ParamSpecUInt64::builder("max-size-time")
                .nick("Maximum time")
                .blurb("Duration of a part in nanoseconds, after which the next one begins at a requested keyframe (0 = no limit)")
                .mutable_playing()
                .build(),
            |s| s.limits.time.to_value(),
            |s, v| take(&mut s.limits.time, v),
        ),
        setting(
            glib::ParamSpecUInt64::builder("max-size-bytes")
                .nick("Maximum size")
                .blurb("Size of a part in bytes, after which the next one begins at a requested keyframe (0 = no limit)")
                .mutable_playing()
                .build(),
            |s| s.limits.bytes.to_value(),
            |s, v| take(&mut s.limits.bytes, v),
        ),
        setting(
            glib::ParamSpecUInt64::builder("min-free-space")
                .nick("Minimum free space")
                .blurb("Disk space to keep free, in bytes: parts end below it, and begin again above it (0 = no limit)")
                .default_value(defaults.min_free_space)
                .mutable_ready()
                .build(),
            |s| s.min_free_space.to_value(),
            |s, v| take(&mut s.min_free_space, v),
        ),
        setting(
            glib::ParamSpecBoolean::builder("checksum")
                .nick("Checksum")
                .blurb("Whether the manifest has the SHA-256 of each closed part, for which all files but MPEG-TS are read again")
                .default_value(defaults.checksum)
                .mutable_ready()
                .build(),
            |s| s.checksum.to_value(),
            |s, v| take(&mut s.checksum, v),
        ),
        setting(
            glib::ParamSpecString::builder("manifest")
                .nick("Manifest")
                .blurb("File for the manifest, the list of parts, one JSON object per line (unset: <prefix>_<start>.manifest.jsonl beside the files; empty: none)")
                .mutable_ready()
                .build(),
            |s| s.manifest.to_value(),
            |s, v| s.manifest = text(v),
        ),
        report(
            glib::ParamSpecBoxed::builder::<gst::Structure>("files")
                .nick("Files")
                .blurb("Parts of this run, in the order in which they began: the newest 1000, and those that are open")
                .read_only()
                .build(),
            Report::files,
        ),
        report(
            glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Number of parts that are open, closed and failed, and the bytes in closed files")
                .read_only()
                .build(),
            Report::stats,
        ),
    ]
}

fn setting(
    spec: glib::ParamSpec,
    read: fn(&Settings) -> glib::Value,
    write: fn(&mut Settings, &glib::Value),
) -> Property {
    let access = Access::Setting { read, write };
    Property { spec, access }
}

fn report(spec: glib::ParamSpec, read: fn(&Report) -> gst::Structure) -> Property {
    let access = Access::Report(read);
    Property { spec, access }
}

/// GObject has checked the type.
fn take<T: for<'v> glib::value::FromValue<'v>>(field: &mut T, value: &glib::Value) {
    if let Ok(value) = value.get() {
        *field = value;
    }
}

fn text(value: &glib::Value) -> Option<String> {
    value.get::<Option<String>>().ok().flatten()
}
