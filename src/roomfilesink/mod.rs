// SPDX-License-Identifier: MPL-2.0
//! The recorder: takes encoded streams and writes a file for each person.
//!
//! What a person sends goes into *parts*, one file each, audio and video together. From top to
//! bottom; a file imports only from its own folder and from those below:
//!
//! | folder | subject |
//! |---|---|
//! | `element` | the GObject; its pads turn what comes in into messages |
//! | `control` | the one thread that takes them: carries out what sessions decide, writes the manifest |
//! | `sessions` | who belongs together, in which order frames go, where parts begin and end |
//! | `messages` | what the control thread is told, and the way there |
//! | `parts` | one file of one person, and what is told of it |
//! | `mux` | the containers: MPEG-TS, Matroska, WebM and MP4, by writers of our own |
//! | `files` | names and bytes on disk; other threads write |
//! | `settings` | the properties, as a value |
//! | `media` | what comes in, as values: codecs, formats, frames, tracks |
//! | `log` | the debug category |

/**
 * SECTION:element-roomfilesink
 * @title: roomfilesink
 * @short_description: records every person into files of their own
 * @see_also: #vdoroomsrc, #splitmuxsink
 *
 * Records every person of a room, or of any other source, into files of their own, audio and
 * video together, as they were encoded: H.264 and H.265 into MPEG-TS, everything else into
 * Matroska; #GstRoomFileSink:container chooses another format, such as WebM or MP4. Pads are
 * requested as `video_x` and `audio_x`; those that share a group-id, or the name after the `_`, are
 * one person. A manifest lists who was recorded when.
 *
 * ## Record a room
 *
 * ```bash
 * gst-launch-1.0 -e vdoroomsrc room=studio : roomfilesink location=rec
 * ```
 *
 * ## Record two persons from test sources
 *
 * ```bash
 * gst-launch-1.0 roomfilesink name=r location=rec \
 *   videotestsrc num-buffers=90 ! x264enc tune=zerolatency key-int-max=30 ! r.video_alice \
 *   audiotestsrc num-buffers=150 samplesperbuffer=960 ! opusenc ! r.audio_alice \
 *   videotestsrc num-buffers=90 ! vp8enc deadline=1 ! r.video_bob
 * ```
 *
 * ## Name files by person, day and part; a new one every second
 *
 * ```bash
 * gst-launch-1.0 videotestsrc num-buffers=90 ! x264enc tune=zerolatency key-int-max=15 ! \
 *   roomfilesink location='%s/%d_%n.%e' max-size-time=1000000000 container=matroska
 * ```
 *
 * ## Element messages
 *
 * `roomfilesink-part-opened`, `roomfilesink-part-closed` and `roomfilesink-part-failed` have the
 * fields of the manifest's lines, as the signals do; so has `roomfilesink-mark`, which follows
 * #GstRoomFileSink::mark.
 *
 * ## The end
 *
 * The element posts EOS once: after it has received EOS and every part is closed, at most 1.5 s
 * later, or 3.5 s with `checksum`; or, in PLAYING only, when all its linked pads are at EOS and are
 * still linked half a second later. This does not apply to the pads of a room, since an empty room
 * may fill again.
 */
use gst::glib;
use gst::prelude::*;

mod control;
mod element;
mod files;
mod log;
mod media;
mod messages;
mod mux;
mod parts;
mod sessions;
mod settings;

pub use element::RoomFileSink;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use files::fuzzing;
pub use media::ContainerChoice;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use sessions::crowd;

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    ContainerChoice::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "roomfilesink",
        gst::Rank::NONE,
        RoomFileSink::static_type(),
    )
}
