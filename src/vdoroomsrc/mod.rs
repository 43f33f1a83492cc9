// SPDX-License-Identifier: MPL-2.0
//! The source: joins a room and has a pad for each track that is sent in it.
//!
//! `protocol::Room` decides everything that is said in the room, on the thread `vdoroom:net`, which
//! the signalling module runs. What it decides, `control` carries out, on the thread `vdoroom:ctl`: it
//! owns a `Session` for each WebRTC connection (`connection`), and each session a `Track` for each
//! medium (`media`), which ends in a pad. `element` is the GObject around them.
//!
//! Imports run downwards: `element`, `control`, `connection`, `settings`, `media`, `reports`, `log`.

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
 * - `vdoroom-stream`, sticky: `room`, `stream`, `session`, `label`, and the `kind` of the track,
 *   which is `video`, `audio`, `screen` or `screenaudio`
 * - `vdoroom-undecodable`, without fields: too many of the last 50 frames are not what the offer
 *   says, as with end-to-end encryption
 * - `vdoroom-session-end`, before EOS: `reason`, the number of `packets` that arrived, were
 *   `lost`, `late` and `recovered`, and the mean `jitter` in nanoseconds
 */
mod connection;
mod control;
mod element;
mod log;
mod media;
mod reports;
mod settings;

use gst::glib;
use gst::prelude::*;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use connection::fuzzing;
pub use element::VdoRoomSrc;
pub use media::VdoRoomSrcPad;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use media::packets;
pub use settings::{Dialect, Engine};

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    for of_the_interface in [
        Dialect::static_type(),
        Engine::static_type(),
        VdoRoomSrcPad::static_type(),
    ] {
        of_the_interface.mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
    gst::Element::register(
        Some(plugin),
        "vdoroomsrc",
        gst::Rank::NONE,
        VdoRoomSrc::static_type(),
    )
}
