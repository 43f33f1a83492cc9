// SPDX-License-Identifier: MPL-2.0
//! Pictures of VP9 that have a frame for each spatial layer.
//!
//! rtpvp9depay (GStreamer 1.22) gives out the frames of a picture in one buffer, and nothing tells
//! where one ends. Encoders mark all of them as shown, since a receiver may get only the lower
//! ones. The guard knows their lengths; behind the depayloader they become a superframe (VP9
//! bitstream specification, annex B), of which the largest is shown.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

use crate::bitstream::{References, Superframe};
use crate::vdoroomsrc::media::payload::Piece;

/// Pictures that the depayloader may still have to give out. It gives out one with its last packet,
/// so there are more only if packets come in lists.
const LARGEST_BACKLOG: usize = 64;

#[derive(Default)]
pub(crate) struct Layers {
    /// All of it happens on one streaming thread, so nobody waits for the lock.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How long the frames are of the picture that comes in.
    incoming: Vec<usize>,
    /// The same of those that are whole.
    whole: VecDeque<Vec<usize>>,
    references: References,
    /// The largest since the last keyframe, if pictures have several.
    size: Option<(u32, u32)>,
}

/// What becomes of a picture.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// In its place.
    superframe: Option<Vec<u8>>,
    /// The size is another one from now on.
    changes_size: bool,
}

impl Layers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A packet goes into the depayloader.
    pub(crate) fn packet(&self, piece: Piece, marker: bool) {
        self.state().packet(piece, marker);
    }

    fn picture(&self, data: &[u8]) -> Outcome {
        self.state().picture(data)
    }

    /// vp9parse (up to 1.28) believes the size that comes with the caps, and finds that of the first layer
    /// itself. rtpvp9depay has it from the payload descriptor, which does not follow each change
    /// and may be wrong; the frames tell it.
    fn mend(&self, caps: &gst::CapsRef) -> gst::Caps {
        let mut caps = caps.to_owned();
        if let Some(vp9) = caps.make_mut().structure_mut(0) {
            vp9.remove_fields(["width", "height"]);
            let size = self.state().size;
            let size =
                size.and_then(|(w, h)| Some((i32::try_from(w).ok()?, i32::try_from(h).ok()?)));
            if let Some((width, height)) = size {
                vp9.set("width", width);
                vp9.set("height", height);
            }
        }
        caps
    }
}

impl State {
    fn packet(&mut self, piece: Piece, marker: bool) {
        if piece.begins_picture {
            self.incoming.clear();
        }
        match self.incoming.last_mut() {
            Some(length) if !piece.begins_frame => *length += piece.bytes,
            _ => self.incoming.push(piece.bytes),
        }
        if marker {
            self.whole.push_back(std::mem::take(&mut self.incoming));
            if self.whole.len() > LARGEST_BACKLOG {
                self.whole.pop_front();
            }
        }
    }

    fn picture(&mut self, data: &[u8]) -> Outcome {
        let is_this = |lengths: &Vec<usize>| lengths.iter().sum::<usize>() == data.len();
        let Some(at) = self.whole.iter().position(is_this) else {
            return Outcome::default();
        };
        // Those before it the depayloader has given up.
        let Some(lengths) = self.whole.drain(..=at).next_back() else {
            return Outcome::default();
        };
        if let [_] = lengths.as_slice() {
            let header = self.references.frame(data);
            let begins_anew = header.is_some_and(|header| header.is_key);
            return Outcome {
                superframe: None,
                changes_size: begins_anew && self.size.take().is_some(),
            };
        }
        match self.references.superframe(data, &lengths) {
            Some(superframe) => Outcome {
                changes_size: self.resize(&superframe),
                superframe: Some(superframe.data),
            },
            None => Outcome::default(),
        }
    }

    fn resize(&mut self, superframe: &Superframe) -> bool {
        let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        let Some(new) = superframe.size else {
            return false;
        };
        let grows = self.size.is_none_or(|size| area(new) > area(size));
        if !superframe.is_key && !grows {
            return false;
        }
        self.size.replace(new) != Some(new)
    }
}

/// Makes whole pictures of what leaves the depayloader.
pub(crate) fn put_together(depayloaded: &gst::Pad, layers: &Arc<Layers>) {
    let of_caps = layers.clone();
    depayloaded.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view()) {
            let caps = of_caps.mend(event.caps());
            let event = gst::event::Caps::builder(&caps).seqnum(event.seqnum());
            info.data = Some(gst::PadProbeData::Event(event.build()));
        }
        gst::PadProbeReturn::Ok
    });
    let layers = layers.clone();
    depayloaded.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
            let outcome = match buffer.map_readable() {
                Ok(data) => layers.picture(&data),
                Err(_) => Outcome::default(),
            };
            if let Some(superframe) = outcome.superframe {
                *buffer = with_data(buffer, superframe);
            }
            if outcome.changes_size {
                tell_size(pad, &layers);
            }
        }
        gst::PadProbeReturn::Ok
    });
}

fn with_data(of: &gst::BufferRef, data: Vec<u8>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(data);
    if let Some(buffer) = buffer.get_mut() {
        // Fails only for a part of the memory, which is left out.
        let _ = of.copy_into(buffer, gst::BUFFER_COPY_METADATA, ..);
    }
    buffer
}

/// The depayloader does not know of it: its caps are the same.
fn tell_size(pad: &gst::Pad, layers: &Layers) {
    if let (Some(caps), Some(parser)) = (pad.current_caps(), pad.peer()) {
        parser.send_event(gst::event::Caps::new(&layers.mend(&caps)));
    }
}
