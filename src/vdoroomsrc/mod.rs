// SPDX-License-Identifier: MPL-2.0
//! The source: joins a room and has a pad for each track that is sent in it.
//!
//! `protocol::Room` decides everything that is said in the room, on the thread `vdoroom:net`, which
//! the signalling module runs. `control` carries out what it decides, on the thread `vdoroom:ctl`:
//! it owns a `session` for each WebRTC connection. A session has a `track` for each medium, and each
//! track ends in an `exit`, the ghost pad. `imp` is the GObject around them.

/**
 * SECTION:element-vdoroomsrc
 * @title: vdoroomsrc
 * @short_description: receives every stream of a VDO.Ninja room
 * @see_also: #roomfilesink, #webrtcbin
 * @symbols:
 *   - GstVdoRoomSrcPad
 *
 * Receives every stream of a VDO.Ninja room. It does the signalling itself over one websocket,
 * makes one #webrtcbin per stream, and adds a source pad for each track. The pads carry encoded
 * media and can be linked to muxers. They are named by the stream ID, as `video_alice` and
 * `audio_alice`, and are removed with the stream, after EOS.
 *
 * ## Record everybody, each person into a file
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
 * ## Record the audio of the streams whose IDs begin with a, at 128 kbit/s
 *
 * ```bash
 * gst-launch-1.0 -e vdoroomsrc room=studio streams='<"a*">' receive-video=false audio-bitrate=128 : \
 *   roomfilesink location=interview/
 * ```
 *
 * ## Print what happens in the room
 *
 * ```bash
 * gst-launch-1.0 -m vdoroomsrc room=studio : fakesink
 * ```
 *
 * ## Print what one person sends, within 30 s
 *
 * ```bash
 * gst-discoverer-1.0 -v -t 30 vdoroom://127.0.0.1:8443/studio/alice
 * ```
 *
 * ## Play one person
 *
 * ```bash
 * gst-play-1.0 vdoroom://127.0.0.1:8443/studio/alice
 * ```
 *
 * ## Element messages
 *
 * - `vdoroom-stream-added`, `vdoroom-stream-changed`: `stream-id` and `info`, as the signals have
 *   them
 * - `vdoroom-stream-removed`: `stream-id` and `reason`
 * - `vdoroom-connection`: `stream-id`, `session`, the states `gathering`, `ice`, `dtls` and
 *   `connection` and, once known, `local-candidate`, `remote-candidate` and
 *   `round-trip-time` in nanoseconds
 *
 * ## Events of the pads
 *
 * - `vdoroom-stream`, sticky: `room`, `stream`, `session` and `label`
 * - `vdoroom-undecodable`, without fields: too many of the last 50 frames are not what the offer
 *   says, as with end-to-end encryption
 * - `vdoroom-session-end`, before EOS: `reason`, the number of `packets` that arrived, were
 *   `lost`, `late` and `recovered`, and the mean `jitter` in nanoseconds
 */
mod actions;
mod announce;
mod arrivals;
mod association;
#[cfg(feature = "av1")]
mod av1;
mod bundle;
mod codecs;
mod congestion;
mod connectivity;
mod control;
mod counters;
mod events;
mod exit;
mod expose;
mod flow;
mod formats;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod ice;
mod identity;
mod imp;
mod introduction;
mod keyframes;
mod layers;
mod loss;
mod no_more_pads;
mod numbers;
mod offer;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod packets;
mod pad;
mod pad_names;
mod parsed_keyframes;
mod payload;
mod ping;
mod properties;
mod pulse;
mod rejoin;
mod remains;
mod repair;
mod requirements;
mod sender;
mod sender_reports;
mod session;
mod session_names;
mod settings;
mod shortcut;
mod signals;
mod simulcast;
mod ssrcs;
mod states;
mod stats;
mod tags;
mod timeline;
mod timestamps;
mod track;
mod uri;
mod values;
mod warm_up;
mod watches;
mod webrtcbin;

use gst::glib;
use gst::prelude::*;
use once_cell::sync::Lazy;

pub use pad::VdoRoomSrcPad;
pub use settings::Dialect;

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
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
