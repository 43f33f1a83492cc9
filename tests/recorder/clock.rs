// SPDX-License-Identifier: MPL-2.0
//! Times of day are right, whatever happened to the pipeline's running time before.

use std::time::{Duration, Instant, SystemTime};

use gst::prelude::*;

use crate::media;
use crate::room::{Part, Recorder, Sender, send_until};

/// How far a time of day may be off: two readings of the clocks, on a machine that is busy.
const TOLERANCE: f64 = 0.3;

/// Seconds since 1970 at running time 0, by what a part says of its start or end.
fn zero_by(part: &Part, time: &str) -> f64 {
    let text = part.text(&format!("{time}-utc"));
    let utc = humantime::parse_rfc3339(&text).unwrap();
    let utc = utc.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let running_time = part.fields.get::<i64>(time).unwrap();
    utc.as_secs_f64() - running_time as f64 / 1e9
}

/// The same by the clocks.
fn zero_by_clocks(recorder: &Recorder) -> f64 {
    let running_time = recorder.sink.current_running_time().unwrap();
    let utc = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    utc.unwrap().as_secs_f64() - running_time.nseconds() as f64 / 1e9
}

#[test]
fn after_a_pause_parts_say_when_they_began_and_ended() {
    let pause = Duration::from_secs(2);
    let mut recorder = Recorder::new();
    let mut alice = Sender::named(&recorder, "audio_alice", media::opus());
    let mut bob = Sender::named(&recorder, "audio_bob", media::opus());
    send_until(1500, &mut [&mut alice]);
    let first = recorder.next("part-opened");
    let before = zero_by_clocks(&recorder);
    recorder.pipeline.set_state(gst::State::Paused).unwrap();
    let began = Instant::now();
    // Running time stands still meanwhile: that is the pause.
    std::thread::sleep(pause);
    recorder.pipeline.set_state(gst::State::Playing).unwrap();
    let after = zero_by_clocks(&recorder);
    assert!(after - before > pause.as_secs_f64() - TOLERANCE);
    assert!(after - before < began.elapsed().as_secs_f64() + TOLERANCE);
    send_until(1500, &mut [&mut bob]);
    let second = recorder.next("part-opened");
    send_until(3000, &mut [&mut alice]);
    let near = |part: &Part, time: &str, expected: f64| {
        let off = zero_by(part, time) - expected;
        assert!(off.abs() < TOLERANCE, "{time} is {off:+.3} s off: {part:?}");
    };
    near(&first, "start", before);
    near(&second, "start", after);
    for part in recorder.end() {
        near(&part, "end", after);
    }
}
