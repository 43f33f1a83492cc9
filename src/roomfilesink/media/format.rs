// SPDX-License-Identifier: MPL-2.0
//! What a pad sends: its format and its frames, with times as running time.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::container::{Codec, Container, Kind};
use crate::bitstream::Entry;

/// No frame is shown for longer.
const LONGEST: gst::ClockTime = gst::ClockTime::from_seconds(60 * 60);

/// The caps of a track, read once.
#[derive(Debug, Clone)]
pub(crate) struct Format {
    pub codec: Codec,
    pub caps: gst::Caps,
    pub width: u32,
    pub height: u32,
    pub rate: u32,
    pub channels: u32,
}

impl Format {
    /// `None` if the caps name no codec that can be recorded.
    pub(crate) fn from_caps(caps: &gst::Caps) -> Option<Self> {
        let s = caps.structure(0)?;
        let codec = Codec::from_caps_name(s.name())?;
        let field = |name| {
            s.get::<i32>(name)
                .ok()
                .and_then(|value| u32::try_from(value).ok())
        };
        // RTP depayloaders of GStreamer 1.22 leave these out where the codec fixes them.
        let (rate, channels) = match codec {
            Codec::Opus => (48_000, 2),
            Codec::G722 => (16_000, 1),
            Codec::Aac => (48_000, 2),
            _ => (8_000, 1),
        };
        Some(Self {
            codec,
            caps: caps.clone(),
            width: field("width").unwrap_or(0),
            height: field("height").unwrap_or(0),
            rate: field("rate").filter(|r| *r > 0).unwrap_or(rate),
            channels: field("channels").filter(|c| *c > 0).unwrap_or(channels),
        })
    }

    /// The frame size, where the caps have it.
    pub(crate) fn size(&self) -> Option<(u32, u32)> {
        (self.width > 0 && self.height > 0).then_some((self.width, self.height))
    }

    /// Whether a file that began with `self` can go on with `new`.
    ///
    /// A change of frame size is in the coded stream and never needs a new file.
    pub(crate) fn can_become(&self, new: &Format, container: Container) -> bool {
        if self.codec != new.codec {
            return false;
        }
        match self.codec.kind() {
            Kind::Video => true,
            Kind::Audio => {
                let same = self.channels == new.channels && self.rate == new.rate;
                // A decoder gives as many channels as the header says, whatever the packets have
                // (RFC 7845 section 5.1.1). MPEG-TS describes them in its tables only.
                let fits = self.codec == Codec::Opus && new.channels <= self.channels;
                same || (container != Container::MpegTs && fits)
            }
        }
    }
}

/// One encoded frame on its way into a file.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub buffer: gst::Buffer,
    pub format: Arc<Format>,
    /// Running times in nanoseconds. They may lie before 0 (encoders with reordering).
    pub pts: i64,
    pub dts: Option<i64>,
    /// Whether a file can begin with it.
    pub entry: Entry,
    /// Whether the source has said, by now, that nobody can decode what this is of.
    pub undecodable: Arc<AtomicBool>,
    pub arrived: Instant,
}

impl Frame {
    /// The time by which the frames of several tracks are put in order.
    pub(crate) fn order(&self) -> i64 {
        self.dts.map_or(self.pts, |dts| dts.min(self.pts))
    }

    pub(crate) fn end(&self) -> i64 {
        self.pts.saturating_add(self.duration())
    }

    /// 0 if it is unknown, or no encoder's.
    pub(crate) fn duration(&self) -> i64 {
        self.buffer
            .duration()
            .filter(|duration| *duration <= LONGEST)
            .and_then(|d| i64::try_from(d.nseconds()).ok())
            .unwrap_or(0)
    }

    pub(crate) fn is_keyframe(&self) -> bool {
        self.entry != Entry::No
    }

    pub(crate) fn kind(&self) -> Kind {
        self.format.codec.kind()
    }
}
