// SPDX-License-Identifier: MPL-2.0
//! Seconds of video and audio of one person into a file, as fast as the recorder takes them.

use gst::prelude::*;
use vdoroom_testkit::Folder;

const FRAMES: u32 = 30;
const PACKETS: u32 = 50;

/// One second, as an encoder makes it; with one thread, so that it takes the same each time.
pub const VP8: &str = "videotestsrc num-buffers=30 \
    ! video/x-raw,width=160,height=90,framerate=30/1 \
    ! vp8enc deadline=1 cpu-used=8 threads=1 keyframe-max-dist=30";
pub const H264: &str = "videotestsrc num-buffers=30 \
    ! video/x-raw,width=160,height=90,framerate=30/1 \
    ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 key-int-max=30 \
    ! video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline";

pub fn record(encoder: &str, seconds: u32) -> Result<(), String> {
    begin()?;
    let (caps, second) = encode(encoder)?;
    let folder = Folder::new();
    let line = format!(
        "appsrc name=video format=time block=true max-bytes=100000 ! r.video_bob \
         appsrc name=audio format=time block=true max-bytes=100000 ! r.audio_bob \
         roomfilesink name=r location={}/rec",
        folder.0.display()
    );
    let pipeline = gst::parse::launch(&line).map_err(|e| e.to_string())?;
    let (video, audio) = (source(&pipeline, "video")?, source(&pipeline, "audio")?);
    video.set_caps(Some(&caps));
    audio.set_caps(Some(
        &gst::Caps::builder("audio/x-opus")
            .field("rate", 48_000)
            .field("channels", 2)
            .field("channel-mapping-family", 0)
            .build(),
    ));
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|e| e.to_string())?;
    let push = |source: &gst_app::AppSrc, mut buffer: gst::Buffer, index: u32, rate: u32| {
        let length = gst::ClockTime::SECOND / u64::from(rate);
        let timed = buffer.make_mut();
        timed.set_pts(length * u64::from(index));
        timed.set_dts(timed.pts());
        timed.set_duration(length);
        source.push_buffer(buffer).map_err(|e| e.to_string())
    };
    for second_number in 0..seconds {
        for (index, buffer) in (0..).zip(&second) {
            let index = second_number * FRAMES + index;
            push(&video, buffer.clone(), index, FRAMES)?;
            for packet in index * PACKETS / FRAMES..(index + 1) * PACKETS / FRAMES {
                let silence = gst::Buffer::from_slice([0xFC, 0xFF, 0xFE]);
                push(&audio, silence, packet, PACKETS)?;
            }
        }
    }
    for source in [video, audio] {
        source.end_of_stream().map_err(|e| e.to_string())?;
    }
    ends(&pipeline)
}

pub fn begin() -> Result<(), String> {
    gst::init().map_err(|e| e.to_string())?;
    gstvdoroom::plugin_register_static().map_err(|e| e.to_string())
}

pub fn source(pipeline: &gst::Element, name: &str) -> Result<gst_app::AppSrc, String> {
    let bin = pipeline.downcast_ref::<gst::Bin>().ok_or("no bin")?;
    let source = bin.by_name(name).and_downcast::<gst_app::AppSrc>();
    source.ok_or(format!("no {name}"))
}

/// What this line makes, and its caps.
pub fn encode(line: &str) -> Result<(gst::Caps, Vec<gst::Buffer>), String> {
    let line = format!("{line} ! appsink name=sink sync=false");
    let pipeline = gst::parse::launch(&line).map_err(|e| e.to_string())?;
    let bin = pipeline.downcast_ref::<gst::Bin>().ok_or("no bin")?;
    let sink = bin.by_name("sink").and_downcast::<gst_app::AppSink>();
    let sink = sink.ok_or("no sink")?;
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|e| e.to_string())?;
    let samples = std::iter::from_fn(|| sink.pull_sample().ok());
    let samples: Vec<gst::Sample> = samples.collect();
    pipeline
        .set_state(gst::State::Null)
        .map_err(|e| e.to_string())?;
    let caps = samples
        .first()
        .and_then(|s| s.caps().map(ToOwned::to_owned));
    let buffers = samples
        .iter()
        .filter_map(|s| s.buffer().map(ToOwned::to_owned));
    Ok((caps.ok_or("nothing was encoded")?, buffers.collect()))
}

/// Until the file is closed.
pub fn ends(pipeline: &gst::Element) -> Result<(), String> {
    let bus = pipeline.bus().ok_or("no bus")?;
    let ends = [gst::MessageType::Element, gst::MessageType::Error];
    let messages =
        std::iter::from_fn(|| bus.timed_pop_filtered(gst::ClockTime::from_seconds(300), &ends));
    let mut outcomes = messages.filter_map(|message| match message.view() {
        gst::MessageView::Error(error) => Some(Err(error.error().to_string())),
        _ => message
            .structure()
            .is_some_and(|s| s.name() == "roomfilesink-part-closed")
            .then_some(Ok(())),
    });
    let end = outcomes.next();
    pipeline
        .set_state(gst::State::Null)
        .map_err(|e| e.to_string())?;
    end.unwrap_or(Err("the recording does not end".into()))
}
