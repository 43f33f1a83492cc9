// SPDX-License-Identifier: MPL-2.0
//! Frames of H.264 and H.265 as the recorder needs them: with the parameter sets and the decoding
//! times that they lack, and whether a file can begin with them.

use super::container::Codec;
use super::parameter_sets::ParameterSets;
use crate::bitstream::{Config, DecodingOrder, Entries, Entry, Form, Reordering, Standard};

/// What is known of the stream on a pad.
#[derive(Debug)]
pub(crate) struct Coded {
    form: Form,
    /// Of frames that carry them.
    sets: Option<ParameterSets>,
    entries: Entries,
    order: DecodingOrder,
}

impl Coded {
    /// `None` for other codecs. What `before` knows outlives a change of caps, which may come
    /// without new parameter sets.
    pub(crate) fn new(codec: Codec, caps: &gst::CapsRef, before: Option<Self>) -> Option<Self> {
        let standard = match codec {
            Codec::H264 => Standard::H264,
            Codec::H265 => Standard::H265,
            _ => return None,
        };
        let structure = caps.structure(0)?;
        let stream_format = structure.get::<&str>("stream-format").unwrap_or_default();
        let record = structure.get::<gst::Buffer>("codec_data").ok();
        let record = record
            .as_ref()
            .and_then(|record| record.map_readable().ok());
        let form = Form::new(standard, stream_format, record.as_deref());
        let before = before.filter(|before| before.form.standard() == standard);
        let (known, entries, order) = match before {
            Some(before) => (before.sets, before.entries, before.order),
            None => Default::default(),
        };
        let carries_sets = stream_format == "byte-stream";
        let sets = carries_sets.then(|| known.unwrap_or_else(|| ParameterSets::new(codec)));
        let mut coded = Self {
            form,
            sets,
            entries,
            order,
        };
        if let Some(sps) = record
            .as_deref()
            .and_then(|r| Config::new(standard, r).sps())
        {
            coded.reorder(sps);
        }
        Some(coded)
    }

    fn reorder(&mut self, sps: &[u8]) {
        if let Some(reordering) = Reordering::of(self.form.standard(), sps) {
            self.order.set_reordering(reordering);
        }
    }

    /// Whether a file can begin with this frame; a keyframe gets the parameter sets that it lacks.
    pub(crate) fn judge(&mut self, mut buffer: gst::Buffer, pts: i64) -> (gst::Buffer, Entry) {
        let is_keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let entry = match buffer.map_readable() {
            Ok(map) if is_keyframe => self.entries.judge(self.form.refresh(&map), pts),
            _ => Entry::No,
        };
        if is_keyframe && entry == Entry::No {
            buffer.make_mut().set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        (self.with_parameter_sets(buffer, entry != Entry::No), entry)
    }

    /// PTS and DTS in running time. A source that gives only the PTS may have B-frames all the same.
    pub(crate) fn times(&mut self, pts: i64, dts: Option<i64>) -> (i64, Option<i64>) {
        if dts.is_some() {
            return (pts, dts);
        }
        let times = self.order.frame(Some(pts));
        (times.pts, Some(times.dts))
    }

    fn with_parameter_sets(&mut self, buffer: gst::Buffer, begins: bool) -> gst::Buffer {
        let Some(mut sets) = self.sets.take() else {
            return buffer;
        };
        let whole = buffer.map_readable().ok().and_then(|map| {
            let missing = sets.frame(&map, begins)?;
            let (before, after) = map.split_at_checked(missing.at)?;
            let bytes = [before, &missing.bytes, after].concat();
            let mut whole = gst::Buffer::from_mut_slice(bytes);
            let what = gst::BufferCopyFlags::FLAGS
                | gst::BufferCopyFlags::TIMESTAMPS
                | gst::BufferCopyFlags::META;
            buffer.copy_into(whole.get_mut()?, what, ..).ok()?;
            Some(whole)
        });
        if begins && let Some(sps) = sets.sps() {
            self.reorder(sps);
        }
        self.sets = Some(sets);
        whole.unwrap_or(buffer)
    }
}
