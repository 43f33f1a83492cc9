// SPDX-License-Identifier: MPL-2.0
//! Presentation and decoding times of frames.
//!
//! While rtpjitterbuffer's skew estimate settles it repeats timestamps; GstBaseParse then drops
//! the second one and muxers fail on a buffer without any (seen with GStreamer 1.22; fixed
//! upstream by commit cbab56c141, in no release up to 1.28.6). So no two frames have the same, and
//! they rise, except where a codec has frames that are shown before others that came earlier.
//!
//! The decoding time that the depayloader gives is that of the packet's arrival.

use std::sync::{Mutex, PoisonError};

use gst::ClockTime;

use crate::bitstream::{Config, DecodingOrder, Reordering, Standard};

/// Of frames that were sent again long after their time, and are not shown: nothing else has it.
pub(crate) const OUTDATED: ClockTime = ClockTime::from_nseconds(1);

pub(crate) struct Timestamps {
    /// Of a codec that reorders frames.
    standard: Option<Standard>,
    /// Only the streaming thread takes it.
    order: Mutex<DecodingOrder>,
}

impl Timestamps {
    /// `standard` is that of a codec that reorders frames.
    pub(crate) fn new(standard: Option<Standard>) -> Self {
        Self {
            standard,
            order: Mutex::default(),
        }
    }

    /// The depayloader's caps: their parameter sets tell how frames are reordered.
    pub(crate) fn caps(&self, caps: &gst::CapsRef) {
        let structure = caps.structure(0);
        let record = structure.and_then(|s| s.get::<gst::Buffer>("codec_data").ok());
        let (Some(standard), Some(record)) = (self.standard, record) else {
            return;
        };
        let reordering = record.map_readable().ok().and_then(|record| {
            let sps = Config::new(standard, &record).sps()?;
            Reordering::of(standard, sps)
        });
        if let Some(reordering) = reordering {
            let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            order.set_reordering(reordering);
        }
    }

    /// PTS and DTS of the next frame.
    pub(crate) fn fix(&self, pts: Option<ClockTime>) -> (ClockTime, ClockTime) {
        let pts = pts.and_then(|pts| i64::try_from(pts.nseconds()).ok());
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let times = order.frame(pts);
        let time = |t: i64| ClockTime::from_nseconds(t.max(0) as u64);
        (time(times.pts), time(times.dts))
    }
}
