// SPDX-License-Identifier: MPL-2.0
//! What do the packets of each codec look like? Writes some valid ones for the fuzzers:
//! `cargo run -p vdoroom-testkit --example media_seeds fuzz/media`.
//!
//! Each file holds one stream of packets: two bytes of length before each (RFC 4571).

use std::path::Path;
use std::{env, fs, process};

use gst::prelude::*;

const VIDEO: &str = "videotestsrc num-buffers=8 pattern=ball \
    ! video/x-raw,format=I420,width=64,height=48,framerate=30/1";
const AUDIO: &str = "audiotestsrc num-buffers=12 samplesperbuffer=";

const LAYERS: &str = "VP9-spatial";

/// Name of the file, which begins with the encoding name; what makes the packets.
const SEEDS: &[(&str, &str, &str)] = &[
    (
        "VP8-partitions",
        VIDEO,
        "vp8enc deadline=1 cpu-used=8 threads=1 keyframe-max-dist=4 token-partitions=2 \
         ! rtpvp8pay mtu=300 picture-id-mode=15-bit",
    ),
    (
        "VP8-short-id",
        VIDEO,
        "vp8enc deadline=1 cpu-used=8 threads=1 keyframe-max-dist=8 \
         ! rtpvp8pay mtu=1200 picture-id-mode=7-bit",
    ),
    (
        "VP9-small",
        VIDEO,
        "vp9enc deadline=1 cpu-used=8 threads=1 keyframe-max-dist=4 \
         ! rtpvp9pay mtu=200 picture-id-mode=15-bit",
    ),
    (
        "VP9-large",
        VIDEO,
        "vp9enc deadline=1 cpu-used=8 threads=1 keyframe-max-dist=8 \
         ! rtpvp9pay mtu=1200 picture-id-mode=7-bit",
    ),
    // Each second frame is made the upper spatial layer of the one before.
    (
        LAYERS,
        VIDEO,
        "vp9enc deadline=1 cpu-used=8 threads=1 keyframe-max-dist=4 \
         ! rtpvp9pay mtu=200 picture-id-mode=15-bit",
    ),
    (
        "H264-fragments",
        VIDEO,
        "x264enc speed-preset=ultrafast tune=zerolatency key-int-max=4 threads=1 \
         option-string=slices=3 ! video/x-h264,profile=constrained-baseline \
         ! rtph264pay mtu=120 config-interval=-1 aggregate-mode=zero-latency",
    ),
    (
        "H264-b-frames",
        VIDEO,
        "x264enc speed-preset=veryfast bframes=2 b-pyramid=true key-int-max=8 threads=1 \
         ! video/x-h264,profile=high ! rtph264pay mtu=1200 config-interval=-1 aggregate-mode=none",
    ),
    (
        "H265-fragments",
        VIDEO,
        "x265enc speed-preset=ultrafast tune=zerolatency key-int-max=4 log-level=none \
         option-string=slices=2:pools=1 \
         ! rtph265pay mtu=120 config-interval=-1 aggregate-mode=zero-latency",
    ),
    (
        "H265-b-frames",
        VIDEO,
        "x265enc speed-preset=ultrafast key-int-max=8 log-level=none \
         option-string=bframes=2:pools=1 \
         ! rtph265pay mtu=1200 config-interval=-1 aggregate-mode=none",
    ),
    (
        "AV1-small",
        VIDEO,
        "av1enc usage-profile=realtime cpu-used=10 threads=1 keyframe-max-dist=4 lag-in-frames=0 \
         ! av1parse ! rtpav1pay mtu=120",
    ),
    (
        "AV1-large",
        VIDEO,
        "av1enc usage-profile=realtime cpu-used=10 threads=1 keyframe-max-dist=8 lag-in-frames=0 \
         tile-columns=1 ! av1parse ! rtpav1pay mtu=1200",
    ),
    (
        "OPUS-20ms",
        AUDIO,
        "960 ! audio/x-raw,rate=48000,channels=2 ! opusenc bitrate=24000 ! rtpopuspay",
    ),
    (
        "OPUS-60ms",
        AUDIO,
        "2880 ! audio/x-raw,rate=48000,channels=1 \
         ! opusenc bitrate=16000 frame-size=60 dtx=true ! rtpopuspay",
    ),
    (
        "G722-20ms",
        AUDIO,
        "320 ! audio/x-raw,rate=16000,channels=1 ! avenc_g722 ! rtpg722pay max-ptime=20000000",
    ),
    (
        "PCMU-20ms",
        AUDIO,
        "160 ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay max-ptime=20000000",
    ),
    (
        "PCMA-20ms",
        AUDIO,
        "160 ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay max-ptime=20000000",
    ),
    // What comes from other sources only: frames instead of packets.
    (
        "AAC-adts",
        AUDIO,
        "1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac bitrate=32000 \
         ! aacparse ! audio/mpeg,stream-format=adts ! identity",
    ),
];

fn main() {
    let Some(folder) = env::args().nth(1) else {
        eprintln!("media_seeds FOLDER");
        process::exit(1);
    };
    if let Err(error) = write(Path::new(&folder)) {
        eprintln!("media_seeds: {error}");
        process::exit(1);
    }
}

fn write(folder: &Path) -> Result<(), String> {
    gst::init().map_err(|e| e.to_string())?;
    gstrsrtp::plugin_register_static().map_err(|e| e.to_string())?;
    for (name, source, rest) in SEEDS {
        // An audio source wants its number of samples at once.
        let join = if *source == VIDEO { " ! " } else { "" };
        let mut packets =
            packets(&format!("{source}{join}{rest}")).map_err(|e| format!("{name}: {e}"))?;
        if *name == LAYERS {
            layer(&mut packets);
        }
        let framed: Vec<u8> = packets
            .iter()
            .filter_map(|packet| {
                let length = u16::try_from(packet.len()).ok()?;
                Some([&length.to_be_bytes(), packet.as_slice()].concat())
            })
            .flatten()
            .collect();
        println!("{name}: {} packets, {} bytes", packets.len(), framed.len());
        let file = folder.join(name).with_extension("rtp");
        fs::write(&file, framed).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(())
}

/// Of two frames, that follow each other, makes two layers of a picture (RFC 9628 section 4.2).
fn layer(packets: &mut [Vec<u8>]) {
    const RTP_HEADER: usize = 12;
    // The flags of the payload descriptor, and a picture ID of two bytes.
    const LAYER_AT: usize = RTP_HEADER + 3;
    const HAS_LAYERS: u8 = 0x20;
    const MARKER: u8 = 0x80;
    let mut frame = 0_u8;
    // Timestamp and picture ID of the lower layer.
    let mut picture = ([0; 4], [0; 2]);
    for packet in packets {
        let is_upper = frame % 2 == 1;
        let ends_frame = packet[1] & MARKER != 0;
        if is_upper {
            packet[4..8].copy_from_slice(&picture.0);
            packet[RTP_HEADER + 1..LAYER_AT].copy_from_slice(&picture.1);
        } else {
            picture.0.copy_from_slice(&packet[4..8]);
            picture.1.copy_from_slice(&packet[RTP_HEADER + 1..LAYER_AT]);
            packet[1] &= !MARKER;
        }
        packet[RTP_HEADER] |= HAS_LAYERS;
        // SID and, of the upper one, D; then TL0PICIDX.
        let layer = if is_upper { 1 << 1 | 1 } else { 0 };
        packet.splice(LAYER_AT..LAYER_AT, [layer, frame / 2]);
        frame += u8::from(ends_frame);
    }
}

fn packets(line: &str) -> Result<Vec<Vec<u8>>, String> {
    // The same each time.
    let packets = match line.ends_with("identity") {
        true => "",
        false => "ssrc=1 seqnum-offset=65530 timestamp-offset=4294960000 pt=96",
    };
    let line = format!("{line} {packets} ! appsink name=sink sync=false");
    let pipeline = gst::parse::launch(&line).map_err(|e| e.to_string())?;
    let bin = pipeline.downcast_ref::<gst::Bin>().ok_or("no bin")?;
    let sink = bin.by_name("sink").and_downcast::<gst_app::AppSink>();
    let sink = sink.ok_or("no sink")?;
    let playing = pipeline.set_state(gst::State::Playing);
    playing.map_err(|e| e.to_string())?;
    let mut packets = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        let buffers = sample.buffer().map(|b| b.map_readable());
        if let Some(Ok(map)) = buffers {
            packets.push(map.to_vec());
        }
    }
    let stopped = pipeline.set_state(gst::State::Null);
    stopped.map_err(|e| e.to_string())?;
    match packets.is_empty() {
        true => Err("nothing was encoded".to_owned()),
        false => Ok(packets),
    }
}
