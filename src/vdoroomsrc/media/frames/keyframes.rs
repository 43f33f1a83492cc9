// SPDX-License-Identifier: MPL-2.0
//! Which frames of H.264 and H.265 are keyframes: the parsers report more of them than a decoder can
//! begin with.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;

use crate::bitstream::{Entries, Entry, Form, Standard};
use crate::vdoroomsrc::media::codecs::Codec;

pub(crate) struct Keyframes {
    standard: Option<Standard>,
    /// Only the streaming thread takes it.
    entries: Mutex<Entries>,
}

impl Keyframes {
    pub(crate) fn new(codec: &Codec) -> Self {
        Self {
            standard: codec.standard(),
            entries: Mutex::default(),
        }
    }

    /// Marks what is none as a delta frame.
    pub(crate) fn judge(&self, pad: &gst::Pad, buffer: &mut gst::Buffer) {
        let is_delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let Some(standard) = self.standard.filter(|_| !is_delta) else {
            return;
        };
        let Some(refresh) = form(pad, standard).and_then(|form| {
            let map = buffer.map_readable().ok()?;
            Some(form.refresh(&map))
        }) else {
            return;
        };
        let time = buffer.pts().map_or(0, |pts| pts.nseconds() as i64);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.judge(refresh, time) == Entry::No {
            buffer.make_mut().set_flags(gst::BufferFlags::DELTA_UNIT);
        }
    }
}

fn form(pad: &gst::Pad, standard: Standard) -> Option<Form> {
    let caps = pad.current_caps()?;
    let structure = caps.structure(0)?;
    let stream_format = structure.get::<&str>("stream-format").ok()?;
    let record = structure.get::<gst::Buffer>("codec_data").ok();
    let record = record.as_ref().and_then(|r| r.map_readable().ok());
    Some(Form::new(standard, stream_format, record.as_deref()))
}
