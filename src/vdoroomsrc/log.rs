// SPDX-License-Identifier: MPL-2.0
//! Where everything of the source logs to.

use once_cell::sync::Lazy;

pub(crate) static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "vdoroomsrc",
        gst::DebugColorFlags::empty(),
        Some("VDO.Ninja room source"),
    )
});
