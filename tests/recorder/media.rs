// SPDX-License-Identifier: MPL-2.0
//! Encoded test material: ten seconds each, made once, times from 0. Counted frames flash with
//! each second.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use gst::prelude::*;
use vdoroom_testkit::pattern::{self, Plane};

/// Ten seconds of frames that carry their number.
const COUNTED: &str = "videotestsrc num-buffers=150 name=counted \
    ! video/x-raw,format=I420,width=320,height=180,framerate=15/1";
const WIDTH: usize = 320;
const HEIGHT: usize = 180;
const H264: &str =
    "video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline";

const HIGH: &str = "video/x-h264,stream-format=byte-stream,alignment=au,profile=high";
const B_FRAMES: &str = "x264enc tune=zerolatency speed-preset=superfast key-int-max=15 \
    bframes=2 b-adapt=false b-pyramid=true";

pub struct Media {
    pub caps: gst::Caps,
    pub frames: Vec<gst::Buffer>,
}

impl Media {
    pub fn is_video(&self) -> bool {
        let name = self.caps.structure(0).unwrap().name();
        name.starts_with("video/")
    }
}

macro_rules! media {
    ($($name:ident = $launch:expr;)*) => {
        $(pub fn $name() -> &'static Media {
            static MEDIA: OnceLock<Media> = OnceLock::new();
            MEDIA.get_or_init(|| encode($launch))
        })*
    };
}

media! {
    h264 = "videotestsrc num-buffers=150 ! video/x-raw,width=320,height=180,framerate=15/1 \
        ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 bitrate=300 \
        ! video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline";
    h264_without_delimiters = &format!("{COUNTED} ! x264enc aud=false tune=zerolatency \
        speed-preset=ultrafast key-int-max=15 bitrate=300 ! {H264}");
    h264_small = "videotestsrc num-buffers=150 ! video/x-raw,width=160,height=120,framerate=15/1 \
        ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 bitrate=100 \
        ! video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline";
    h264_with_one_keyframe = "videotestsrc num-buffers=150 ! video/x-raw,width=160,height=120,framerate=15/1 \
        ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=1000 bitrate=100 \
        ! video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline";
    h265 = "videotestsrc num-buffers=150 ! video/x-raw,width=320,height=180,framerate=15/1 \
        ! x265enc tune=zerolatency speed-preset=ultrafast option-string=open-gop=0 key-int-max=15 bitrate=300 \
        ! h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au";
    vp8 = "videotestsrc num-buffers=150 ! video/x-raw,width=320,height=180,framerate=15/1 \
        ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=15";
    vp8_small = "videotestsrc num-buffers=150 ! video/x-raw,width=160,height=120,framerate=15/1 \
        ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=15";
    vp8_with_one_keyframe = "videotestsrc num-buffers=150 ! video/x-raw,width=160,height=120,framerate=15/1 \
        ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=1000";
    vp9 = "videotestsrc num-buffers=150 ! video/x-raw,width=320,height=180,framerate=15/1 \
        ! vp9enc deadline=1 cpu-used=8 keyframe-max-dist=15";
    opus = "audiotestsrc num-buffers=500 samplesperbuffer=960 \
        ! audio/x-raw,rate=48000,channels=2 ! opusenc frame-size=20";
    opus_mono = "audiotestsrc num-buffers=500 samplesperbuffer=960 \
        ! audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=20";
    av1 = "videotestsrc num-buffers=150 ! video/x-raw,width=320,height=180,framerate=15/1 \
        ! av1enc cpu-used=10 usage-profile=realtime keyframe-max-dist=15 ! av1parse \
        ! video/x-av1,stream-format=obu-stream,alignment=tu";
    g722 = "audiotestsrc num-buffers=500 samplesperbuffer=320 \
        ! audio/x-raw,rate=16000,channels=1 ! avenc_g722";
    h264_from_rtp = "videotestsrc num-buffers=150 ! video/x-raw,width=320,height=180,framerate=15/1 \
        ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 bitrate=300 \
        ! rtph264pay config-interval=-1 ! rtph264depay ! video/x-h264,stream-format=avc,alignment=au";
    vp8_from_rtp = "videotestsrc num-buffers=150 ! video/x-raw,width=320,height=180,framerate=15/1 \
        ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=15 ! rtpvp8pay ! rtpvp8depay";
    vp9_from_rtp = "videotestsrc num-buffers=150 ! video/x-raw,width=320,height=180,framerate=15/1 \
        ! vp9enc deadline=1 cpu-used=8 keyframe-max-dist=15 ! rtpvp9pay ! rtpvp9depay";
    opus_from_rtp = "audiotestsrc num-buffers=500 samplesperbuffer=960 \
        ! audio/x-raw,rate=48000,channels=2 ! opusenc frame-size=20 ! rtpopuspay ! rtpopusdepay";
    pcmu = "audiotestsrc num-buffers=500 samplesperbuffer=160 \
        ! audio/x-raw,rate=8000,channels=1 ! mulawenc";
    tiny_h264 = "videotestsrc num-buffers=100 ! video/x-raw,width=64,height=48,framerate=5/1 \
        ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 \
        ! video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline";
    tiny_vp8 = "videotestsrc num-buffers=100 ! video/x-raw,width=64,height=48,framerate=5/1 \
        ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=25";
    long_opus = "audiotestsrc num-buffers=100 samplesperbuffer=2880 wave=silence \
        ! audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=60 ! rtpopuspay ! rtpopusdepay";
    counted_h264 = &format!("{COUNTED} ! x264enc tune=zerolatency speed-preset=ultrafast \
        key-int-max=15 bitrate=300 ! {H264}");
    counted_h264_in_colour = &format!("{} ! x264enc tune=zerolatency speed-preset=ultrafast \
        key-int-max=15 pass=quant quantizer=15 ! {H264}",
        COUNTED.replace("num-buffers", "pattern=chroma-zone-plate kx2=20 ky2=20 kt=1 num-buffers"));
    counted_h265 = &format!("{COUNTED} ! x265enc tune=zerolatency speed-preset=ultrafast \
        option-string=open-gop=0 key-int-max=15 bitrate=300 \
        ! h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au");
    counted_vp8 = &format!("{COUNTED} ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=15");
    counted_vp9 = &format!("{COUNTED} ! vp9enc deadline=1 cpu-used=8 keyframe-max-dist=15");
    counted_av1 = &format!("{COUNTED} ! av1enc cpu-used=10 usage-profile=realtime max-quantizer=30 target-bitrate=3000 \
        keyframe-max-dist=15 ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu");
    counted_vp8_with_rare_keyframes = &format!("{COUNTED} \
        ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=75");
    h264_with_headers_once = &format!("{COUNTED} ! x264enc tune=zerolatency speed-preset=ultrafast \
        key-int-max=15 bitrate=300 ! video/x-h264,stream-format=avc,profile=constrained-baseline \
        ! h264parse config-interval=0 ! video/x-h264,stream-format=byte-stream,alignment=au");
    h265_with_headers_once = &format!("{COUNTED} ! x265enc tune=zerolatency speed-preset=ultrafast \
        option-string=open-gop=0:repeat-headers=0 key-int-max=15 bitrate=300 \
        ! video/x-h265,stream-format=byte-stream,alignment=au");
    h264_with_b_frames = &format!("{COUNTED} ! {B_FRAMES} ! {HIGH}");
    h264_with_open_groups = &format!("{COUNTED} ! {B_FRAMES} option-string=open-gop=1 ! {HIGH}");
    h264_with_intra_refresh = &format!("{COUNTED} ! x264enc tune=zerolatency \
        speed-preset=superfast key-int-max=15 intra-refresh=true ! {HIGH}");
    h265_with_open_groups = &format!("{COUNTED} ! x265enc tune=zerolatency speed-preset=ultrafast \
        option-string=open-gop=1:bframes=2:b-adapt=0:rc-lookahead=4:repeat-headers=1:info=0 \
        key-int-max=15 ! h265parse config-interval=-1 \
        ! video/x-h265,stream-format=byte-stream,alignment=au");
    aac = "audiotestsrc num-buffers=500 samplesperbuffer=960 \
        ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse";
    pcma = "audiotestsrc num-buffers=500 samplesperbuffer=160 \
        ! audio/x-raw,rate=8000,channels=1 ! alawenc";
}

/// Ten seconds with a beep at each second, and not a packet more: they are sent over and over.
/// audiotestsrc (1.22) ticks a buffer too early.
pub fn beeping_opus() -> &'static Media {
    static MEDIA: OnceLock<Media> = OnceLock::new();
    MEDIA.get_or_init(|| {
        let mut media = encode(
            "audiotestsrc num-buffers=10000 samplesperbuffer=48 wave=ticks freq=1000 \
             sine-periods-per-tick=30 ! audio/x-raw,rate=48000,channels=2 ! opusenc frame-size=20",
        );
        media.frames.truncate(500);
        // The first packet is shorter, by what the encoder holds back.
        for (number, frame) in (0..).zip(&mut media.frames) {
            let pts = gst::ClockTime::from_mseconds(number * 20);
            frame.make_mut().set_pts(pts);
        }
        media
    })
}

fn encode(launch: &str) -> Media {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(&format!("{launch} ! fakesink name=out sync=false"));
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    if let Some(source) = pipeline.by_name("counted") {
        count(&source.static_pad("src").unwrap());
    }
    let pad = pipeline.by_name("out").unwrap().static_pad("sink").unwrap();
    let frames = Arc::new(Mutex::new(Vec::new()));
    let store = frames.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(buffer) = info.buffer() {
            let segment = pad.sticky_event::<gst::event::Segment>(0).unwrap();
            let segment = segment.segment().downcast_ref::<gst::ClockTime>().unwrap();
            let mut buffer = buffer.copy();
            let pts = segment.to_running_time(buffer.pts());
            let writable = buffer.get_mut().unwrap();
            writable.set_pts(pts);
            writable.set_dts(gst::ClockTime::NONE);
            store.lock().unwrap().push(buffer);
        }
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &end);
    let message = message.unwrap_or_else(|| panic!("{launch}: no end"));
    assert_eq!(
        message.type_(),
        gst::MessageType::Eos,
        "{launch}: {message:?}"
    );
    let caps = pad.current_caps().unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    let frames = std::mem::take(&mut *frames.lock().unwrap());
    assert!(frames.len() >= 100, "{launch} gave {} frames", frames.len());
    Media { caps, frames }
}

/// Draws its number into each frame.
fn count(pad: &gst::Pad) {
    let number = AtomicU32::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut() {
            let content = match buffer.pts().is_some_and(pattern::signal_at) {
                true => pattern::Content::Flash,
                false => pattern::Content::Bar,
            };
            let mut map = buffer.make_mut().map_writable().unwrap();
            let mut plane = Plane {
                data: &mut map[..WIDTH * HEIGHT],
                stride: WIDTH,
                width: WIDTH,
                height: HEIGHT,
            };
            pattern::draw(&mut plane, number.fetch_add(1, Ordering::Relaxed), content);
        }
        gst::PadProbeReturn::Ok
    });
}
