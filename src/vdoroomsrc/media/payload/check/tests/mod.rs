// SPDX-License-Identifier: MPL-2.0
//! What GStreamer's payloaders make passes, no bytes do harm, and each rule is held.

mod audio;
mod av1;
mod h26x;
mod vpx;

use gst::prelude::*;
use proptest::prelude::*;

use super::*;
use crate::vdoroomsrc::media::codecs::CODECS;

/// Packets in a row, as (timestamp, marker, payload), and what is thought of each.
fn verdicts(encoding_name: &str, packets: &[(u32, bool, &[u8])]) -> Vec<Verdict> {
    let mut payload = Payload::of(Codec::by_name(encoding_name).unwrap());
    let checked = packets.iter().enumerate().map(|(index, packet)| {
        payload.check(&Packet {
            timestamp: packet.0,
            marker: packet.1,
            payload: packet.2,
            follows: index > 0,
        })
    });
    checked.collect()
}

/// Whether a packet is good that is a whole frame.
fn is_good(encoding_name: &str, payload: &[u8]) -> bool {
    verdicts(encoding_name, &[(1, true, payload)]) == [Verdict::Good]
}

fn is_broken(verdict: Option<&Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Broken(_)))
}

fn is_cut(verdict: Option<&Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Cuts(_)))
}

/// Payloads, with timestamps and markers, that these elements make.
fn packets_of(line: &str) -> Vec<(u32, bool, Vec<u8>)> {
    gst::init().unwrap();
    // Debian 12 has no payloader of AV1.
    let _ = gstrsrtp::plugin_register_static();
    let pipeline = gst::parse::launch(&format!("{line} ! appsink name=sink sync=false")).unwrap();
    let sink = pipeline.downcast_ref::<gst::Bin>().unwrap().by_name("sink");
    let sink = sink.and_downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let packets = std::iter::from_fn(|| sink.pull_sample().ok()).map(|sample| {
        let buffer = sample.buffer_owned().unwrap();
        let rtp = gst_rtp::RTPBuffer::from_buffer_readable(&buffer).unwrap();
        let payload = rtp.payload().unwrap().to_vec();
        (rtp.timestamp(), rtp.is_marker(), payload)
    });
    let packets: Vec<_> = packets.collect();
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(packets.len() > 10, "{line} gave {}", packets.len());
    packets
}

fn assert_all_good(encoding_name: &str, line: &str) {
    let packets = packets_of(line);
    let packets: Vec<_> = packets
        .iter()
        .map(|(timestamp, marker, payload)| (*timestamp, *marker, payload.as_slice()))
        .collect();
    let verdicts = verdicts(encoding_name, &packets);
    let other = verdicts.iter().position(|v| *v != Verdict::Good);
    assert_eq!(
        other.map(|at| (at, verdicts[at], packets[at])),
        None,
        "{line}"
    );
    let mut payload = Payload::of(Codec::by_name(encoding_name).unwrap());
    for (timestamp, marker, bytes) in packets {
        payload.check(&Packet {
            timestamp,
            marker,
            payload: bytes,
            follows: true,
        });
    }
    assert!(!payload.was_strange(), "{line}");
}

const PICTURES: &str = "videotestsrc num-buffers=12 pattern=snow \
    ! video/x-raw,width=320,height=180,framerate=30/1,format=I420";
const AUDIO: &str = "audiotestsrc num-buffers=48 samplesperbuffer=960 ! audioconvert";

#[test]
fn what_payloaders_of_video_make_passes() {
    let x264 = "x264enc tune=zerolatency speed-preset=ultrafast threads=1 key-int-max=5";
    let x265 = "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=5 log-level=error";
    let vpx = "deadline=1 cpu-used=8 keyframe-max-dist=5";
    let av1 = "av1enc usage-profile=realtime cpu-used=10 lag-in-frames=0 keyframe-max-dist=5 \
        ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu";
    for (codec, line) in [
        (
            "H264",
            format!("{x264} ! rtph264pay mtu=300 config-interval=-1"),
        ),
        (
            "H264",
            format!("{x264} ! rtph264pay mtu=9000 aggregate-mode=max-stap"),
        ),
        (
            "H264",
            format!(
                "{x264} sliced-threads=true threads=4 ! rtph264pay aggregate-mode=zero-latency"
            ),
        ),
        (
            "H265",
            format!("{x265} ! rtph265pay mtu=300 config-interval=-1"),
        ),
        (
            "H265",
            format!("{x265} ! rtph265pay mtu=9000 aggregate-mode=max"),
        ),
        ("VP8", format!("vp8enc {vpx} ! rtpvp8pay mtu=300")),
        (
            "VP8",
            format!("vp8enc {vpx} token-partitions=8 ! rtpvp8pay picture-id-mode=7-bit"),
        ),
        (
            "VP8",
            format!("vp8enc {vpx} ! rtpvp8pay picture-id-mode=15-bit"),
        ),
        (
            "VP9",
            format!("vp9enc {vpx} ! rtpvp9pay mtu=300 picture-id-mode=7-bit"),
        ),
        (
            "VP9",
            format!("vp9enc {vpx} ! rtpvp9pay picture-id-mode=15-bit"),
        ),
        ("AV1", format!("{av1} ! rtpav1pay mtu=300")),
        ("AV1", format!("{av1} ! rtpav1pay mtu=9000")),
    ] {
        assert_all_good(codec, &format!("{PICTURES} ! {line}"));
    }
}

#[test]
fn what_payloaders_of_audio_make_passes() {
    let opus = "audio/x-raw,rate=48000,channels=2 ! opusenc";
    for (codec, line) in [
        ("OPUS", format!("{opus} ! rtpopuspay")),
        (
            "OPUS",
            format!("{opus} frame-size=60 bitrate-type=vbr ! rtpopuspay"),
        ),
        (
            "OPUS",
            format!("{opus} frame-size=2.5 dtx=true ! rtpopuspay"),
        ),
        (
            "OPUS",
            format!("{opus} audio-type=voice inband-fec=true ! rtpopuspay"),
        ),
        (
            "PCMU",
            "audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay".to_owned(),
        ),
        (
            "PCMA",
            "audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay".to_owned(),
        ),
    ] {
        let resampled = line.replacen("audio/x-raw", "audioresample ! audio/x-raw", 1);
        assert_all_good(codec, &format!("{AUDIO} ! {resampled}"));
    }
}

proptest! {
    #[test]
    fn no_bytes_do_harm(
        codec in 0..CODECS.len(),
        packets in prop::collection::vec(
            (any::<bool>(), any::<bool>(), 0..3_u32, prop::collection::vec(any::<u8>(), 1..40)),
            1..20,
        ),
    ) {
        let mut payload = Payload::of(&CODECS[codec]);
        for (follows, marker, timestamp, bytes) in &packets {
            payload.check(&Packet {
                timestamp: *timestamp,
                marker: *marker,
                payload: bytes,
                follows: *follows,
            });
        }
    }
}
