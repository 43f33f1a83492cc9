// SPDX-License-Identifier: MPL-2.0
//! Packets through a track without a connection: what comes out of GStreamer's depayloaders and
//! parsers behind the guard.

use std::sync::mpsc::channel;
use std::time::Duration;

use gst::prelude::*;
use gst_rtp::{RTPBuffer, prelude::RTPBufferExt};

use super::*;
use crate::vdoroomsrc::media::packets::unpack;

const H264: &str = "videotestsrc num-buffers=30 pattern=snow \
    ! video/x-raw,width=320,height=180,framerate=30/1,format=I420 \
    ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 key-int-max=30 bitrate=500 \
      option-string=scenecut=0 \
    ! rtph264pay mtu=400 config-interval=-1";
const H265: &str = "videotestsrc num-buffers=30 pattern=snow \
    ! video/x-raw,width=320,height=180,framerate=30/1,format=I420 \
    ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=500 log-level=error \
      option-string=scenecut=0 \
    ! rtph265pay mtu=400 config-interval=-1";
const VP8: &str = "videotestsrc num-buffers=30 pattern=snow \
    ! video/x-raw,width=320,height=180,framerate=30/1,format=I420 \
    ! vp8enc deadline=1 cpu-used=8 threads=1 keyframe-max-dist=30 ! rtpvp8pay mtu=400";

/// What comes of packets.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    frames: usize,
    broken_packets: u64,
}

/// The packets that these elements make, with their caps.
fn packets_of(line: &str) -> (gst::Caps, Vec<gst::Buffer>) {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(&format!("{line} ! appsink name=sink sync=false")).unwrap();
    let sink = pipeline.downcast_ref::<gst::Bin>().unwrap().by_name("sink");
    let sink = sink.and_downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let samples: Vec<_> = std::iter::from_fn(|| sink.pull_sample().ok()).collect();
    pipeline.set_state(gst::State::Null).unwrap();
    let caps = samples[0].caps_owned().unwrap();
    let packets = samples.iter().map(|sample| sample.buffer_owned().unwrap());
    (caps, packets.collect())
}

/// Numbers the packets anew, gives them into a track, and counts what leaves it.
fn through(encoding_name: &str, caps: &gst::Caps, packets: Vec<gst::Buffer>) -> Outcome {
    let line = "bin ( name=bob appsrc name=packets format=time ) appsink name=sink sync=false";
    let pipeline = gst::parse::launch(line).unwrap();
    let pipeline = pipeline.downcast::<gst::Bin>().unwrap();
    let bob = pipeline.by_name("bob").and_downcast::<gst::Bin>().unwrap();
    let source = pipeline.by_name("packets");
    let source = source.and_downcast::<gst_app::AppSrc>().unwrap();
    let sink = pipeline.by_name("sink");
    let sink = sink.and_downcast::<gst_app::AppSink>().unwrap();
    source.set_caps(Some(caps));
    let exit = source.static_pad("src").unwrap();
    let (tell, over) = channel();
    exit.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if info.event().map(|event| event.type_()) == Some(gst::EventType::Eos) {
            tell.send(()).unwrap();
        }
        gst::PadProbeReturn::Ok
    });
    let mut track = unpack(&bob, &exit, encoding_name).unwrap();
    let entry = sink.static_pad("sink").unwrap();
    track.pad().link(&entry).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    for packet in packets {
        source.push_buffer(packet).unwrap();
    }
    source.end_of_stream().unwrap();
    over.recv_timeout(Duration::from_secs(30)).unwrap();
    track.end();
    let frames = std::iter::from_fn(|| sink.pull_sample().ok()).count();
    let broken_packets = track.broken_packets();
    pipeline.set_state(gst::State::Null).unwrap();
    Outcome {
        frames,
        broken_packets,
    }
}

fn numbered(packets: Vec<gst::Buffer>) -> Vec<gst::Buffer> {
    let numbers = (65_500_u16..=u16::MAX).chain(0..);
    let with_numbers = packets
        .into_iter()
        .zip(numbers)
        .map(|(mut packet, number)| {
            let buffer = packet.make_mut();
            if let Ok(mut rtp) = RTPBuffer::from_buffer_writable(buffer) {
                rtp.set_seq(number);
            }
            packet
        });
    with_numbers.collect()
}

/// Of the same time as `packet`, with this payload.
fn like(packet: &gst::BufferRef, payload: &[u8]) -> gst::Buffer {
    let of = RTPBuffer::from_buffer_readable(packet).unwrap();
    let mut buffer = gst::Buffer::new_rtp_with_sizes(payload.len() as u32, 0, 0).unwrap();
    let writable = buffer.make_mut();
    writable.set_pts(packet.pts());
    let mut rtp = RTPBuffer::from_buffer_writable(writable).unwrap();
    rtp.set_timestamp(of.timestamp());
    rtp.set_payload_type(of.payload_type());
    rtp.set_ssrc(of.ssrc());
    rtp.payload_mut().unwrap().copy_from_slice(payload);
    drop(rtp);
    buffer
}

/// Puts a packet with this payload behind every third one.
fn with_every_third(packets: &[gst::Buffer], payload: &[u8]) -> Vec<gst::Buffer> {
    let mut mixed = vec![];
    for (index, packet) in packets.iter().enumerate() {
        mixed.push(packet.clone());
        if index % 3 == 2 {
            mixed.push(like(packet, payload));
        }
    }
    numbered(mixed)
}

#[test]
fn packets_without_payload_cost_no_frame() {
    for (codec, line) in [("H264", H264), ("H265", H265), ("VP8", VP8)] {
        let (caps, packets) = packets_of(line);
        assert!(packets.len() > 60, "{codec}: {}", packets.len());
        let outcome = through(codec, &caps, with_every_third(&packets, &[]));
        let all = Outcome {
            frames: 30,
            broken_packets: 0,
        };
        assert_eq!(outcome, all, "{codec}");
    }
}

/// It costs the frames until the next keyframe, and the depayloader is not left with half a unit.
#[test]
fn a_broken_packet_among_fragments_is_as_good_as_lost() {
    for (codec, line, broken) in [
        ("H264", H264, &[0x7c][..]),
        ("H265", H265, &[0x62, 1]),
        ("VP8", VP8, &[0x90, 0x80]),
    ] {
        let (caps, mut packets) = packets_of(line);
        let middle = packets.len() / 2;
        packets.insert(middle, like(&packets[middle - 1], broken));
        let outcome = through(codec, &caps, numbered(packets));
        assert_eq!(outcome.broken_packets, 1, "{codec}");
        assert!((1..29).contains(&outcome.frames), "{codec}: {outcome:?}");
    }
}

#[test]
fn a_frame_that_never_ends_is_not_held_for_ever() {
    let mut state = State::new(Codec::by_name("H264").unwrap());
    // Slices that are none of the first of their frame.
    let mut slice = vec![1_u8; 60_000];
    slice[0] = 0x41;
    let mut seqnum = 0;
    let mut arrive = |payload: &[u8], marker| {
        seqnum += 1;
        let mut packet = Packet {
            timestamp: 1,
            marker,
            payload,
            follows: true,
        };
        state.packet(seqnum, &mut packet).0
    };
    let held = (0..1000)
        .take_while(|_| arrive(&slice, false).passes)
        .count();
    assert_eq!(held, LARGEST_FRAME / slice.len());
    assert!(!arrive(&slice, false).passes);
    assert!(arrive(&slice, true).passes, "this ends it");
    assert!(arrive(&slice, false).passes);
}
