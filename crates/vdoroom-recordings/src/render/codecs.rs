// SPDX-License-Identifier: MPL-2.0
//! The elements that encode and multiplex, in GStreamer's syntax.

use crate::export::{AudioCodec, Format, Quality, VideoCodec};

/// Elements that encode H.264 in hardware, best first.
const HARDWARE: [&str; 5] = [
    "vah264enc",
    "nvh264enc",
    "qsvh264enc",
    "vaapih264enc",
    "v4l2h264enc",
];
/// Kilobits per second that x264 never exceeds: what players take of H.264 at level 4.1.
const MOST_H264: u32 = 50_000;
/// Frames that avenc_aac puts before what it is given, without a word to multiplexers (1.22).
const AAC_DELAY: u64 = 1024;

/// Which Debian package has an element that may be missing.
const PACKAGES: [(&str, &str); 7] = [
    ("x264enc", "gstreamer1.0-plugins-ugly"),
    ("avenc_prores_ks", "gstreamer1.0-libav"),
    ("avenc_dnxhd", "gstreamer1.0-libav"),
    ("mxfmux", "gstreamer1.0-plugins-bad"),
    ("avenc_aac", "gstreamer1.0-libav"),
    ("h264timestamper", "gstreamer1.0-plugins-bad"),
    ("h265timestamper", "gstreamer1.0-plugins-bad"),
];

pub fn muxer(format: Format) -> &'static str {
    match format {
        Format::Mov => "qtmux",
        Format::Mp4 => "mp4mux force-create-timecode-trak=true",
        Format::Mkv => "matroskamux",
        Format::Webm => "webmmux",
        Format::Mxf => "mxfmux",
        Format::Wav | Format::Flac => "identity silent=true",
    }
}

/// Of raw video.
pub fn video(codec: VideoCodec, quality: Quality, hardware: bool) -> Result<String, String> {
    let by = |draft, good, best| match quality {
        Quality::Draft => draft,
        Quality::Good => good,
        Quality::Best => best,
    };
    let encoder = match codec {
        VideoCodec::H264 if hardware => {
            let found = HARDWARE.into_iter().find(|name| is_there(name));
            let found = found.ok_or("this GStreamer has no hardware encoder for H.264")?;
            format!("{found} ! h264parse")
        }
        VideoCodec::H264 => {
            let settings = by(
                "speed-preset=veryfast quantizer=27",
                "speed-preset=fast quantizer=20",
                "speed-preset=slow quantizer=16",
            );
            // With B-frames qtmux (1.22) ends the track before its last frame. So it does behind a
            // parser, which takes the duration from frames without a constant rate.
            format!(
                "x264enc option-string=bframes=0 pass=qual bitrate={MOST_H264} key-int-max=60 \
                 {settings} ! video/x-h264,profile=high,stream-format=avc"
            )
        }
        VideoCodec::ProRes => {
            let profile = by("proxy", "standard", "hq");
            format!("video/x-raw,format=I422_10LE ! avenc_prores_ks profile={profile}")
        }
        VideoCodec::DnxHr => {
            let profile = by("lb", "sq", "hq");
            format!("video/x-raw,format=Y42B ! avenc_dnxhd profile=dnxhr_{profile}")
        }
        VideoCodec::Vp8 => {
            let settings = by(
                "deadline=1 cpu-used=8 cq-level=24",
                "deadline=1 cpu-used=4 cq-level=12",
                "deadline=1000000 cpu-used=1 cq-level=6",
            );
            format!(
                "vp8enc end-usage=cq target-bitrate=20000000 keyframe-max-dist=60 threads=4 \
                 {settings}"
            )
        }
    };
    Ok(format!("videoconvert ! {encoder}"))
}

/// Of what is copied.
pub fn parser(codec: &str) -> &'static str {
    match codec {
        "H264" => "h264parse ! h264timestamper ! video/x-h264,stream-format=avc,alignment=au",
        "H265" => "h265parse ! h265timestamper ! video/x-h265,stream-format=hvc1,alignment=au",
        "AV1" => "av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu",
        "VP9" => "vp9parse",
        "opus" => "opusparse",
        _ => "identity silent=true",
    }
}

/// Of raw audio.
pub fn audio(codec: AudioCodec, format: Format, channels: u32) -> String {
    let encoder = match codec {
        AudioCodec::Pcm if format == Format::Flac => {
            "audio/x-raw,format=S24LE ! flacenc quality=5".to_owned()
        }
        AudioCodec::Pcm => "audio/x-raw,format=S24LE".to_owned(),
        AudioCodec::Aac => format!("avenc_aac bitrate={} ! aacparse", channels * 96_000),
        AudioCodec::Opus => format!("opusenc bitrate={} ! opusparse", channels * 64_000),
    };
    format!("audioconvert ! {encoder}")
}

/// Frames by which what comes out of an encoder is late.
pub fn delay(codec: AudioCodec) -> u64 {
    match codec {
        AudioCodec::Aac => AAC_DELAY,
        AudioCodec::Pcm | AudioCodec::Opus => 0,
    }
}

/// What an error of GStreamer's parser means.
pub fn explained(error: &gst::glib::Error) -> String {
    let text = error.message().to_owned();
    let of = PACKAGES.iter().find(|(element, _)| text.contains(element));
    match of {
        Some((_, package)) => format!("{text}: install {package}"),
        None => text,
    }
}

fn is_there(element: &str) -> bool {
    gst::ElementFactory::find(element).is_some()
}
