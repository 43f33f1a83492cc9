// SPDX-License-Identifier: MPL-2.0
//! Valid frames of each codec in each stream format that the recorder takes, made of the packets of
//! the seeds.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use gst::prelude::*;

use super::harness;
use super::packets::{caps, timed};
use super::seeds;

/// What comes in, and what makes frames of it.
const FORMS: &[(&str, &str)] = &[
    (
        "AAC",
        "aacparse ! capsfilter caps=audio/mpeg,stream-format=adts",
    ),
    (
        "AAC",
        "aacparse ! capsfilter caps=audio/mpeg,stream-format=raw",
    ),
    (
        "AV1",
        "rtpav1depay ! av1parse ! capsfilter caps=video/x-av1,stream-format=obu-stream,alignment=tu",
    ),
    ("G722", "rtpg722depay"),
    (
        "H264",
        "rtph264depay ! h264parse config-interval=-1 \
         ! capsfilter caps=video/x-h264,stream-format=byte-stream,alignment=au",
    ),
    (
        "H264",
        "rtph264depay ! h264parse ! capsfilter caps=video/x-h264,stream-format=avc,alignment=au",
    ),
    (
        "H264",
        "rtph264depay ! h264parse ! capsfilter caps=video/x-h264,stream-format=avc3,alignment=au",
    ),
    (
        "H265",
        "rtph265depay ! h265parse config-interval=-1 \
         ! capsfilter caps=video/x-h265,stream-format=byte-stream,alignment=au",
    ),
    (
        "H265",
        "rtph265depay ! h265parse ! capsfilter caps=video/x-h265,stream-format=hvc1,alignment=au",
    ),
    (
        "H265",
        "rtph265depay ! h265parse ! capsfilter caps=video/x-h265,stream-format=hev1,alignment=au",
    ),
    ("OPUS", "rtpopusdepay ! opusparse"),
    ("PCMA", "rtppcmadepay"),
    ("PCMU", "rtppcmudepay"),
    ("VP8", "rtpvp8depay"),
    ("VP9", "rtpvp9depay ! vp9parse"),
];

pub(super) struct Form {
    /// The seed and the elements that gave it.
    pub name: String,
    pub caps: gst::Caps,
    pub frames: Vec<gst::Buffer>,
}

impl Form {
    pub(super) fn is_video(&self) -> bool {
        let structure = self.caps.structure(0);
        structure.is_some_and(|s| s.name().starts_with("video"))
    }
}

static ALL: LazyLock<Result<Vec<Form>, String>> = LazyLock::new(|| {
    let mut forms = Vec::new();
    // Frames of spatial layers come out of no depayloader alone (`vdoroomsrc/media/frames/layers`).
    let is_plain = |seed: &&seeds::Seed| seed.name != "VP9-spatial";
    for seed in seeds::all()?.iter().filter(is_plain) {
        for (codec, elements) in FORMS {
            if seed.encoding_name == *codec {
                let name = format!("{} ! {elements}", seed.name);
                forms.push(form(seed, elements).map_err(|e| format!("{name}: {e}"))?);
            }
        }
    }
    Ok(forms)
});

pub(super) fn all() -> Result<&'static [Form], String> {
    ALL.as_deref().map_err(Clone::clone)
}

/// The names of the forms, in the order of their numbers; they begin with the codec.
pub fn form_names() -> Result<Vec<&'static str>, String> {
    Ok(all()?.iter().map(|form| form.name.as_str()).collect())
}

fn form(seed: &seeds::Seed, elements: &str) -> Result<Form, String> {
    let bin = gst::parse::bin_from_description(elements, true).map_err(|e| e.to_string())?;
    let (entry, exit) = (bin.static_pad("sink"), bin.static_pad("src"));
    let (entry, exit) = entry.zip(exit).ok_or("no pads")?;
    let frames: Arc<Mutex<Vec<gst::Buffer>>> = Arc::default();
    let taken = frames.clone();
    let sink = gst::Pad::builder(gst::PadDirection::Sink)
        .name("frames")
        .chain_function(move |_, _, buffer| {
            let mut frames = taken.lock().unwrap_or_else(PoisonError::into_inner);
            frames.push(buffer);
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(|_, _, _| true)
        .build();
    sink.set_active(true).map_err(|e| e.to_string())?;
    exit.link(&sink).map_err(|e| e.to_string())?;
    let packets = harness::source("packets")?;
    packets.link(&entry).map_err(|e| e.to_string())?;
    let playing = bin.set_state(gst::State::Playing);
    playing.map_err(|e| e.to_string())?;
    harness::begin(&packets, "packets", &caps(seed));
    for (bytes, pts) in timed(seed) {
        let mut packet = gst::Buffer::from_mut_slice(bytes);
        if let Some(packet) = packet.get_mut() {
            packet.set_pts(pts);
        }
        packets.push(packet).map_err(|e| e.to_string())?;
    }
    packets.push_event(gst::event::Eos::new());
    let caps = sink.current_caps().ok_or("no caps")?;
    let stopped = bin.set_state(gst::State::Null);
    stopped.map_err(|e| e.to_string())?;
    let frames = std::mem::take(&mut *frames.lock().unwrap_or_else(PoisonError::into_inner));
    match frames.is_empty() {
        true => Err("no frames".to_owned()),
        false => Ok(Form {
            name: format!("{} ! {elements}", seed.name),
            caps,
            frames,
        }),
    }
}
