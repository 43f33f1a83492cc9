// SPDX-License-Identifier: MPL-2.0
//! Frames of each codec and stream format, mutated, straight into the recorder.

use gst::prelude::*;

use super::bytes::{self, Change, place};
use super::events;
use super::forms::{self, Form};
use super::harness::{self, Harness};
use super::odd_caps::odd;

const CONTAINERS: [&str; 5] = ["auto", "mpegts", "matroska", "webm", "mp4"];

/// A frame, or an event between frames.
#[derive(Clone)]
enum Step {
    Frame(gst::Buffer),
    Event(gst::Event),
}

/// Into the recorder, and out of it as a file. The first byte chooses form and container.
pub fn frames(input: &[u8]) -> Result<(), String> {
    let forms = forms::all()?;
    let Some((number, changes)) = bytes::read(input) else {
        return Ok(());
    };
    let number = usize::from(number);
    let form = &forms[number % forms.len()];
    let container = CONTAINERS[number / forms.len() % CONTAINERS.len()];
    let mut steps: Vec<Step> = form.frames.iter().cloned().map(Step::Frame).collect();
    for change in changes {
        apply(&mut steps, change, form, forms);
    }
    run(form, container, steps)
}

fn run(form: &Form, container: &str, steps: Vec<Step>) -> Result<(), String> {
    let mut harness = Harness::new(container)?;
    let frames = harness::source("frames")?;
    let name = match form.is_video() {
        true => "video_bob",
        false => "audio_bob",
    };
    harness.record(&frames, name)?;
    harness.add_honest("audio_alice")?;
    if form.is_video() {
        harness.add_honest("audio_bob")?;
    }
    harness.play()?;
    harness.speak()?;
    harness::begin(&frames, "frames", &form.caps);
    for step in steps {
        match step {
            // The recorder takes whatever comes.
            Step::Frame(frame) => drop(frames.push(frame).map_err(|e| e.to_string())?),
            Step::Event(event) => drop(frames.push_event(event)),
        }
    }
    harness.speak()?;
    frames.push_event(gst::event::Eos::new());
    harness.finish()
}

fn apply(steps: &mut Vec<Step>, change: Change, form: &Form, forms: &[Form]) {
    let [how, at, a, b] = change;
    let at = place(steps.len(), at);
    match how % 16 {
        0..=4 => change_frame(steps, at, |frame| {
            let bytes = frame.map_readable().map(|map| map.to_vec());
            let mut bytes = bytes.unwrap_or_default();
            bytes::change(&mut bytes, 0, how >> 4, [a, b]);
            replace(frame, bytes);
        }),
        5 => change_frame(steps, at, |frame| replace(frame, Vec::new())),
        6 => {
            if let Some(step) = steps.get(at).cloned() {
                steps.insert(place(steps.len(), a), step);
            }
        }
        7 => {
            if at < steps.len() {
                let step = steps.remove(at);
                // Gone, or somewhere else.
                if b % 2 == 0 {
                    steps.insert(place(steps.len(), a), step);
                }
            }
        }
        8 => change_frame(steps, at, |frame| frame.set_pts(time(frame.pts(), a, b))),
        9 => change_frame(steps, at, |frame| frame.set_dts(time(frame.dts(), a, b))),
        10 => {
            let step = gst::ClockTime::from_mseconds(u64::from(b) << (a % 16));
            for step_index in at..steps.len() {
                change_frame(steps, step_index, |frame| {
                    frame.set_pts(frame.pts().map(|pts| pts.saturating_add(step)));
                    frame.set_dts(frame.dts().map(|dts| dts.saturating_add(step)));
                });
            }
        }
        11 => change_frame(steps, at, |frame| {
            const FLAGS: [gst::BufferFlags; 6] = [
                gst::BufferFlags::DELTA_UNIT,
                gst::BufferFlags::DISCONT,
                gst::BufferFlags::CORRUPTED,
                gst::BufferFlags::HEADER,
                gst::BufferFlags::GAP,
                gst::BufferFlags::DROPPABLE,
            ];
            let flag = FLAGS[usize::from(a) % FLAGS.len()];
            match frame.flags().contains(flag) {
                true => frame.unset_flags(flag),
                false => frame.set_flags(flag),
            }
        }),
        12 => change_frame(steps, at, |frame| frame.set_duration(time(None, a, b))),
        13 => {
            let caps = odd(&form.caps, [a, b]);
            steps.insert(at, Step::Event(gst::event::Caps::new(&caps)));
        }
        14 => {
            let event = events::event(a, &odd(&form.caps, [b, a]), [b, a]);
            steps.insert(at, Step::Event(event));
        }
        _ => {
            // Another codec goes on, perhaps without a word.
            let other = &forms[usize::from(a) % forms.len()];
            if let Some(frame) = other.frames.get(usize::from(b) % other.frames.len().max(1)) {
                steps.insert(at, Step::Frame(frame.clone()));
            }
            if b % 2 == 0 {
                let caps = gst::event::Caps::new(&other.caps);
                steps.insert(at, Step::Event(caps));
            }
        }
    }
}

fn change_frame(steps: &mut [Step], at: usize, change: impl FnOnce(&mut gst::BufferRef)) {
    if let Some(Step::Frame(frame)) = steps.get_mut(at) {
        change(frame.make_mut());
    }
}

fn replace(frame: &mut gst::BufferRef, bytes: Vec<u8>) {
    frame.remove_all_memory();
    if !bytes.is_empty() {
        frame.append_memory(gst::Memory::from_mut_slice(bytes));
    }
}

fn time(now: Option<gst::ClockTime>, a: u8, b: u8) -> Option<gst::ClockTime> {
    let step = gst::ClockTime::from_mseconds(b.into());
    match a % 6 {
        0 => None,
        1 => Some(gst::ClockTime::ZERO),
        2 => Some(gst::ClockTime::from_seconds(u64::from(b) << 24)),
        3 => Some(now.unwrap_or_default().saturating_sub(step)),
        // Later than any signed time.
        4 => Some(gst::ClockTime::MAX),
        _ => Some(step),
    }
}
