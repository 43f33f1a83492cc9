// SPDX-License-Identifier: MPL-2.0
/**
 * SECTION:element-vdoroomsrc
 *
 * Receives every stream of a VDO.Ninja room: does the room's signalling itself over one
 * websocket, and adds one webrtcbin and the source pads for each stream that it discovers. The
 * pads carry encoded media, so that they can be linked to muxers.
 *
 * ## Record everybody, each into a file
 *
 * ```bash
 * gst-launch-1.0 -e vdoroomsrc server=ws://127.0.0.1:8443 room=studio : roomfilesink location=rec
 * ```
 *
 * ## Record one person by name
 *
 * ```bash
 * gst-launch-1.0 -e vdoroomsrc room=studio name=r \
 *   r.video_alice ! queue ! h264parse ! mpegtsmux name=m ! filesink async=false location=alice.ts \
 *   r.audio_alice ! queue ! m.
 * ```
 *
 * ## Play one person
 *
 * ```bash
 * gst-play-1.0 vdoroom://127.0.0.1:8443/studio/alice
 * ```
 *
 * Who does what: `protocol::Room` decides everything that is said in the room, on the thread
 * `vdoroom:net`, which the signalling module runs. `control` carries out what it decides, on the
 * thread `vdoroom:ctl`: it owns a `session` for each WebRTC connection, which has a `track` for
 * each medium, which ends in an `exit`, the ghost pad. `imp` is the GObject around them.
 */
mod actions;
mod announce;
#[cfg(feature = "av1")]
mod av1;
mod codecs;
mod congestion;
mod connectivity;
mod control;
mod events;
mod exit;
mod expose;
mod formats;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod ice;
mod identity;
mod imp;
mod introduction;
mod keyframes;
mod loss;
mod no_more_pads;
mod offer;
mod pad;
mod pad_names;
mod ping;
mod properties;
mod pulse;
mod rejoin;
mod repair;
mod requirements;
mod sender;
mod sender_reports;
mod session;
mod settings;
mod signals;
mod ssrcs;
mod states;
mod stats;
mod tags;
mod timeline;
mod timestamps;
mod track;
mod uri;
mod values;
mod watches;
mod webrtcbin;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

pub use pad::VdoRoomSrcPad;
pub use settings::Dialect;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "vdoroomsrc",
        gst::DebugColorFlags::empty(),
        Some("VDO.Ninja room source"),
    )
});

glib::wrapper! {
    pub struct VdoRoomSrc(ObjectSubclass<imp::VdoRoomSrc>)
        @extends gst::Bin, gst::Element, gst::Object,
        @implements gst::ChildProxy, gst::URIHandler;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    for of_the_interface in [Dialect::static_type(), VdoRoomSrcPad::static_type()] {
        of_the_interface.mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
    gst::Element::register(
        Some(plugin),
        "vdoroomsrc",
        gst::Rank::NONE,
        VdoRoomSrc::static_type(),
    )
}
