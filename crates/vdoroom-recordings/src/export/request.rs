// SPDX-License-Identifier: MPL-2.0
//! What an export can be asked for.

use std::str::FromStr;
use std::time::SystemTime;

/// Container, or format of audio files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Mov,
    Mp4,
    Mkv,
    Webm,
    Mxf,
    Wav,
    Flac,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::Mov => "mov",
            Self::Mp4 => "mp4",
            Self::Mkv => "mkv",
            Self::Webm => "webm",
            Self::Mxf => "mxf",
            Self::Wav => "wav",
            Self::Flac => "flac",
        }
    }

    /// MP4 and MOV: one multiplexer, one kind of chapters.
    pub fn is_movie(self) -> bool {
        matches!(self, Self::Mov | Self::Mp4)
    }

    /// Whether it holds audio alone.
    pub fn is_audio(self) -> bool {
        matches!(self, Self::Wav | Self::Flac)
    }

    /// Whether the container and its users take video of this codec, named as in a manifest.
    pub(super) fn takes_video(self, codec: &str) -> bool {
        match self {
            Self::Mov | Self::Mp4 => matches!(codec, "H264" | "H265" | "AV1"),
            Self::Mkv => true,
            Self::Webm => matches!(codec, "VP8" | "VP9" | "AV1"),
            Self::Mxf | Self::Wav | Self::Flac => false,
        }
    }

    /// What video becomes that has to be encoded.
    pub(super) fn video(self) -> VideoCodec {
        match self {
            Self::Webm => VideoCodec::Vp8,
            Self::Mxf => VideoCodec::DnxHr,
            _ => VideoCodec::H264,
        }
    }

    /// What audio becomes.
    pub(super) fn audio(self) -> AudioCodec {
        match self {
            Self::Mov | Self::Mxf | Self::Wav | Self::Flac => AudioCodec::Pcm,
            Self::Mp4 => AudioCodec::Aac,
            Self::Mkv | Self::Webm => AudioCodec::Opus,
        }
    }

    pub(super) fn can_have_video(self, codec: VideoCodec) -> bool {
        match self {
            Self::Mov => matches!(codec, VideoCodec::H264 | VideoCodec::ProRes),
            Self::Mp4 => codec == VideoCodec::H264,
            Self::Mkv => matches!(codec, VideoCodec::H264 | VideoCodec::Vp8),
            Self::Webm => codec == VideoCodec::Vp8,
            Self::Mxf => codec == VideoCodec::DnxHr,
            Self::Wav | Self::Flac => false,
        }
    }

    pub(super) fn can_have_audio(self, codec: AudioCodec) -> bool {
        match self {
            Self::Mov => codec != AudioCodec::Opus,
            Self::Mp4 => codec != AudioCodec::Pcm,
            Self::Mkv => true,
            Self::Webm => codec == AudioCodec::Opus,
            Self::Mxf | Self::Wav | Self::Flac => codec == AudioCodec::Pcm,
        }
    }

    /// The frame sizes that it holds, smallest first, if it does not hold any.
    pub(super) fn sizes(self) -> Option<[(u32, u32); 2]> {
        // What avenc_dnxhd encodes.
        (self == Self::Mxf).then_some([(1280, 720), (1920, 1080)])
    }

    /// The frame rate of those that hold constant ones only.
    pub(super) fn rate(self) -> Option<Rate> {
        (self == Self::Mxf).then_some(Rate {
            frames: 30,
            seconds: 1,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoCodec {
    H264,
    ProRes,
    DnxHr,
    Vp8,
}

impl VideoCodec {
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::ProRes => "ProRes",
            Self::DnxHr => "DNxHR",
            Self::Vp8 => "VP8",
        }
    }

    /// As manifests name it.
    pub(super) fn encoding(self) -> &'static str {
        match self {
            Self::H264 => "H264",
            Self::ProRes => "ProRes",
            Self::DnxHr => "DNxHR",
            Self::Vp8 => "VP8",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioCodec {
    Pcm,
    Aac,
    Opus,
}

impl AudioCodec {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcm => "PCM",
            Self::Aac => "AAC",
            Self::Opus => "Opus",
        }
    }
}

/// How good encoded video is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quality {
    Draft,
    #[default]
    Good,
    Best,
}

/// Frames per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub frames: u32,
    pub seconds: u32,
}

impl Rate {
    /// When a frame is due, in nanoseconds.
    pub fn time(self, frame: u64) -> u64 {
        let exact = u128::from(frame) * u128::from(self.seconds) * 1_000_000_000;
        u64::try_from(exact / u128::from(self.frames.max(1))).unwrap_or(u64::MAX)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (frames, seconds) = text.split_once('/').unwrap_or((text, "1"));
        let rate = frames.parse().ok().zip(seconds.parse().ok());
        let rate = rate.map(|(frames, seconds)| Self { frames, seconds });
        let possible = |r: &Self| {
            (1..=1001).contains(&r.seconds) && r.frames >= r.seconds && r.frames / r.seconds <= 240
        };
        rate.filter(possible)
            .ok_or_else(|| "it is not like 30 or 30000/1001, from 1 to 240".into())
    }
}

/// A moment of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nanoseconds after the recording's beginning.
    After(u64),
    Utc(SystemTime),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(utc) = humantime::parse_rfc3339_weak(text) {
            return Ok(Self::Utc(utc));
        }
        let after = humantime::parse_duration(text).ok();
        let after = after.and_then(|after| u64::try_from(after.as_nanos()).ok());
        after.map(Self::After).ok_or_else(|| {
            "it is neither a time after the beginning, such as 1h2m3s, nor UTC, such as \
             2026-11-21T09:00:00Z"
                .into()
        })
    }
}

/// What is to be made of a recording.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Files of each person, or of each of their parts.
    pub to: Option<Format>,
    /// All files begin and end together.
    pub align: bool,
    /// Also a file with everybody, and one with the sum of all audio.
    pub mix: bool,
    /// Also a file for speech recognition of each person: 16 kHz, mono.
    pub transcript_audio: bool,
    /// Stream IDs or labels; everybody if there are none.
    pub people: Vec<String>,
    pub from: Option<Moment>,
    pub until: Option<Moment>,
    /// Encode to this.
    pub video: Option<VideoCodec>,
    pub audio: Option<AudioCodec>,
    /// Constant frame rate.
    pub rate: Option<Rate>,
    /// Of all frames, in pixels.
    pub size: Option<(u32, u32)>,
}

impl Request {
    /// Why nobody can do this.
    pub fn check(&self) -> Result<(), String> {
        if self.to.is_none() && !self.mix && !self.transcript_audio {
            return Err("nothing is asked for: --to, --mix or --transcript-audio".into());
        }
        let format = self.to.unwrap_or(Format::Mp4);
        let extension = format.extension();
        if let Some(codec) = self.video.filter(|codec| !format.can_have_video(*codec)) {
            return Err(format!("{} is not put into {extension}", codec.name()));
        }
        if let Some(codec) = self.audio.filter(|codec| !format.can_have_audio(*codec)) {
            return Err(format!("{} is not put into {extension}", codec.name()));
        }
        match format.sizes().zip(self.size) {
            Some((sizes, size)) if !sizes.contains(&size) => {
                let [(w, h), (wider, higher)] = sizes;
                Err(format!(
                    "video in {extension} is {w}x{h} or {wider}x{higher}"
                ))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_or_a_fraction() {
        let rate = |text: &str| text.parse::<Rate>().map(|r| (r.frames, r.seconds));
        assert_eq!(rate("30"), Ok((30, 1)));
        assert_eq!(rate("30000/1001"), Ok((30_000, 1001)));
        for wrong in ["", "0", "30/0", "241", "fast", "1/2"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        let ntsc: Rate = "30000/1001".parse().unwrap();
        assert_eq!(ntsc.time(30_000), 1_001_000_000_000);
    }

    #[test]
    fn a_moment_is_a_time_of_day_or_one_after_the_beginning() {
        assert_eq!("1m 30s".parse(), Ok(Moment::After(90_000_000_000)));
        let utc = "1970-01-01T00:00:10Z".parse();
        let ten = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(10);
        assert_eq!(utc, Ok(Moment::Utc(ten)));
        assert!("soon".parse::<Moment>().is_err());
    }

    #[test]
    fn a_codec_that_the_container_does_not_hold_is_refused() {
        let request = |to, video, audio| Request {
            to,
            video,
            audio,
            ..Request::default()
        };
        let fine = request(Some(Format::Mov), Some(VideoCodec::ProRes), None);
        assert_eq!(fine.check(), Ok(()));
        let mut sized = request(Some(Format::Mxf), None, None);
        for (size, is_fine) in [((1280, 720), true), ((640, 360), false)] {
            sized.size = Some(size);
            assert_eq!(sized.check().is_ok(), is_fine, "{size:?}");
        }
        for wrong in [
            request(None, None, None),
            request(Some(Format::Webm), Some(VideoCodec::H264), None),
            request(Some(Format::Wav), Some(VideoCodec::H264), None),
            request(Some(Format::Mp4), None, Some(AudioCodec::Pcm)),
            request(Some(Format::Mkv), Some(VideoCodec::DnxHr), None),
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
