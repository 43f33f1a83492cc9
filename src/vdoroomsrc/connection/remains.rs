// SPDX-License-Identifier: MPL-2.0
//! What is left of a session, or of a pad that has waited in vain, until it is taken apart.

use gst::prelude::*;

use crate::protocol::{SessionId, StreamId};
use crate::vdoroomsrc::media::{Announced, End, Track, VdoRoomSrcPad, stop, take_out};

/// To be taken apart. Whatever becomes of it, its elements are stopped before they go.
pub(crate) struct Remains {
    pub session: Option<SessionId>,
    pub stream: StreamId,
    pub announced: Announced,
    /// The element of the connection.
    pub connection: Option<gst::Element>,
    /// Whose pads go.
    pub tracks: Vec<Track>,
    /// Whose pads stay for the next session.
    pub kept: Vec<Track>,
}

impl Remains {
    /// A pad that has waited for a session in vain.
    pub(crate) fn of_pad(stream: StreamId, announced: Announced, track: Track) -> Self {
        Self {
            session: None,
            stream,
            announced,
            connection: None,
            tracks: vec![track],
            kept: Vec::new(),
        }
    }

    /// Stops all of it. Waits for consumers.
    pub(crate) fn stop(&self) {
        self.tracks.iter().for_each(Track::close);
        let stuck = self.tracks.iter().filter(|track| track.end != End::Eos);
        let held = self.kept.iter().filter(|track| track.is_held());
        let flushed: Vec<&Track> = stuck.chain(held).collect();
        for track in &flushed {
            track.flush_consumer();
        }
        // The source first, so that nothing pushes into elements that are stopped next.
        if let Some(connection) = &self.connection {
            stop(connection);
        }
        for track in &self.tracks {
            track.elements().for_each(stop);
        }
        for track in &flushed {
            track.end_flush();
        }
        for track in &self.tracks {
            let _ = track.pad.set_active(false);
        }
        for track in &self.kept {
            track.front().for_each(stop);
        }
    }

    /// What goes out of the element: pads, and elements.
    pub(crate) fn parts(&self) -> Parts {
        let own = self.tracks.iter().flat_map(Track::elements);
        let front = self.kept.iter().flat_map(Track::front);
        let elements = self.connection.iter().chain(own).chain(front);
        Parts {
            pads: self.tracks.iter().map(|track| track.pad.clone()).collect(),
            elements: elements.cloned().collect(),
        }
    }

    /// All that may go out of the element, if what would be kept does not stop.
    pub(crate) fn all_parts(&self) -> Parts {
        let mut parts = self.parts();
        for track in &self.kept {
            parts.pads.push(track.pad.clone());
            parts.elements.extend(track.elements().cloned());
        }
        parts
    }

    /// The tracks whose pads stay, once the rest has been taken out.
    pub(crate) fn take_kept(&mut self) -> Vec<Track> {
        let mut kept = std::mem::take(&mut self.kept);
        kept.iter_mut().for_each(Track::retire);
        kept
    }

    /// No session continues with what was kept.
    pub(crate) fn keep_none(&mut self) {
        self.tracks.append(&mut self.kept);
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        let own = self.tracks.iter().chain(&self.kept);
        let own = own.flat_map(Track::elements);
        self.connection.iter().chain(own).for_each(stop);
    }
}

/// Pads and elements.
pub(crate) struct Parts {
    pads: Vec<VdoRoomSrcPad>,
    elements: Vec<gst::Element>,
}

impl Parts {
    /// Does not wait, whether they have stopped or not.
    pub(crate) fn take_out(&self, element: &gst::Bin) {
        for pad in &self.pads {
            if pad.parent().as_ref() == Some(element.upcast_ref()) {
                let _ = element.remove_pad(pad);
            }
        }
        for part in &self.elements {
            take_out(part, element);
        }
    }
}
