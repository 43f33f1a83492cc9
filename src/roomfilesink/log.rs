// SPDX-License-Identifier: MPL-2.0
//! The debug category of the element: `GST_DEBUG=roomfilesink:6`.

use std::sync::LazyLock;

pub(crate) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "roomfilesink",
        gst::DebugColorFlags::empty(),
        Some("Room file sink"),
    )
});
