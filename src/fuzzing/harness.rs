// SPDX-License-Identifier: MPL-2.0
//! A recorder with honest people beside the one who sends what is tried.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use gst::prelude::*;

use super::files::{self, Folder};
use super::warnings;
use super::watchdog::Watch;

/// Packets of an honest stream, 20 ms each.
const HONEST: u64 = 20;

/// A file is closed sooner, or never.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) struct Harness {
    folder: Folder,
    pipeline: gst::Pipeline,
    recorder: gst::Element,
    /// Names of those who send what they should, and how much of it they have sent.
    honest: Vec<(&'static str, gst::Pad, u64)>,
    pads: Vec<gst::Pad>,
    tell: Sender<()>,
    /// A pad of the recorder is at its end.
    ends: Receiver<()>,
    _watch: Watch,
}

/// Makes all elements known.
pub(super) fn start() -> Result<(), String> {
    gst::init().map_err(|e| e.to_string())?;
    warnings::listen();
    if gst::ElementFactory::find("roomfilesink").is_none() {
        crate::plugin_register_static().map_err(|e| e.to_string())?;
    }
    crate::vdoroomsrc::packets::provide()
}

impl Harness {
    pub(super) fn new(container: &str) -> Result<Self, String> {
        let watch = Watch::begin();
        let folder = Folder::new()?;
        let pipeline = gst::Pipeline::new();
        // Tells of an EOS at once, whatever state the pipeline is in.
        pipeline.set_property("message-forward", true);
        let location = folder.path().join("%s-%n.%e");
        let recorder = gst::ElementFactory::make("roomfilesink")
            .property("location", location.to_string_lossy().as_ref())
            .property_from_str("container", container)
            .build()
            .map_err(|e| e.to_string())?;
        pipeline.add(&recorder).map_err(|e| e.to_string())?;
        let (tell, ends) = channel();
        Ok(Self {
            folder,
            pipeline,
            recorder,
            honest: Vec::new(),
            pads: Vec::new(),
            tell,
            ends,
            _watch: watch,
        })
    }

    pub(super) fn bin(&self) -> &gst::Bin {
        self.pipeline.upcast_ref()
    }

    /// Leads what comes out of `pad` into the recorder.
    pub(super) fn record(&mut self, pad: &gst::Pad, name: &str) -> Result<(), String> {
        let entry = self.recorder.request_pad_simple(name).ok_or("no pad")?;
        let tell = self.tell.clone();
        entry.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info.event().map(|event| event.type_()) == Some(gst::EventType::Eos) {
                // The harness may have given up.
                let _ = tell.send(());
            }
            gst::PadProbeReturn::Ok
        });
        pad.link(&entry).map_err(|e| e.to_string())?;
        self.pads.push(entry);
        Ok(())
    }

    /// Adds a person, or to a person, audio that is as it should be.
    pub(super) fn add_honest(&mut self, name: &'static str) -> Result<(), String> {
        let pad = source(name)?;
        self.record(&pad, name)?;
        let caps = gst::Caps::builder("audio/x-opus")
            .field("rate", 48_000)
            .field("channels", 2)
            .field("channel-mapping-family", 0);
        begin(&pad, name, &caps.build());
        self.honest.push((name, pad, 0));
        Ok(())
    }

    pub(super) fn play(&self) -> Result<(), String> {
        let playing = self.pipeline.set_state(gst::State::Playing);
        playing.map(drop).map_err(|e| e.to_string())
    }

    /// The honest send half of what they have.
    pub(super) fn speak(&mut self) -> Result<(), String> {
        for (name, pad, sent) in &mut self.honest {
            for number in *sent..*sent + HONEST / 2 {
                let mut packet = gst::Buffer::from_slice(marker(name, number));
                let length = gst::ClockTime::from_mseconds(20);
                if let Some(timed) = packet.get_mut() {
                    timed.set_pts(length * number);
                    timed.set_duration(length);
                }
                pad.push(packet).map_err(|e| format!("{name}: {e}"))?;
            }
            *sent += HONEST / 2;
        }
        Ok(())
    }

    /// Ends the recording, and looks at the files.
    pub(super) fn finish(self) -> Result<(), String> {
        for (_, pad, _) in &self.honest {
            pad.push_event(gst::event::Eos::new());
        }
        for _ in &self.pads {
            let end = self.ends.recv_timeout(PATIENCE);
            end.map_err(|_| "EOS does not come to the recorder")?;
        }
        let outcome = self.await_end();
        let stopped = self.pipeline.set_state(gst::State::Null);
        stopped.map_err(|e| e.to_string())?;
        let failed = outcome?;
        let files = self.folder.recordings()?;
        // One that was given up has no end.
        let given_up = |name: &str| failed.iter().any(|file| file.ends_with(name));
        for (name, bytes) in files.iter().filter(|(name, _)| !given_up(name)) {
            files::check(name, bytes)?;
        }
        for (name, _, sent) in &self.honest {
            // What a person sends is in one file, and given up with it.
            let shares = name.ends_with("_bob") && failed.iter().any(|file| file.contains("bob-"));
            if !shares {
                all_there(name, *sent, &files)?;
            }
        }
        warnings::check()
    }

    /// Until all files are closed; gives back the names of those that were given up.
    fn await_end(&self) -> Result<Vec<String>, String> {
        let bus = self.pipeline.bus().ok_or("no bus")?;
        let patience = gst::ClockTime::try_from(PATIENCE).map_err(|e| e.to_string())?;
        let mut parts = Parts::default();
        // The recorder does not wait long once it is told to end: not before all have a file.
        let mut told = false;
        while let Some(message) = bus.timed_pop_filtered(patience, ENDS) {
            if message.type_() == gst::MessageType::Error {
                if message.src() == Some(self.recorder.upcast_ref()) {
                    return Err(format!("{message:?}"));
                }
                // An element that gives up: its session would end.
                continue;
            }
            let Some(structure) = message.structure() else {
                continue;
            };
            if is_eos_of(structure, &self.recorder) {
                return Ok(parts.failed);
            }
            parts.note(structure);
            if !told && parts.are_closed(self.honest.iter().map(|(name, ..)| *name)) {
                told = true;
                self.recorder.send_event(gst::event::Eos::new());
            }
        }
        Err("the recording does not end".to_owned())
    }
}

const ENDS: &[gst::MessageType] = &[gst::MessageType::Element, gst::MessageType::Error];

fn is_eos_of(forwarded: &gst::StructureRef, element: &gst::Element) -> bool {
    let message = forwarded.get::<gst::Message>("message").ok();
    message.is_some_and(|m| {
        m.type_() == gst::MessageType::Eos && m.src() == Some(element.upcast_ref())
    })
}

/// Files, by name.
#[derive(Default)]
struct Parts {
    open: usize,
    closed: Vec<String>,
    failed: Vec<String>,
}

impl Parts {
    fn note(&mut self, told: &gst::StructureRef) {
        let file = || told.get::<String>("file").unwrap_or_default();
        match told.name().as_str() {
            "roomfilesink-part-opened" => self.open += 1,
            "roomfilesink-part-closed" => {
                self.open = self.open.saturating_sub(1);
                self.closed.push(file());
            }
            "roomfilesink-part-failed" => {
                // It may have failed before it was open.
                self.open = self.open.saturating_sub(1);
                self.failed.push(file());
            }
            _ => {}
        }
    }

    /// Whether each of these pads has had its file.
    fn are_closed<'a>(&self, mut pads: impl Iterator<Item = &'a str>) -> bool {
        let has_file = |pad: &str| {
            let person = pad.rsplit('_').next().unwrap_or(pad);
            let mut files = self.closed.iter().chain(&self.failed);
            files.any(|file| file.contains(&format!("{person}-")))
        };
        self.open == 0 && pads.all(has_file)
    }
}

/// What an honest packet holds: found again in any container.
fn marker(name: &str, number: u64) -> Vec<u8> {
    format!("<{name} {number:03}>").into_bytes()
}

fn all_there(name: &str, sent: u64, files: &[(String, Vec<u8>)]) -> Result<(), String> {
    let is_there = |number: &u64| {
        let marker = marker(name, *number);
        let holds = |bytes: &[u8]| bytes.windows(marker.len()).any(|w| w == marker);
        files.iter().any(|(_, bytes)| holds(bytes))
    };
    let missing: Vec<u64> = (0..sent).filter(|number| !is_there(number)).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("{name} lacks {missing:?} of {sent} packets")),
    }
}

/// A pad that gives out what is pushed, as a live source does.
pub(super) fn source(name: &str) -> Result<gst::Pad, String> {
    let pad = gst::Pad::builder(gst::PadDirection::Src)
        .name(name)
        .query_function(|pad, parent, query| match query.view_mut() {
            gst::QueryViewMut::Latency(latency) => {
                latency.set(true, gst::ClockTime::ZERO, gst::ClockTime::NONE);
                true
            }
            _ => gst::Pad::query_default(pad, parent, query),
        })
        .event_function(|_, _, _| true)
        .build();
    pad.set_active(true).map_err(|e| e.to_string())?;
    Ok(pad)
}

/// What comes before the first buffer.
pub(super) fn begin(pad: &gst::Pad, stream_id: &str, caps: &gst::Caps) {
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    // What they answer is what they do with the buffers.
    pad.push_event(gst::event::StreamStart::new(stream_id));
    pad.push_event(gst::event::Caps::new(caps));
    pad.push_event(gst::event::Segment::new(&segment));
}
