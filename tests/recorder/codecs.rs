// SPDX-License-Identifier: MPL-2.0
//! Each codec goes into a file from which two players get every frame back, also when its size
//! changes on the way.

use gst::prelude::*;
use vdoroom_testkit::check::{inspect, second_opinion, size_in_header};
use vdoroom_testkit::pattern::{self, Plane};

use crate::media;
use crate::playback::play;
use crate::room::{Intro, Part, Recorder, Sender, send_until};

const RATE: u64 = 15;
/// Frames of each size.
const FRAMES: u64 = 12;
/// A camera that is told to send more, then less, and a phone that is turned.
const SIZES: [(u32, u32); 4] = [(320, 180), (1280, 720), (640, 480), (180, 320)];

const H264: &str = "x264enc tune=zerolatency speed-preset=superfast key-int-max=1000";
// Without `info=0` two encoders in one process cut the frame after a change of size in two at times.
const H265: &str = "x265enc tune=zerolatency speed-preset=ultrafast log-level=error \
    option-string=open-gop=0:repeat-headers=1:info=0 key-int-max=1000 ! h265parse config-interval=-1";
const VP8: &str = "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=1000 max-quantizer=40";
const VP9: &str = "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=1000 max-quantizer=40";
const AV1: &str = "av1enc cpu-used=10 usage-profile=realtime keyframe-max-dist=1000 \
    target-bitrate=4000 max-quantizer=30 ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu";

/// Frames with a counter, of these sizes one after the other, through `encoder`.
struct Camera<'a> {
    encoder: &'a str,
    sizes: &'a [(u32, u32)],
}

impl Camera<'_> {
    /// Records until the source ends by itself.
    fn record(&self, recorder: &mut Recorder) -> Vec<Part> {
        let description = format!(
            "appsrc name=camera format=time ! {} ! identity",
            self.encoder
        );
        let bin = gst::parse::bin_from_description(&description, true).unwrap();
        let camera = bin.by_name("camera").unwrap();
        let camera = camera.downcast::<gst_app::AppSrc>().unwrap();
        recorder.pipeline.add(&bin).unwrap();
        let pad = recorder.sink.request_pad_simple("video_alice").unwrap();
        bin.static_pad("src").unwrap().link(&pad).unwrap();
        bin.sync_state_with_parent().unwrap();
        let frames = self
            .sizes
            .iter()
            .flat_map(|size| (0..FRAMES).map(|_| *size));
        for (number, size) in frames.enumerate() {
            camera.push_sample(&video(number as u64, size)).unwrap();
        }
        camera.end_of_stream().unwrap();
        let closed = std::iter::from_fn(|| recorder.try_next("part-closed"));
        closed.collect()
    }
}

fn video(number: u64, (width, height): (u32, u32)) -> gst::Sample {
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
        .fps(gst::Fraction::new(RATE as i32, 1))
        .build()
        .unwrap();
    // Grey has chrominance in the middle.
    let mut data = vec![128; info.size()];
    let stride = info.stride()[0] as usize;
    let plane = &mut Plane {
        data: &mut data[..stride * height as usize],
        stride,
        width: width as usize,
        height: height as usize,
    };
    pattern::draw(plane, number as u32, pattern::Content::Bar);
    let mut buffer = gst::Buffer::from_mut_slice(data);
    let time = |n: u64| gst::ClockTime::from_nseconds(n * 1_000_000_000 / RATE);
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(time(number));
    writable.set_duration(time(1));
    let caps = info.to_caps().unwrap();
    gst::Sample::builder().buffer(&buffer).caps(&caps).build()
}

/// Both players get every frame, in its size, and complain about nothing.
fn assert_whole(part: &Part, sizes: &[(u32, u32)]) {
    let expected = FRAMES * sizes.len() as u64;
    let file = part.file();
    let report = inspect(&file);
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
    let video = report.video.unwrap();
    assert_eq!(video.frames_decoded, expected, "{video:#?}");
    assert_eq!(video.sizes, sizes, "{video:#?}");
    assert!(video.counters.is_some(), "{video:#?}");
    if let Some(opinion) = second_opinion(&file) {
        assert_eq!(opinion.complaints, Vec::<String>::new(), "{opinion:#?}");
        assert_eq!(opinion.frames, expected, "{opinion:#?}");
        assert_eq!(opinion.sizes, sizes, "{opinion:#?}");
    }
}

fn listed_sizes(part: &Part) -> Vec<String> {
    let tracks: gst::Array = part.fields.get("tracks").unwrap();
    let track: gst::Structure = tracks[0].get().unwrap();
    let sizes: gst::Array = track.get("sizes").unwrap();
    sizes.iter().map(|size| size.get().unwrap()).collect()
}

fn changes_size(encoder: &str, container: &str, extension: &str) {
    let mut recorder = Recorder::in_container(container);
    let camera = Camera {
        encoder,
        sizes: &SIZES,
    };
    let parts = camera.record(&mut recorder);
    let [part] = parts.as_slice() else {
        panic!("one file, not {parts:#?}");
    };
    assert!(
        part.file().ends_with(format!("alice-1.{extension}")),
        "{part:?}"
    );
    assert_whole(part, &SIZES);
    if extension == "mkv" {
        let size = size_in_header(part.file());
        assert_eq!(size, Some((1280, 720)), "the largest of {SIZES:?}");
    }
    let sizes = SIZES.map(|(w, h)| format!("{w}x{h}"));
    assert_eq!(listed_sizes(part), sizes, "{part:?}");
    assert_eq!(recorder.warnings, Vec::<String>::new());
}

#[test]
fn h264_changes_size_in_one_transport_stream() {
    changes_size(H264, "auto", "ts");
}

#[test]
fn h264_changes_size_in_one_matroska_file() {
    changes_size(H264, "matroska", "mkv");
}

#[test]
fn h265_changes_size_in_one_transport_stream() {
    changes_size(H265, "auto", "ts");
}

#[test]
fn h265_changes_size_in_one_matroska_file() {
    changes_size(H265, "matroska", "mkv");
}

#[test]
fn vp8_changes_size_in_one_matroska_file() {
    changes_size(VP8, "auto", "mkv");
}

#[test]
fn vp9_changes_size_in_one_matroska_file() {
    changes_size(VP9, "auto", "mkv");
}

#[test]
fn av1_changes_size_in_one_matroska_file() {
    changes_size(AV1, "auto", "mkv");
}

#[test]
fn every_codec_of_mp4_changes_size_in_one_file() {
    for encoder in [H264, H265, VP9, AV1] {
        changes_size(encoder, "mp4", "mp4");
    }
}

fn is_whole(encoder: &str) {
    let mut recorder = Recorder::new();
    let camera = Camera {
        encoder,
        sizes: &SIZES[..1],
    };
    let parts = camera.record(&mut recorder);
    assert_eq!(parts.len(), 1, "{parts:#?}");
    assert_whole(&parts[0], &SIZES[..1]);
}

#[test]
fn h264_of_every_profile_is_whole() {
    for profile in ["constrained-baseline", "main", "high"] {
        is_whole(&format!("{H264} ! video/x-h264,profile={profile}"));
    }
}

#[test]
fn vp9_with_ten_bits_is_whole() {
    is_whole(&format!(
        "videoconvert ! video/x-raw,format=I420_10LE ! {VP9}"
    ));
}

#[test]
fn what_cannot_be_recorded_is_said_once_and_holds_up_nobody() {
    let mut recorder = Recorder::new();
    let pad = recorder.sink.request_pad_simple("video_alice").unwrap();
    // A source whose pads take any caps, such as parsebin's.
    let source = gst::Pad::builder(gst::PadDirection::Src).build();
    source.set_active(true).unwrap();
    source.link(&pad).unwrap();
    source.push_event(gst::event::StreamStart::new("alice/jpeg"));
    let jpeg = gst::Caps::builder("image/jpeg").field("width", 320).build();
    assert!(
        source.push_event(gst::event::Caps::new(&jpeg)),
        "an error for the source"
    );
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    source.push_event(gst::event::Segment::new(&segment));

    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    for ms in [500, 1000, 1500] {
        let frame = gst::Buffer::from_slice([0; 8]);
        assert_eq!(source.push(frame), Ok(gst::FlowSuccess::Ok));
        source.push_event(gst::event::Caps::new(&jpeg));
        send_until(ms, &mut [&mut audio]);
    }
    let parts = recorder.end();
    assert_eq!(parts.len(), 1, "{parts:#?}");
    assert!(parts[0].file().ends_with("alice-1.mka"), "{parts:#?}");
    let played = play(&parts[0].file());
    assert!(played.audio_ms.abs_diff(1500) <= 40, "{played:?}");
    let [warning] = recorder.warnings.as_slice() else {
        panic!("one warning, not {:#?}", recorder.warnings);
    };
    for word in ["video_alice", "\"alice\"", "image/jpeg", "VP8"] {
        assert!(warning.contains(word), "no {word} in {warning}");
    }
}

#[test]
fn audio_that_becomes_stereo_begins_the_next_part_and_mono_goes_on() {
    let mut recorder = Recorder::new();
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus_mono());
    send_until(1000, &mut [&mut audio]);
    audio.change(media::opus());
    send_until(2000, &mut [&mut audio]);
    audio.change(media::opus_mono());
    send_until(3000, &mut [&mut audio]);
    let parts = recorder.end();
    let reports: Vec<_> = parts.iter().map(|p| inspect(p.file())).collect();
    let channels: Vec<_> = reports
        .iter()
        .map(|r| r.audio.as_ref().unwrap().channels)
        .collect();
    assert_eq!(channels, [1, 2], "{reports:#?}");
    let lasted = |r: &vdoroom_testkit::check::Report| r.duration().mseconds();
    let ms: u64 = reports.iter().map(lasted).sum();
    assert!(ms.abs_diff(3000) <= 40, "{ms} ms: {reports:#?}");
}

#[test]
fn audio_that_leaves_out_packets_keeps_its_time() {
    for container in ["mpegts", "matroska", "mp4"] {
        let mut recorder = Recorder::in_container(container);
        let mut video = Sender::named(&recorder, "video_alice", media::h264());
        let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
        for second in 0..4 {
            send_until(second * 1000 + 300, &mut [&mut video, &mut audio]);
            audio.gap(second * 1000 + 300);
            send_until((second + 1) * 1000, &mut [&mut video]);
            audio.skip_to((second + 1) * 1000);
        }
        send_until(4500, &mut [&mut video, &mut audio]);
        let parts = recorder.end();
        assert_eq!(parts.len(), 1, "{parts:#?}");
        let played = play(&parts[0].file());
        assert_eq!(played.frames, video.sent, "{container}");
        let late = played.audio_end_ms - 4500;
        assert!(late.abs() <= 60, "{container}: {late} ms late: {played:?}");
        if let Some(opinion) = second_opinion(parts[0].file()) {
            assert_eq!(opinion.complaints, Vec::<String>::new(), "{container}");
        }
    }
}

#[test]
fn video_that_has_not_come_is_not_promised_by_a_matroska_file() {
    let mut recorder = Recorder::with(|sink, _| {
        sink.set_property_from_str("container", "matroska");
        sink.set_property("max-size-time", 4_000_000_000u64);
    });
    let group = gst::GroupId::next();
    let connect = |media, stream_id| {
        let intro = Intro {
            stream_id,
            group: Some(group),
            promised: &[],
            person: None,
        };
        Sender::connect(&recorder, None, media, &intro)
    };
    let mut camera = connect(media::h264(), "r/alice/1/video");
    // It sends no further keyframe, so it stays in the first part.
    let mut screen = connect(media::h264_with_one_keyframe(), "r/alice/1/screen");
    let mut audio = connect(media::opus(), "r/alice/1/audio");
    send_until(7000, &mut [&mut camera, &mut screen, &mut audio]);
    let parts = recorder.end();
    assert_eq!(parts.len(), 2, "{parts:#?}");
    let report = inspect(parts[1].file());
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
    let opinions = parts.iter().filter_map(|p| second_opinion(p.file()));
    let frames: u64 = opinions
        .inspect(|o| assert_eq!(o.complaints, Vec::<String>::new(), "{o:#?}"))
        .map(|o| o.frames)
        .sum();
    assert!(frames == 0 || frames == (camera.sent + screen.sent) as u64);
}

#[test]
fn av1_in_matroska_has_no_temporal_delimiters() {
    let mut recorder = Recorder::new();
    let mut camera = Sender::named(&recorder, "video_alice", media::av1());
    send_until(1500, &mut [&mut camera]);
    let parts = recorder.end();
    let file = std::fs::read(parts[0].file()).unwrap();
    // One before the sequence header of a keyframe.
    assert!(!file.windows(3).any(|w| w == [0x12, 0, 0x0a]));
    assert_eq!(play(&parts[0].file()).frames, camera.sent);
}
