// SPDX-License-Identifier: MPL-2.0
//! `roomfilesink` records every person of a room into files of their own.
//!
//! ```sh
//! gst-launch-1.0 -e vdoroomsrc room=R : roomfilesink location=rec
//! gst-launch-1.0 videotestsrc num-buffers=100 ! x264enc ! r.video_test roomfilesink name=r \
//!     audiotestsrc num-buffers=200 ! opusenc ! r.audio_test
//! ```
//!
//! Pads are asked for as `video_%s` and `audio_%s`. Those that share a group-id, or a name after
//! the `_`, belong to one session; what they send goes into *parts*, one file each, audio and video
//! together. `imp` is the GObject. `pads` turn what comes in into messages for the one `control`
//! thread. There `sessions` groups the pads, a `session` puts frames into order and `cut` decides
//! which part each goes to. A `part` is a multiplexer (`mux_mpegts` with GStreamer's `mpegtsmux`,
//! `mux_matroska` with our `matroska` writer) and a file on a thread of its own (`writer`).
//! `announcer` emits the signals on a thread of its own.
//! `container`, `naming`, `matroska`, `parameter_sets`, `record` and `manifest` are plain rules.
//!
//! The element posts EOS once: after EOS was sent to it and every part is closed, at most 1.5 s
//! later; or, in PLAYING only, when all its linked pads are at EOS, and still linked half a second
//! later, unless they come from a room: one that empties may fill again.

use std::sync::{Arc, LazyLock};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

mod announcer;
mod closing;
mod container;
mod control;
mod cut;
mod damage;
mod ebml;
mod effects;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod imp;
mod manifest;
mod matroska;
mod mpegts_clock;
mod mux_matroska;
mod mux_mpegts;
mod naming;
mod pads;
mod parameter_sets;
mod parser;
mod part;
mod progress;
mod properties;
mod record;
mod report;
mod session;
mod sessions;
mod settings;
mod signals;
mod track;
mod waiting;
mod writer;

pub use container::ContainerChoice;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "roomfilesink",
        gst::DebugColorFlags::empty(),
        Some("Room file sink"),
    )
});

glib::wrapper! {
    pub struct RoomFileSink(ObjectSubclass<imp::RoomFileSink>)
        @extends gst::Element, gst::Object;
}

impl RoomFileSink {
    fn imp_tracks(&self) -> Vec<Arc<track::Track>> {
        self.imp().tracks()
    }

    fn imp_report(&self, event: &str, part: &record::PartRecord, fields: gst::Structure) {
        self.imp().report(event, part, fields);
    }
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    ContainerChoice::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "roomfilesink",
        gst::Rank::NONE,
        RoomFileSink::static_type(),
    )
}
