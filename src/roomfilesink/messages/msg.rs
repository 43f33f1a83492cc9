// SPDX-License-Identifier: MPL-2.0
//! What the control thread is told: by pads of what comes in, by parts and the manifest of their
//! files, by the element of its state.

use std::sync::{Arc, mpsc};

use crate::roomfilesink::files::FileEvent;
use crate::roomfilesink::media::{Frame, Track};
use crate::roomfilesink::parts::{PartEvent, PartId, Reason};
use crate::roomfilesink::settings::Limits;

pub(crate) enum Msg {
    StreamStart {
        track: Arc<Track>,
        stream_id: String,
        group: Option<gst::GroupId>,
    },
    /// Stream IDs of the audio and video streams in the collection.
    Collection(Arc<Track>, Vec<String>),
    /// The sticky event `vdoroom-stream`.
    Person(Arc<Track>, gst::Structure),
    /// Tags that name the person or the track, or say its language.
    Tags(Arc<Track>, gst::TagList),
    SessionEnd(Arc<Track>, String),
    /// The caps, in words, that cannot be recorded.
    Refused(Arc<Track>, String),
    Frame(Arc<Track>, Frame),
    Gap(Arc<Track>),
    Ended(Arc<Track>, Reason),
    Part(PartId, PartEvent),
    Manifest(FileEvent),
    /// `max-size-time` or `max-size-bytes` was set.
    Limits(Limits),
    /// The moment `at`, in running time, is to be found again.
    Mark {
        at: i64,
        text: String,
    },
    /// EOS was sent to the element.
    End,
    /// The element stops; answered when the files are closed. Brings the element along: one that
    /// is being dropped cannot be upgraded to any more.
    Shutdown(gst::Element, mpsc::Sender<()>),
}
