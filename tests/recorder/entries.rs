// SPDX-License-Identifier: MPL-2.0
//! Where a file begins, and when its frames are decoded: the order of frames that refer to others.

use gst::prelude::*;
use vdoroom_testkit::check::{Report, inspect, second_opinion, video_times};

use crate::media::{self, Media};
use crate::room::{Part, Recorder, Sender, send_until};

const TIME: (&str, u64) = ("max-size-time", 1_800_000_000);

/// The files stay as long as the recorder is here.
struct Recorded {
    _recorder: Recorder,
    parts: Vec<(Part, Report)>,
}

fn record(container: &str, media: &'static Media, from: u64, until: u64) -> Recorded {
    let mut recorder = Recorder::with(|sink, _| {
        sink.set_property_from_str("container", container);
        sink.set_property(TIME.0, TIME.1);
    });
    let mut sender = Sender::named(&recorder, "video_alice", media);
    sender.skip_to(from);
    send_until(until, &mut [&mut sender]);
    let parts = recorder.end().into_iter();
    let parts = parts
        .map(|part| (part.clone(), inspect(part.file())))
        .collect();
    Recorded {
        _recorder: recorder,
        parts,
    }
}

/// Every frame of every part can be decoded and is shown in its place; gives their numbers.
fn numbers(recorded: &Recorded) -> Vec<(u32, u32)> {
    let parts = recorded.parts.iter();
    parts
        .map(|(part, report)| {
            assert_eq!(
                report.problems(),
                Vec::<String>::new(),
                "{part:?} {report:#?}"
            );
            if let Some(opinion) = second_opinion(part.file()) {
                assert_eq!(opinion.complaints, Vec::<String>::new(), "{part:?}");
            }
            let counters = report.video.as_ref().unwrap().counters.as_ref().unwrap();
            assert_eq!(counters.smeared, 0, "{part:?} {report:#?}");
            (counters.first, counters.last)
        })
        .collect()
}

/// What the part says of its only track.
fn of_video<T: for<'a> gst::glib::value::FromValue<'a> + 'static>(part: &Part, field: &str) -> T {
    let tracks: gst::Array = part.fields.get("tracks").unwrap();
    let track = tracks[0].get::<gst::Structure>().unwrap();
    track.get(field).unwrap()
}

#[test]
fn b_frames_of_a_source_without_decoding_times_keep_their_place() {
    for container in ["mpegts", "matroska", "mp4"] {
        let recorded = record(container, media::h264_with_b_frames(), 0, 10_000);
        let expected = [(0, 29), (30, 59), (60, 89), (90, 119), (120, 149)];
        assert_eq!(numbers(&recorded), expected, "{container}");
        for (part, _) in &recorded.parts {
            // Matroska has no decoding times, and for its first frames ffprobe guesses none.
            let mut times = video_times(part.file()).unwrap_or_default();
            times.retain(|t| !t.dts_ms.is_nan());
            assert!(times.iter().all(|t| t.dts_ms <= t.pts_ms), "{times:?}");
            assert!(times.is_sorted_by(|a, b| a.dts_ms < b.dts_ms), "{times:?}");
        }
    }
}

#[test]
fn a_file_does_not_begin_at_a_recovery_point_if_there_are_keyframes() {
    for container in ["mpegts", "matroska", "mp4"] {
        let recorded = record(container, media::h264_with_intra_refresh(), 0, 9_900);
        assert_eq!(numbers(&recorded), [(0, 148)], "{container}");
    }
}

#[test]
fn frames_that_lack_what_was_before_the_file_are_left_out_and_counted() {
    let sources = [
        (media::h264_with_open_groups(), 2),
        (media::h265_with_open_groups(), 2),
    ];
    for (media, leading) in sources {
        for container in ["mpegts", "matroska", "mp4"] {
            let recorded = record(container, media, 1000, 9_900);
            let part = &recorded.parts[0].0;
            assert_eq!(of_video::<u64>(part, "dropped"), leading, "{part:?}");
            assert_eq!(of_video::<i64>(part, "start"), 1_000_000_000, "{part:?}");
            // GStreamer's decoder of H.264 (1.22) shows nothing before an IDR frame.
            if let Some(opinion) = second_opinion(part.file()) {
                assert_eq!(opinion.complaints, Vec::<String>::new(), "{part:?}");
                assert_eq!(opinion.frames, of_video::<u64>(part, "frames"), "{part:?}");
            }
        }
    }
}
