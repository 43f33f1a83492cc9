// SPDX-License-Identifier: MPL-2.0
//! A recording of a room, in this process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::check::layout::{Part, closed_parts};
use vdoroom_testkit::check::{self, Report};
use vdoroom_testkit::publisher::Sent;
use vdoroom_testkit::{Folder, Launch, Publisher, RoomServer};

/// Nothing that a test waits for takes longer.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Design rule: NULL is reached in under a second, from any state.
pub const NULL_DEADLINE: Duration = Duration::from_secs(1);

pub fn init() {
    gst::init().unwrap();
    gstvdoroom::plugin_register_static().unwrap();
}

/// The same for a source that is stopped as soon as it has started: NULL waits for the process' key for
/// DTLS, which `dtlsdec` makes and keeps.
pub fn init_with_key() {
    init();
    let _ = gst::ElementFactory::make("dtlsdec").build();
}

/// What has been sent is there after so long.
const ARRIVED: Duration = Duration::from_secs(3);

/// `vdoroomsrc` for a room on `server`.
pub fn source(server: &RoomServer, room: &str) -> gst::Element {
    init();
    gst::ElementFactory::make("vdoroomsrc")
        .property("server", server.url())
        .property("room", room)
        .build()
        .unwrap()
}

/// A pipeline whose bus is read, so that a failure can show what was said on it.
pub struct Recording {
    pub folder: Arc<Folder>,
    pub pipeline: gst::Pipeline,
    pub source: gst::Element,
    /// Warnings and errors so far.
    pub complaints: Vec<String>,
    /// Element messages so far.
    pub news: Vec<gst::Structure>,
    eos: bool,
}

impl Recording {
    /// `vdoroomsrc room=… : roomfilesink location=…`, playing.
    pub fn start(server: &RoomServer, room: &str, set: impl FnOnce(&gst::Element)) -> Self {
        let source = source(server, room);
        set(&source);
        Self::into_sink(source, |_, _| {})
    }

    /// The same with settings of the recorder, whose files go below the given folder.
    pub fn into_sink(source: gst::Element, set: impl FnOnce(&gst::Element, &Path)) -> Self {
        let folder = Folder::new();
        let sink = gst::ElementFactory::make("roomfilesink")
            .property("location", folder.0.join("%s-%n.%e").to_str().unwrap())
            .build()
            .unwrap();
        set(&sink, &folder.0);
        let recording = Self::of(source, folder);
        recording.pipeline.add(&sink).unwrap();
        recording.source.connect_pad_added(move |source, pad| {
            // A stream may be called anything.
            let is_audio = ["audio_", "screenaudio_"].map(|kind| pad.name().starts_with(kind));
            let kind = if is_audio.contains(&true) {
                "audio_%s"
            } else {
                "video_%s"
            };
            let linked = pad.link(&sink.request_pad_simple(kind).unwrap());
            // A handler before this one may have stopped the pipeline, and the test may have ended: the
            // pad, the source or the recorder is gone.
            let elements = [source, &sink].map(|element| element.parent());
            let is_gone = pad.parent().is_none() || elements.contains(&None);
            assert!(linked.is_ok() || is_gone, "{linked:?}");
        });
        recording.play();
        recording
    }

    /// A pipeline with nothing but the source; what its pads lead to is the test's.
    pub fn of(source: gst::Element, folder: Folder) -> Self {
        let pipeline = gst::Pipeline::new();
        pipeline.add(&source).unwrap();
        Self {
            folder: Arc::new(folder),
            pipeline,
            source,
            complaints: Vec::new(),
            news: Vec::new(),
            eos: false,
        }
    }

    pub fn play(&self) {
        self.pipeline.set_state(gst::State::Playing).unwrap();
    }

    /// Reads the bus until `done` says so.
    pub fn wait(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !done(self) {
            assert!(
                Instant::now() < deadline,
                "{what}: not within {DEADLINE:?}\nsaid: {:#?}\nstats: {:#?}",
                self.complaints,
                self.stats()
            );
            self.read_bus(Duration::from_millis(50));
        }
    }

    pub fn read_bus(&mut self, timeout: Duration) {
        let bus = self.pipeline.bus().unwrap();
        let timeout = gst::ClockTime::from_nseconds(timeout.as_nanos() as u64);
        let Some(message) = bus.timed_pop(timeout) else {
            return;
        };
        use gst::MessageView;
        match message.view() {
            MessageView::Warning(w) => self.complaints.push(w.error().to_string()),
            MessageView::Error(e) => self.complaints.push(e.error().to_string()),
            MessageView::Eos(_) => self.eos = true,
            MessageView::Element(e) => self.news.extend(e.structure().map(|s| s.to_owned())),
            _ => {}
        }
    }

    pub fn stats(&self) -> gst::Structure {
        self.source.property("stats")
    }

    /// The elements in the source that a factory has made.
    pub fn elements(&self, factory: &str) -> Vec<gst::Element> {
        let bin = self.source.downcast_ref::<gst::Bin>().unwrap();
        let all = bin.iterate_all_by_element_factory_name(factory);
        all.into_iter().map(Result::unwrap).collect()
    }

    /// Video frames (of audio, if there is no video) that have left the pads of a stream's newest
    /// session.
    pub fn frames(&self, stream: &str) -> u64 {
        let frames = self.buffers(stream, "video");
        frames
            .or_else(|| self.buffers(stream, "audio"))
            .unwrap_or(0)
    }

    /// Buffers that have left the pad of a stream's newest session, if it has such a track.
    pub fn buffers(&self, stream: &str, kind: &str) -> Option<u64> {
        Some(self.track(stream, kind)?.get("buffers").unwrap())
    }

    /// The size of the camera's video in a stream's newest session, once it is known.
    pub fn size(&self, stream: &str) -> Option<(i32, i32)> {
        let track = self.track(stream, "video")?;
        Some((track.get("width").ok()?, track.get("height").ok()?))
    }

    fn track(&self, stream: &str, kind: &str) -> Option<gst::Structure> {
        let stats = self.stream(stream)?;
        let tracks = structures(structures(&stats, "sessions").last()?, "tracks");
        let mut tracks = tracks.into_iter();
        tracks.find(|t| t.get::<&str>("kind") == Ok(kind))
    }

    pub fn stream(&self, stream: &str) -> Option<gst::Structure> {
        structures(&self.stats(), "streams")
            .into_iter()
            .find(|s| s.get::<&str>("stream-id") == Ok(stream))
    }

    pub fn wait_for_frames(&mut self, streams: &[&str], frames: u64) {
        self.wait(&format!("{frames} frames of {streams:?}"), |recording| {
            streams.iter().all(|s| recording.frames(s) >= frames)
        });
    }

    /// Waits for an element message of this name about this stream.
    pub fn wait_for_news(&mut self, name: &str, stream: &str) {
        self.wait(&format!("{name} of {stream}"), |recording| {
            recording.heard(name, stream)
        });
    }

    pub fn heard(&self, name: &str, stream: &str) -> bool {
        let about = |s: &gst::Structure| {
            let id = s.get::<String>("stream-id").or_else(|_| s.get("stream"));
            id.is_ok_and(|id| id == stream)
        };
        self.news.iter().any(|s| s.name() == name && about(s))
    }

    /// How many parts have begun, whoever's.
    pub fn parts_opened(&self) -> usize {
        let opened = |s: &&gst::Structure| s.name() == "roomfilesink-part-opened";
        self.news.iter().filter(opened).count()
    }

    /// Sends EOS, waits for it, goes to NULL, and plays back every file, by its stream.
    pub fn finish(mut self) -> Recorded {
        self.end();
        self.recorded()
    }

    /// As [`Recording::finish_arrived`]; what each has is whole.
    pub fn finish_complete(self, people: &[(&str, &Publisher)]) -> Recorded {
        let recorded = self.finish_arrived(people);
        let names: Vec<_> = people.iter().map(|(name, _)| *name).collect();
        recorded.assert_whole(&names);
        recorded
    }

    /// As [`Recording::finish`], once all has arrived that these publishers have sent by now. Each
    /// has one file with all of that.
    pub fn finish_arrived(mut self, people: &[(&str, &Publisher)]) -> Recorded {
        let sent = people.iter().map(|(name, person)| (*name, person.sent()));
        let sent: Vec<_> = sent.collect();
        let arrived = |recording: &Self, kind, name, count| {
            count == 0 || recording.buffers(name, kind) >= Some(count as u64)
        };
        let deadline = Instant::now() + ARRIVED;
        while Instant::now() < deadline
            && !sent.iter().all(|(name, sent)| {
                arrived(&self, "video", name, sent.frames())
                    && arrived(&self, "audio", name, sent.audio.len())
            })
        {
            self.read_bus(Duration::from_millis(20));
        }
        let recorded = self.finish();
        for (name, sent) in &sent {
            recorded.assert_complete(name, sent);
        }
        recorded
    }

    /// As [`Recording::finish`]; returns the manifest, and the parts as it lists them.
    pub fn finish_and_lay_out(mut self) -> (Vec<Value>, Vec<Part>) {
        self.end();
        (self.folder.manifest(), closed_parts(&self.folder))
    }

    fn end(&mut self) {
        self.pipeline.send_event(gst::event::Eos::new());
        self.wait("EOS", |recording| recording.eos);
        self.stop();
    }

    /// To NULL, in the time that is promised.
    pub fn stop(&self) {
        let start = Instant::now();
        self.pipeline.set_state(gst::State::Null).unwrap();
        let took = start.elapsed();
        assert!(took < NULL_DEADLINE, "NULL took {took:?}");
    }

    pub fn recorded(&self) -> Recorded {
        // There is none when nobody came.
        let manifest = match self.folder.files(&["jsonl"]).is_empty() {
            true => Vec::new(),
            false => self.folder.manifest(),
        };
        let mut files = BTreeMap::<String, Vec<(PathBuf, Report)>>::new();
        for part in manifest.iter().filter(|l| l["event"] == "part-closed") {
            let path = self.folder.0.join(part["file"].as_str().unwrap());
            let stream = part["stream"].as_str().unwrap().to_owned();
            let report = check::inspect(&path);
            files.entry(stream).or_default().push((path, report));
        }
        Recorded {
            files,
            manifest,
            complaints: self.complaints.clone(),
            _folder: self.folder.clone(),
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

pub fn structures(of: &gst::StructureRef, field: &str) -> Vec<gst::Structure> {
    let array = of.get::<gst::Array>(field).unwrap();
    array.iter().map(|s| s.get().unwrap()).collect()
}

/// What a recording left behind.
pub struct Recorded {
    /// The parts of each stream, in the order in which they ended.
    pub files: BTreeMap<String, Vec<(PathBuf, Report)>>,
    pub manifest: Vec<Value>,
    pub complaints: Vec<String>,
    /// The files stay as long as this is here.
    _folder: Arc<Folder>,
}

impl Recorded {
    /// The only part of a stream.
    pub fn only(&self, stream: &str) -> &Report {
        match self.files.get(stream).map(Vec::as_slice) {
            Some([(_, report)]) => report,
            other => panic!("{stream} should have one part, has {other:#?}"),
        }
    }

    /// Asserts that each stream has one file, with every frame between its first and last, and
    /// audio and video together.
    pub fn assert_whole(&self, streams: &[&str]) {
        for stream in streams {
            assert_whole(stream, self.only(stream));
        }
        assert_eq!(self.complaints, Vec::<String>::new());
    }

    /// Asserts that all that was sent is in the only file of a stream.
    pub fn assert_complete(&self, stream: &str, sent: &Sent) {
        let report = self.only(stream);
        let missing = sent.missing_in(report);
        assert_eq!(missing, Vec::<String>::new(), "{stream}: {report:#?}");
    }
}

pub fn assert_whole(stream: &str, report: &Report) {
    assert_eq!(
        report.problems(),
        Vec::<String>::new(),
        "{stream}: {report:#?}"
    );
    assert!(
        report.video.is_some() && report.audio.is_some(),
        "{stream}: {report:#?}"
    );
    let counters = report.video.as_ref().and_then(|v| v.counters.as_ref());
    assert!(counters.is_some(), "{stream}: {report:#?}");
    // One comes with each full second; how far it is from the video is among the problems.
    assert!(
        !report.beep_offsets.is_empty(),
        "{stream}: nothing tells whether audio and video are together: {report:#?}"
    );
}

/// The README's line, printing what is said on the bus.
pub fn launch(server: &RoomServer, folder: &Folder) -> Launch {
    Launch::start(&folder.0, &launch_line(server))
}

pub fn launch_line(server: &RoomServer) -> String {
    format!(
        "-e -m vdoroomsrc server={} room=r : roomfilesink location=rec",
        server.url()
    )
}

/// Interrupts a program that records, and returns its files once it has ended well.
pub fn interrupt(program: Launch, folder: &Folder, within: Duration) -> Vec<PathBuf> {
    program.signal("INT");
    let (status, printed) = program.wait(within);
    assert!(status.success(), "{printed}");
    folder.recordings()
}

/// Plays back files of which there should be `count`, each with audio and video.
pub fn assert_all_whole(files: &[PathBuf], count: usize) {
    assert_eq!(files.len(), count, "{files:?}");
    for file in files {
        assert_whole(&file.display().to_string(), &check::inspect(file));
    }
}
