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
    /// That of the newest caps behind the parser.
    told: Option<(u32, u32)>,
}

impl Layers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A packet goes into the depayloader.
    pub(crate) fn packet(&self, piece: Piece, marker: bool) {
        self.state().packet(piece, marker);
    }

    /// The superframe in the place of a picture, if it has several frames.
    fn picture(&self, data: &[u8]) -> Option<Vec<u8>> {
        self.state().picture(data)
    }

    /// The caps of the parser, which finds the size of the first layer.
    fn mend(&self, caps: &gst::CapsRef) -> gst::Caps {
        let mut caps = caps.to_owned();
        let mut state = self.state();
        state.told = state.size;
        let size = state
            .size
            .and_then(|(w, h)| Some((i32::try_from(w).ok()?, i32::try_from(h).ok()?)));
        if let Some(vp9) = caps.make_mut().structure_mut(0)
            && let Some((width, height)) = size
        {
            vp9.set("width", width);
            vp9.set("height", height);
        }
        caps
    }

    /// The size has changed since caps told one.
    fn has_news(&self) -> bool {
        let state = self.state();
        state.told != state.size
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

    fn picture(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        let is_this = |lengths: &Vec<usize>| lengths.iter().sum::<usize>() == data.len();
        let at = self.whole.iter().position(is_this)?;
        // Those before it the depayloader has given up.
        let lengths = self.whole.drain(..=at).next_back()?;
        if let [_] = lengths.as_slice() {
            if self
                .references
                .frame(data)
                .is_some_and(|header| header.is_key)
            {
                self.size = None;
            }
            return None;
        }
        let superframe = self.references.superframe(data, &lengths)?;
        self.resize(&superframe);
        Some(superframe.data)
    }

    fn resize(&mut self, superframe: &Superframe) {
        let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        if let Some(new) = superframe.size
            && (superframe.is_key || self.size.is_none_or(|size| area(new) > area(size)))
        {
            self.size = Some(new);
        }
    }
}

/// Makes whole pictures of what leaves the depayloader.
pub(crate) fn put_together(depayloaded: &gst::Pad, layers: &Arc<Layers>) {
    // rtpvp9depay has a size from the payload descriptor, which does not follow each change and may
    // be wrong, and vp9parse (up to 1.28) believes it: the frames tell it.
    change_caps(depayloaded, |caps| {
        let mut caps = caps.to_owned();
        if let Some(vp9) = caps.make_mut().structure_mut(0) {
            vp9.remove_fields(["width", "height"]);
        }
        caps
    });
    let layers = layers.clone();
    depayloaded.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
            let superframe = match buffer.map_readable() {
                Ok(data) => layers.picture(&data),
                Err(_) => None,
            };
            if let Some(superframe) = superframe {
                *buffer = with_data(buffer, superframe);
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// Behind the parser, caps have the size of the whole pictures.
pub(crate) fn tell_sizes(parsed: &gst::Pad, layers: &Arc<Layers>) {
    let of_caps = layers.clone();
    change_caps(parsed, move |caps| of_caps.mend(caps));
    let layers = layers.clone();
    parsed.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        // The parser sends no caps for a layer that is added, or left out.
        if layers.has_news()
            && let (Some(caps), Some(next)) = (pad.current_caps(), pad.peer())
        {
            next.send_event(gst::event::Caps::new(&layers.mend(&caps)));
        }
        gst::PadProbeReturn::Ok
    });
}

fn change_caps(
    pad: &gst::Pad,
    change: impl Fn(&gst::CapsRef) -> gst::Caps + Send + Sync + 'static,
) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view()) {
            let caps = change(event.caps());
            let event = gst::event::Caps::builder(&caps).seqnum(event.seqnum());
            info.data = Some(gst::PadProbeData::Event(event.build()));
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
