// SPDX-License-Identifier: MPL-2.0
//! A recorder in a pipeline, and pads that send to it what a room would send.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;
pub use vdoroom_testkit::Folder;
use vdoroom_testkit::wait;

use crate::media::Media;

/// Nothing that a test waits for takes longer.
const DEADLINE: Duration = Duration::from_secs(20);

/// Of all test material.
const LENGTH_MS: u64 = 10_000;

/// What an element message says of a part.
#[derive(Debug, Clone)]
pub struct Part {
    pub fields: gst::Structure,
}

impl Part {
    pub fn text(&self, name: &str) -> String {
        self.fields
            .get(name)
            .unwrap_or_else(|_| panic!("{name}: {self:?}"))
    }

    pub fn file(&self) -> PathBuf {
        self.text("file").into()
    }
}

pub struct Recorder {
    pub folder: Folder,
    pub pipeline: gst::Pipeline,
    pub sink: gst::Element,
    pub warnings: Vec<String>,
    /// Parts that have closed while something else was awaited.
    closed: Vec<Part>,
}

impl Recorder {
    /// Records as `<folder>/<stream>-<part>.<extension>`.
    pub fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// The same, with files of this container.
    pub fn in_container(container: &str) -> Self {
        Self::with(|sink, _| sink.set_property_from_str("container", container))
    }

    /// The same, with further settings.
    pub fn with(set: impl FnOnce(&gst::Element, &Path)) -> Self {
        gst::init().unwrap();
        gstvdoroom::plugin_register_static().unwrap();
        let folder = Folder::new();
        let sink = gst::ElementFactory::make("roomfilesink")
            .property("location", folder.0.join("%s-%n.%e").to_str().unwrap())
            .build()
            .unwrap();
        set(&sink, &folder.0);
        let pipeline = gst::Pipeline::new();
        pipeline.add(&sink).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        Self {
            folder,
            pipeline,
            sink,
            warnings: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// Waits for the next part message of this kind; `None` if EOS comes first. A part that closes
    /// before is kept for [`Recorder::end`]: each file closes on a thread of its own.
    pub fn try_next(&mut self, event: &str) -> Option<Part> {
        let bus = self.pipeline.bus().unwrap();
        let until = Instant::now() + DEADLINE;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let left = gst::ClockTime::try_from(left).unwrap();
            let Some(message) = bus.timed_pop(left) else {
                break;
            };
            match message.view() {
                gst::MessageView::Element(element) => {
                    let fields = element.structure().unwrap().to_owned();
                    let name = fields.name().to_string();
                    if name == format!("roomfilesink-{event}") {
                        return Some(Part { fields });
                    }
                    if name == "roomfilesink-part-closed" {
                        self.closed.push(Part { fields });
                    }
                }
                gst::MessageView::Warning(w) => {
                    eprintln!("{} {:?}", w.error(), w.debug());
                    self.warnings.push(w.error().to_string());
                }
                gst::MessageView::Error(e) => panic!("{} {:?}", e.error(), e.debug()),
                gst::MessageView::Eos(_) => return None,
                _ => {}
            }
        }
        panic!("no {event} and no EOS within {DEADLINE:?}");
    }

    /// Waits for the next warning; other messages before it are lost.
    pub fn next_warning(&mut self) -> String {
        let bus = self.pipeline.bus().unwrap();
        let timeout = gst::ClockTime::try_from(DEADLINE).unwrap();
        let message = bus.timed_pop_filtered(timeout, &[gst::MessageType::Warning]);
        let message = message.unwrap_or_else(|| panic!("no warning within {DEADLINE:?}"));
        let gst::MessageView::Warning(warning) = message.view() else {
            unreachable!()
        };
        warning.error().to_string()
    }

    pub fn next(&mut self, event: &str) -> Part {
        let part = self.try_next(event);
        part.unwrap_or_else(|| panic!("EOS came before {event}"))
    }

    /// Sends EOS to the pipeline and collects what closes until it is through, and what nobody has
    /// waited for before, in the order of beginning.
    pub fn end(&mut self) -> Vec<Part> {
        assert!(self.pipeline.send_event(gst::event::Eos::new()));
        let mut closed = std::mem::take(&mut self.closed);
        while let Some(part) = self.try_next("part-closed") {
            closed.push(part);
        }
        closed.sort_by_key(|p| p.fields.get::<u64>("part").unwrap());
        closed
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// A pad of a source.
pub struct Sender {
    src: gst::Pad,
    sink: gst::Pad,
    media: &'static Media,
    next: usize,
    pub sent: usize,
    /// How often a keyframe was asked for.
    pub asked: Arc<AtomicUsize>,
    /// Whether the pad says that it is of a live source; asked for with its first frame.
    pub is_live: Arc<AtomicBool>,
}

/// How a pad introduces itself.
pub struct Intro<'a> {
    pub stream_id: &'a str,
    pub group: Option<gst::GroupId>,
    /// Stream IDs in the collection.
    pub promised: &'a [&'a str],
    /// Room, stream, session, label.
    pub person: Option<(&'a str, &'a str, u32, &'a str)>,
}

impl Sender {
    /// A pad of any source, asked for by name.
    pub fn named(recorder: &Recorder, name: &str, media: &'static Media) -> Self {
        let intro = Intro {
            stream_id: name,
            group: None,
            promised: &[],
            person: None,
        };
        Self::connect(recorder, Some(name), media, &intro)
    }

    pub fn connect(
        recorder: &Recorder,
        name: Option<&str>,
        media: &'static Media,
        intro: &Intro<'_>,
    ) -> Self {
        let template = if media.is_video() {
            "video_%s"
        } else {
            "audio_%s"
        };
        let template = recorder.sink.pad_template(template).unwrap();
        let sink = recorder.sink.request_pad(&template, name, None).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let is_live = Arc::new(AtomicBool::new(false));
        let live = is_live.clone();
        let src = gst::Pad::builder(gst::PadDirection::Src)
            .event_function(move |_, _, event| {
                if event.has_name("GstForceKeyUnit") {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                true
            })
            .query_function(move |pad, parent, query| match query.view_mut() {
                gst::QueryViewMut::Latency(latency) => {
                    let live = live.load(Ordering::Relaxed);
                    latency.set(live, gst::ClockTime::ZERO, None);
                    true
                }
                _ => gst::Pad::query_default(pad, parent, query),
            })
            .build();
        src.set_active(true).unwrap();
        src.link(&sink).unwrap();
        let sender = Self {
            src,
            sink,
            media,
            next: 0,
            sent: 0,
            asked,
            is_live,
        };
        sender.introduce(intro);
        sender
    }

    pub fn introduce(&self, intro: &Intro<'_>) {
        let mut start = gst::event::StreamStart::builder(intro.stream_id);
        if let Some(group) = intro.group {
            start = start.group_id(group);
        }
        self.src.push_event(start.build());
        self.src.push_event(gst::event::Caps::new(&self.media.caps));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.src.push_event(gst::event::Segment::new(&segment));
        if !intro.promised.is_empty() {
            let streams = intro.promised.iter().map(|id| {
                let kind = gst::StreamType::VIDEO;
                gst::Stream::new(Some(id), None, kind, gst::StreamFlags::empty())
            });
            let collection = gst::StreamCollection::builder(None)
                .streams(streams)
                .build();
            let event = gst::event::StreamCollection::new(&collection);
            self.src.push_event(event);
        }
        if let Some((room, stream, session, label)) = intro.person {
            let person = gst::Structure::builder("vdoroom-stream")
                .field("room", room)
                .field("stream", stream)
                .field("session", session)
                .field("label", label)
                .build();
            let event = gst::event::CustomDownstreamSticky::new(person);
            self.src.push_event(event);
        }
    }

    /// From now on the pad sends other material.
    pub fn change(&mut self, media: &'static Media) {
        self.media = media;
        self.src.push_event(gst::event::Caps::new(&media.caps));
    }

    /// Skips the material before this time.
    pub fn skip_to(&mut self, ms: u64) {
        let mut all = (0..).map(|n| self.time(n));
        self.next = all.position(|time| time >= ms).unwrap();
    }

    /// When frame `n` is due: the material begins again after its ten seconds.
    fn time(&self, n: usize) -> u64 {
        let frames = &self.media.frames;
        time(&frames[n % frames.len()]) + (n / frames.len()) as u64 * LENGTH_MS
    }

    fn send_next(&mut self) {
        let frames = &self.media.frames;
        let mut frame = frames[self.next % frames.len()].copy();
        let round = (self.next / frames.len()) as u64;
        let later = gst::ClockTime::from_mseconds(round * LENGTH_MS);
        let pts = frame.pts().unwrap() + later;
        frame.get_mut().unwrap().set_pts(pts);
        self.next += 1;
        self.sent += 1;
        let result = self.src.push(frame);
        assert_eq!(result, Ok(gst::FlowSuccess::Ok), "the source sees an error");
    }

    pub fn gap(&self, ms: u64) {
        let event = gst::event::Gap::builder(gst::ClockTime::from_mseconds(ms)).build();
        self.src.push_event(event);
    }

    /// An event of vdoroomsrc without fields.
    pub fn say(&self, name: &str) {
        let event = gst::Structure::new_empty(name);
        self.send(gst::event::CustomDownstream::new(event));
    }

    pub fn send(&self, event: gst::Event) {
        self.src.push_event(event);
    }

    pub fn eos(&self) {
        self.src.push_event(gst::event::Eos::new());
    }

    pub fn unlink(&self) {
        self.src.unlink(&self.sink).unwrap();
    }
}

fn time(frame: &gst::Buffer) -> u64 {
    frame.pts().unwrap().mseconds()
}

/// Sends everything before this time, in order, as fast as it is taken.
pub fn send_until(ms: u64, senders: &mut [&mut Sender]) {
    while let Some((sender, _)) = earliest(senders, ms) {
        sender.send_next();
    }
}

/// The same at the speed of life: the first frame goes out now.
pub fn send_live_until(ms: u64, senders: &mut [&mut Sender]) {
    let mut began = None;
    while let Some((sender, at)) = earliest(senders, ms) {
        let (start, first) = *began.get_or_insert((Instant::now(), at));
        let due = start + Duration::from_millis(at - first);
        // The speed of life.
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        sender.send_next();
    }
}

fn earliest<'a>(senders: &'a mut [&mut Sender], until: u64) -> Option<(&'a mut Sender, u64)> {
    let with_time = senders.iter_mut().map(|s| {
        let time = s.time(s.next);
        (&mut **s, time)
    });
    let due = with_time.filter(|(_, time)| *time < until);
    due.min_by_key(|(_, time)| *time)
}

/// Looks until `condition` gives a value.
pub fn wait_for<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait::wait_for(what, DEADLINE, condition)
}
