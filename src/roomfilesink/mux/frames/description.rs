// SPDX-License-Identifier: MPL-2.0
//! The description of a track in a file, from its caps and first frame.

use super::entry::{Shape, TrackEntry, area};
use crate::roomfilesink::media::{Caption, Codec, Format, Kind};

/// Of all Opus, whatever was encoded.
const OPUS_RATE: u64 = 48_000;
/// In the identification header (RFC 7845 section 5.1).
const PRE_SKIP: std::ops::Range<usize> = 10..12;

/// `pre_skip` is what a decoder of Opus discards at the beginning of this file, in samples.
pub(crate) fn entry(format: &Format, caps: &gst::Caps, pre_skip: u16) -> TrackEntry {
    let parsed = Format::from_caps(caps).unwrap_or_else(|| format.clone());
    let shape = match format.codec.kind() {
        Kind::Video => Shape::Video {
            width: parsed.width,
            height: parsed.height,
        },
        Kind::Audio => Shape::Audio {
            rate: parsed.rate,
            channels: parsed.channels,
        },
    };
    let mut entry = TrackEntry {
        codec: format.codec,
        config: Vec::new(),
        shape,
        pre_skip: 0,
        ahead: 0,
        caption: Caption::default(),
    };
    match format.codec {
        Codec::Opus => {
            let mut header = opus_head(&parsed, caps);
            header[PRE_SKIP].copy_from_slice(&pre_skip.to_le_bytes());
            entry.pre_skip = pre_skip;
            entry.config = header;
        }
        Codec::Pcmu => entry.config = wave_format(0x0007, &parsed, 8),
        Codec::Pcma => entry.config = wave_format(0x0006, &parsed, 8),
        // WAVE_FORMAT_G722_ADPCM: four bits per sample.
        Codec::G722 => entry.config = wave_format(0x028f, &parsed, 4),
        Codec::Av1 => entry.config = codec_data(caps).unwrap_or_else(|| av1c(caps)),
        Codec::H264 | Codec::H265 | Codec::Aac => {
            entry.config = codec_data(caps).unwrap_or_default()
        }
        Codec::Vp9 => entry.config = vpcc(caps, entry.shape),
        Codec::Vp8 => {}
    }
    entry
}

/// Whether a player can begin with this description.
pub(crate) fn is_complete(codec: Codec, entry: &TrackEntry) -> bool {
    let has_size = match entry.shape {
        Shape::Video { width, height } => width > 0 && height > 0,
        Shape::Audio { .. } => true,
    };
    let needs_config = matches!(codec, Codec::H264 | Codec::H265 | Codec::Aac);
    has_size && !(needs_config && entry.config.is_empty())
}

fn codec_data(caps: &gst::Caps) -> Option<Vec<u8>> {
    let buffer = caps.structure(0)?.get::<gst::Buffer>("codec_data").ok()?;
    Some(buffer.map_readable().ok()?.to_vec())
}

/// An AV1CodecConfigurationRecord (AV1 in ISOBMFF section 2.3) without OBUs: GStreamer 1.22 gives
/// none, and the sequence header is in each keyframe.
fn av1c(caps: &gst::Caps) -> Vec<u8> {
    let field = |name| caps.structure(0).and_then(|s| s.get::<&str>(name).ok());
    let profile = match field("profile") {
        Some("high") => 1,
        Some("professional") => 2,
        _ => 0,
    };
    // The caps do not tell the level: 31 promises no limits.
    let level = 31;
    let depth = caps
        .structure(0)
        .and_then(|s| s.get::<u32>("bit-depth-luma").ok());
    let (high, twelve) = (depth > Some(8), depth > Some(10));
    let (mono, subsampled_x, subsampled_y) = match field("chroma-format") {
        Some("4:0:0") => (true, true, true),
        Some("4:2:2") => (false, true, false),
        Some("4:4:4") => (false, false, false),
        _ => (false, true, true),
    };
    let flags = [high, twelve, mono, subsampled_x, subsampled_y];
    let flags = flags
        .iter()
        .fold(0, |bits, flag| bits << 1 | u8::from(*flag));
    // Marker and version; tier 0 before the flags, chroma position unknown after them.
    vec![0x81, profile << 5 | level, flags << 2, 0]
}

/// A VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding 1.0) without its version.
fn vpcc(caps: &gst::Caps, shape: Shape) -> Vec<u8> {
    /// The largest luma picture of each level, and the level.
    const LEVELS: [(u64, u8); 9] = [
        (36_864, 10),
        (73_728, 11),
        (122_880, 20),
        (245_760, 21),
        (552_960, 30),
        (983_040, 31),
        (2_228_224, 40),
        (8_912_896, 50),
        (35_651_584, 60),
    ];
    let structure = caps.structure(0);
    let text = |name| structure.and_then(|s| s.get::<&str>(name).ok());
    let profile = text("profile").and_then(|profile| profile.parse().ok());
    let profile: u8 = profile.filter(|profile| *profile <= 3).unwrap_or(0);
    let depth = structure.and_then(|s| s.get::<u32>("bit-depth-luma").ok());
    let depth = depth.and_then(|depth| u8::try_from(depth).ok());
    // Profiles 2 and 3 have 10 or 12 bits.
    let depth = depth.unwrap_or(if profile < 2 { 8 } else { 10 });
    let subsampling = match text("chroma-format") {
        Some("4:2:2") => 2,
        Some("4:4:4") => 3,
        _ => 1,
    };
    let area = match shape {
        Shape::Video { width, height } => area((width, height)),
        Shape::Audio { .. } => 0,
    };
    let level = LEVELS.iter().find(|(largest, _)| area <= *largest);
    let level = level.map_or(62, |(_, level)| *level);
    let bits = (depth & 0xf) << 4 | subsampling << 1;
    // Colours are unspecified (2), and there are no data to initialise with.
    vec![profile, level, bits, 2, 2, 2, 0, 0]
}

/// The identification header (RFC 7845 section 5.1): the encoder's if the caps have it, else what
/// they say of the channels. Over RTP there is none.
fn opus_head(format: &Format, caps: &gst::Caps) -> Vec<u8> {
    let given = caps.structure(0).and_then(|s| {
        let headers = s.get::<gst::ArrayRef>("streamheader").ok()?;
        let header = headers.as_slice().first()?.get::<gst::Buffer>().ok()?;
        let header = header.map_readable().ok()?.to_vec();
        (header.len() >= 19 && header.starts_with(b"OpusHead")).then_some(header)
    });
    given
        .or_else(|| described_opus_head(caps))
        .unwrap_or_else(|| {
            let mut header = b"OpusHead\x01".to_vec();
            header.push(format.channels.clamp(1, 2) as u8);
            header.extend_from_slice(&0u16.to_le_bytes());
            header.extend_from_slice(&format.rate.to_le_bytes());
            header.extend_from_slice(&[0, 0, 0]);
            header
        })
}

/// The header of caps that name the streams in a packet: more than two channels need them. By hand,
/// since `gst_codec_utils_opus_create_header` calls critical what a stranger's SDP may say.
fn described_opus_head(caps: &gst::Caps) -> Option<Vec<u8>> {
    let s = caps.structure(0)?;
    let byte = |name| u8::try_from(s.get::<i32>(name).ok()?).ok();
    let family = byte("channel-mapping-family").filter(|family| *family > 0)?;
    let channels = byte("channels")?;
    let (streams, coupled) = (byte("stream-count")?, byte("coupled-count")?);
    let decoded = streams.checked_add(coupled)?;
    let mapping = s.get::<gst::ArrayRef>("channel-mapping").ok()?;
    let mapping = mapping.as_slice().iter();
    let mapping: Vec<u8> = mapping
        .map(|value| u8::try_from(value.get::<i32>().ok()?).ok())
        .collect::<Option<_>>()?;
    // 255 is silence.
    let exists = |index: &u8| *index < decoded || *index == u8::MAX;
    let fits = streams > 0 && coupled <= streams && mapping.iter().all(exists);
    if !fits || channels == 0 || mapping.len() != usize::from(channels) {
        return None;
    }
    let mut header = b"OpusHead\x01".to_vec();
    header.extend([channels, 0, 0]);
    let rate = s
        .get::<i32>("rate")
        .ok()
        .and_then(|rate| u32::try_from(rate).ok());
    header.extend(rate.unwrap_or(OPUS_RATE as u32).to_le_bytes());
    header.extend([0, 0, family, streams, coupled]);
    header.extend(mapping);
    Some(header)
}

/// WAVEFORMATEX, which `A_MS/ACM` has as its private data.
fn wave_format(tag: u16, format: &Format, bits: u16) -> Vec<u8> {
    let channels = format.channels.clamp(1, 8) as u16;
    // The rate is what a stranger's SDP says.
    let bits_per_second = [channels, bits]
        .iter()
        .fold(format.rate, |all, n| all.saturating_mul((*n).into()));
    let bytes_per_second = bits_per_second / 8;
    let mut out = Vec::with_capacity(18);
    out.extend_from_slice(&tag.to_le_bytes());
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&format.rate.to_le_bytes());
    out.extend_from_slice(&bytes_per_second.to_le_bytes());
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&bits.to_le_bytes());
    out.extend_from_slice(&0u16.to_le_bytes());
    out
}

/// Width and height in a VP8 keyframe (RFC 6386 section 9.1).
pub(crate) fn vp8_size(data: &[u8]) -> Option<(u32, u32)> {
    let header = data.get(..10)?;
    let is_keyframe = header[0] & 1 == 0;
    if !is_keyframe || header[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    let field = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((field(header[6], header[7]), field(header[8], header[9])))
}

/// What a decoder discards of a buffer, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clipping {
    pub start: i64,
    pub end: i64,
}

impl Clipping {
    /// Only of Opus, whose samples are counted at 48 kHz.
    pub(crate) fn of(codec: Codec, buffer: &gst::BufferRef) -> Self {
        let meta = buffer.meta::<gst_audio::AudioClippingMeta>();
        let Some(meta) = meta.filter(|_| codec == Codec::Opus) else {
            return Self::default();
        };
        let nanoseconds = |value: gst::GenericFormattedValue| match value {
            gst::GenericFormattedValue::Time(Some(time)) => i64::try_from(time.nseconds()).ok(),
            gst::GenericFormattedValue::Default(Some(samples)) => {
                let ns = u128::from(*samples) * 1_000_000_000 / u128::from(OPUS_RATE);
                i64::try_from(ns).ok()
            }
            _ => None,
        };
        Self {
            start: nanoseconds(meta.start()).unwrap_or(0),
            end: nanoseconds(meta.end()).unwrap_or(0),
        }
    }

    pub(crate) fn start_samples(self) -> u16 {
        let samples =
            (i128::from(self.start) * i128::from(OPUS_RATE) + 500_000_000) / 1_000_000_000;
        samples.clamp(0, u16::MAX.into()) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_rate_beyond_all_reason_is_described_as_it_is() {
        gst::init().unwrap();
        let caps = gst::Caps::builder("audio/x-mulaw")
            .field("rate", i32::MAX)
            .field("channels", i32::MAX)
            .build();
        let format = Format::from_caps(&caps).unwrap();
        let header = wave_format(0x0007, &format, 8);
        assert_eq!(header[4..8], i32::MAX.to_le_bytes());
    }

    fn opus(fields: &str) -> TrackEntry {
        gst::init().unwrap();
        let caps: gst::Caps = format!("audio/x-opus,{fields}").parse().unwrap();
        entry(&Format::from_caps(&caps).unwrap(), &caps, 312)
    }

    #[test]
    fn opus_of_many_channels_is_described_by_its_streams() {
        let entry = opus(
            "rate=48000,channels=6,channel-mapping-family=1,stream-count=4,coupled-count=2,\
             channel-mapping=(int)<0,4,1,2,3,5>",
        );
        let expected =
            b"OpusHead\x01\x06\x38\x01\x80\xbb\0\0\0\0\x01\x04\x02\0\x04\x01\x02\x03\x05";
        assert_eq!(entry.config, expected);
    }

    #[test]
    fn streams_that_cannot_be_are_not_believed() {
        for wrong in [
            "stream-count=1,coupled-count=2,channel-mapping=(int)<0,1,2>",
            "stream-count=0,coupled-count=0,channel-mapping=(int)<0,0,0>",
            "stream-count=2,coupled-count=1,channel-mapping=(int)<0,1,3>",
            "stream-count=2,coupled-count=1,channel-mapping=(int)<0,1>",
            "stream-count=200,coupled-count=200,channel-mapping=(int)<0,1,2>",
        ] {
            let entry = opus(&format!("channels=3,channel-mapping-family=1,{wrong}"));
            assert_eq!(entry.config.len(), 19, "{wrong}");
        }
    }

    #[test]
    fn opus_skips_what_is_clipped_of_the_first_packet_of_the_file() {
        let entry = opus("rate=48000,channels=2,channel-mapping-family=0");
        assert_eq!(entry.pre_skip, 312);
        assert_eq!(entry.config[..12], *b"OpusHead\x01\x02\x38\x01");
    }

    #[test]
    fn clipping_is_read_in_samples_and_in_time() {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        assert_eq!(Clipping::of(Codec::Opus, &buffer), Clipping::default());
        let samples = |n: u64| gst::format::Default::from_u64(n);
        let writable = buffer.get_mut().unwrap();
        gst_audio::AudioClippingMeta::add(writable, samples(312), samples(48));
        let clipping = Clipping::of(Codec::Opus, &buffer);
        assert_eq!((clipping.start, clipping.end), (6_500_000, 1_000_000));
        assert_eq!(clipping.start_samples(), 312);
    }
}
