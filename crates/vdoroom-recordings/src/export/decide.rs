// SPDX-License-Identifier: MPL-2.0
//! What is copied, and what is encoded, and how.

use super::recording::Placed;
use super::request::{AudioCodec, Format, Rate, Request, VideoCodec};
use super::window::Window;

/// Of whom nothing tells the size.
const SIZE: (u32, u32) = (1280, 720);
const GRID: (u32, u32) = (1920, 1080);
const GRID_RATE: Rate = Rate {
    frames: 30,
    seconds: 1,
};

/// How video comes into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VideoWork {
    /// As it was recorded.
    Copied {
        codec: String,
        /// What it is encoded as, if a multiplexer does not take it.
        otherwise: (VideoCodec, (u32, u32)),
    },
    Encoded {
        codec: VideoCodec,
        /// Of all frames, in pixels.
        size: (u32, u32),
        /// Without one, each frame is shown at its own time.
        rate: Option<Rate>,
        /// Why it is not copied.
        why: &'static str,
    },
}

impl VideoWork {
    /// The same, encoded, if it was to be copied.
    pub fn encoded(&self) -> Option<Self> {
        let Self::Copied { otherwise, .. } = self else {
            return None;
        };
        let (codec, size) = *otherwise;
        Some(Self::Encoded {
            codec,
            size,
            rate: None,
            why: "it cannot be copied",
        })
    }

    pub fn is_copied(&self) -> bool {
        matches!(self, Self::Copied { .. })
    }
}

/// How audio comes into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioWork {
    Copied,
    Encoded(AudioCodec),
}

/// Video of one person: of several parts, or of one alone.
pub fn video_work(parts: &[&Placed], format: Format, span: Window, request: &Request) -> VideoWork {
    let target = request.video.unwrap_or(format.video());
    let size = request.size.or_else(|| largest(parts)).unwrap_or(SIZE);
    let size = possible(format, even(size));
    match copied(parts, format, span, request) {
        Ok(codec) => VideoWork::Copied {
            codec,
            otherwise: (target, size),
        },
        Err(why) => VideoWork::Encoded {
            codec: target,
            size,
            rate: request.rate.or(format.rate()),
            why,
        },
    }
}

/// The codec, or why it is not copied.
fn copied(
    parts: &[&Placed],
    format: Format,
    span: Window,
    request: &Request,
) -> Result<String, &'static str> {
    let [part] = parts else {
        return Err("parts are joined");
    };
    let Some(track) = part.track("video") else {
        return Err("there is none");
    };
    match () {
        () if request.align => Err("files are aligned"),
        () if request.rate.is_some() => Err("a constant frame rate is asked for"),
        () if request.size.is_some() => Err("a size is asked for"),
        () if request
            .video
            .is_some_and(|codec| codec.encoding() != track.codec) =>
        {
            Err("another codec is asked for")
        }
        () if !format.takes_video(&track.codec) => Err("the container does not take the codec"),
        () if track.sizes.len() > 1 => Err("its size changes"),
        () if !span.holds(part) || part.start != part.zero => Err("a part is cut"),
        () => Ok(track.codec.clone()),
    }
}

/// Audio of one person.
pub fn audio_work(
    parts: &[&Placed],
    format: Format,
    span: Window,
    request: &Request,
    video_is_copied: bool,
) -> AudioWork {
    let codec = request.audio.unwrap_or(format.audio());
    let is_opus = |part: &&&Placed| part.track("audio").is_some_and(|t| t.codec == "opus");
    let is_whole = |part: &&&Placed| span.holds(part) && part.start == part.zero;
    let alone = parts.first().filter(|_| parts.len() == 1 && !request.align);
    let same = alone.filter(is_opus).filter(is_whole).is_some();
    match same && codec == AudioCodec::Opus && video_is_copied {
        true => AudioWork::Copied,
        false => AudioWork::Encoded(codec),
    }
}

/// As many as the part with most of them has, two at most.
pub fn channels(parts: &[&Placed]) -> u32 {
    let tracks = parts.iter().filter_map(|part| part.track("audio"));
    // What a manifest does not tell may be stereo.
    let channels = tracks.map(|track| track.channels.unwrap_or(2));
    channels.max().unwrap_or(2).clamp(1, 2)
}

/// Video with everybody in it.
pub fn grid(format: Format, request: &Request) -> VideoWork {
    let codec = request.video.filter(|codec| format.can_have_video(*codec));
    VideoWork::Encoded {
        codec: codec.unwrap_or(format.video()),
        size: possible(format, even(request.size.unwrap_or(GRID))),
        rate: Some(request.rate.unwrap_or(GRID_RATE)),
        why: "people are mixed",
    }
}

/// The size that any of the parts has, which has most pixels.
fn largest(parts: &[&Placed]) -> Option<(u32, u32)> {
    let tracks = parts.iter().filter_map(|part| part.track("video"));
    let sizes = tracks.flat_map(|track| track.sizes.iter().filter_map(|text| size(text)));
    sizes.max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))
}

/// `320x180`.
fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let size = (width.parse().ok()?, height.parse().ok()?);
    let possible = 1..=16_384;
    (possible.contains(&size.0) && possible.contains(&size.1)).then_some(size)
}

/// The smallest that the container holds and that is not smaller, or else the largest.
fn possible(format: Format, (width, height): (u32, u32)) -> (u32, u32) {
    let Some(sizes) = format.sizes() else {
        return (width, height);
    };
    let holds = |size: &(u32, u32)| size.0 >= width && size.1 >= height;
    let [_, largest] = sizes;
    sizes.into_iter().find(holds).unwrap_or(largest)
}

/// Encoders want even sides: colours have half as many pixels.
fn even((width, height): (u32, u32)) -> (u32, u32) {
    (width.next_multiple_of(2), height.next_multiple_of(2))
}
