// SPDX-License-Identifier: MPL-2.0
//! The control thread: everything happens here, except what pads must do at once.
//!
//! Pads and files send [`Msg`]s and return. The thread holds no lock while it calls
//! into GStreamer, and never waits for a disk or for a handler of a signal.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;

use super::announcer::Announcer;
use super::manifest::{Manifest, run_fields};
use super::run::Run;
use crate::roomfilesink::files::{FileEvent, absolute};
use crate::roomfilesink::log::CAT;
use crate::roomfilesink::media::{Track, Tracks};
use crate::roomfilesink::messages::{Msg, Outbox};
use crate::roomfilesink::parts::{
    Anchor, Field, Mark, PartRecord, Reason, Report, structure, take_anchor,
};
use crate::roomfilesink::sessions::{Context, Effect, Sessions};
use crate::utc;

const TICK: Duration = Duration::from_millis(100);
/// Frames that arrive within this time are handled together; other messages at once.
const GATHER: Duration = Duration::from_millis(40);
/// The time that tracks have to end by themselves after EOS was sent to the element.
const END_TRACKS: Duration = Duration::from_secs(1);
/// After this time the element posts EOS, whatever its files do.
const END_PARTS: Duration = Duration::from_millis(1500);
/// The time that checksums have when EOS was sent to the element: a file whose is not there then is
/// closed without one.
const CHECKSUMS: Duration = Duration::from_secs(3);
/// As `END_PARTS`, where checksums are wanted.
const END_PARTS_WITH_CHECKSUMS: Duration = Duration::from_millis(3500);
/// As `CHECKSUMS`, when the element goes to READY.
const SHUTDOWN_CHECKSUMS: Duration = Duration::from_secs(1);
/// The time that files have to close when the element goes to READY.
pub(crate) const SHUTDOWN: Duration = Duration::from_secs(2);
/// All pads at EOS and still linked for this long: the source was finite.
const FINITE: Duration = Duration::from_millis(500);

struct Shutdown {
    since: Instant,
    element: gst::Element,
    done: mpsc::Sender<()>,
    /// The manifest had its last try.
    last_manifest: bool,
}

pub(crate) struct Control {
    element: glib::WeakRef<gst::Element>,
    tracks: Arc<Tracks>,
    report: Arc<Report>,
    outbox: Outbox,
    announcer: Announcer,
    run: Run,
    sessions: Sessions,
    manifest: Option<Manifest>,
    manifest_done: bool,
    ending: Option<Instant>,
    finite: Option<Instant>,
    eos_posted: bool,
    shutdown: Option<Shutdown>,
}

impl Control {
    pub(crate) fn new(
        element: &gst::Element,
        tracks: Arc<Tracks>,
        report: Arc<Report>,
        outbox: Outbox,
        announcer: Announcer,
        run: Run,
    ) -> Self {
        Self {
            element: element.downgrade(),
            tracks,
            report,
            outbox,
            announcer,
            run,
            sessions: Sessions::default(),
            manifest: None,
            manifest_done: true,
            ending: None,
            finite: None,
            eos_posted: false,
            shutdown: None,
        }
    }

    /// Starts the thread of one run.
    pub(crate) fn start(
        self,
        inbox: Arc<Mutex<Option<mpsc::Receiver<Msg>>>>,
    ) -> std::io::Result<Option<ThreadId>> {
        let Some(receiver) = inbox.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(None);
        };
        discard(&receiver);
        let thread = thread::Builder::new()
            .name("roomfile:ctl".into())
            .spawn(move || {
                let (receiver, done) = self.run(receiver);
                *inbox.lock().unwrap_or_else(PoisonError::into_inner) = Some(receiver);
                // Only now the element may start again.
                drop(done);
            })?;
        Ok(Some(thread.thread().id()))
    }

    /// Runs until shutdown; gives back the receiver for the next run, and what tells the element
    /// that this one is over.
    fn run(
        mut self,
        inbox: mpsc::Receiver<Msg>,
    ) -> (mpsc::Receiver<Msg>, Option<mpsc::Sender<()>>) {
        let mut next_tick = Instant::now() + TICK;
        loop {
            let now = Instant::now();
            match inbox.recv_timeout(next_tick.saturating_duration_since(now)) {
                Ok(msg) => {
                    self.handle(msg);
                    // A source that is not live may never let it run empty.
                    while Instant::now() < next_tick
                        && let Ok(msg) = inbox.try_recv()
                    {
                        self.handle(msg);
                    }
                    self.pump_fed();
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return (inbox, None),
            }
            let now = Instant::now();
            if now >= next_tick || self.shutdown.is_some() {
                next_tick = now + TICK;
                self.tick(now);
            }
            if self.is_down(now) {
                return (inbox, self.shutdown.take().map(|s| s.done));
            }
            if !self.sessions.is_beginning() {
                self.outbox.rest(GATHER);
            }
        }
    }

    /// Moves the frames that have come together.
    fn pump_fed(&mut self) {
        let now = Instant::now();
        self.with_context(|sessions, ctx| sessions.pump_fed(now, ctx));
    }

    fn handle(&mut self, msg: Msg) {
        let now = Instant::now();
        match msg {
            Msg::Manifest(event) => self.manifest_event(event),
            Msg::Limits(limits) => {
                self.run.settings.limits = limits;
                self.sessions.set_limits(limits);
            }
            Msg::Mark { at, text } => self.mark(at, &text),
            Msg::End => {
                self.ending.get_or_insert(now);
                self.tick(now);
            }
            Msg::Shutdown(element, done) => {
                self.shutdown = Some(Shutdown {
                    since: now,
                    element,
                    done,
                    last_manifest: false,
                });
                self.with_context(|sessions, ctx| sessions.end_all(Reason::Stop, now, ctx));
            }
            msg => self.with_context(|sessions, ctx| sessions.handle(msg, now, ctx)),
        }
    }

    fn tick(&mut self, now: Instant) {
        let end = self.ending.is_some_and(|at| now >= at + END_TRACKS);
        self.hurry(now);
        self.with_context(|sessions, ctx| {
            if ctx.anchor.is_some() {
                ctx.check_anchor();
            }
            if end {
                sessions.end_all(Reason::Stop, now, ctx);
            }
            sessions.pump(now, ctx);
        });
        if self.manifest.as_ref().is_some_and(|m| m.is_due(now)) {
            self.renew_manifest(now);
        }
        self.post_eos(now);
    }

    /// Checksums of large files take long, and must not keep the end from its deadlines.
    fn hurry(&self, now: Instant) {
        let stopping = self.shutdown.as_ref().map(|s| s.since + SHUTDOWN_CHECKSUMS);
        let ending = self.ending.map(|at| at + CHECKSUMS);
        let deadlines = [stopping, ending];
        if deadlines.into_iter().flatten().any(|at| now >= at) {
            self.sessions.hurry();
        }
    }

    fn with_context(&mut self, act: impl FnOnce(&mut Sessions, &mut Context<'_>)) {
        let (element, tracks) = (&self.element, &self.tracks);
        let mut ctx = Context {
            settings: &self.run.settings,
            outbox: &self.outbox,
            effects: Vec::new(),
            template: &self.run.template,
            anchor: self.run.anchor,
            counts: &mut self.run.counts,
            is_short: &mut self.run.is_short,
            take_anchor: &|| take_anchor(element),
            // An element that is being dropped awaits nobody.
            pads_named: &|suffix| match element.upgrade() {
                Some(_) => tracks.named(suffix),
                None => Vec::new(),
            },
        };
        act(&mut self.sessions, &mut ctx);
        let (effects, anchor) = (ctx.effects, ctx.anchor);
        self.run.anchor = anchor;
        for effect in effects {
            self.act(effect);
        }
    }

    fn element(&self) -> Option<gst::Element> {
        let stopping = self.shutdown.as_ref().map(|s| s.element.clone());
        stopping.or_else(|| self.element.upgrade())
    }

    fn act(&mut self, effect: Effect) {
        let Some(element) = self.element() else {
            return;
        };
        match effect {
            Effect::Opened(part) => self.announce(&element, "part-opened", &part),
            Effect::Closed(part) => {
                if self.run.settings.checksum && part.sha256.is_none() {
                    let file = part.file.display();
                    gst::warning!(CAT, obj = element, "no time for the checksum of {file}");
                }
                self.announce(&element, "part-closed", &part);
            }
            Effect::Failed { part, again } => {
                self.announce(&element, "part-failed", &part);
                if again {
                    return;
                }
                let file = part.file.display().to_string();
                let error = part.error.as_deref().unwrap_or("unknown error");
                gst::element_warning!(
                    element,
                    gst::ResourceError::Write,
                    ("Recording to {file} failed: {error}"),
                    ["stream {:?}, part {}", part.person.stream, part.number]
                );
            }
            Effect::Warn(text) => {
                gst::element_warning!(element, gst::StreamError::WrongType, ("{text}"));
            }
            Effect::NoSpace(text) => {
                gst::element_warning!(element, gst::ResourceError::NoSpaceLeft, ("{text}"));
            }
            Effect::AskKeyframe(track) => track.ask_for_keyframe(),
        }
    }

    fn announce(&mut self, element: &gst::Element, event: &'static str, part: &PartRecord) {
        gst::debug!(CAT, obj = element, "{event}: {}", part.file.display());
        if self.manifest.is_none() {
            self.open_manifest(element, part.start_anchor);
        }
        let folder = self.manifest.as_ref().and_then(Manifest::folder);
        let fields = part.fields(folder);
        if let Some(manifest) = &mut self.manifest {
            manifest.event(event, &fields);
        }
        let shown = structure("part", &fields);
        self.report.part(event, part.id, part.bytes, shown);
        post(element, event, &fields);
        self.announcer
            .emit(element, event, structure(event, &fields));
    }

    fn mark(&mut self, at: i64, text: &str) {
        let Some(element) = self.element() else {
            return;
        };
        self.run.marks += 1;
        // There is an anchor since the first part.
        let utc_ns = self.run.anchor.map_or_else(utc::now, |a| a.utc_ns(at));
        let fields = Mark::new(self.run.marks, at, utc_ns, text).fields();
        if let Some(manifest) = &mut self.manifest {
            manifest.event("mark", &fields);
        }
        post(&element, "mark", &fields);
    }

    fn open_manifest(&mut self, element: &gst::Element, anchor: Anchor) {
        let path = match self.run.settings.manifest.as_deref() {
            Some("") => None,
            Some(path) => Some(path.into()),
            None => Some(self.run.template.manifest(anchor.utc_ns / 1_000_000_000)),
        };
        let path = path.map(absolute);
        self.manifest_done = path.is_none();
        let outbox = self.outbox.clone();
        let create = self.run.settings.create_folders;
        let report = move |event| outbox.send(Msg::Manifest(event));
        let location = &self.run.settings.location;
        match Manifest::open(path, create, &run_fields(anchor, location), report) {
            Ok(manifest) => self.manifest = Some(manifest),
            Err(error) => gst::error!(CAT, obj = element, "no thread for the manifest: {error}"),
        }
    }

    fn manifest_event(&mut self, event: FileEvent) {
        match event {
            FileEvent::Opened(_) | FileEvent::SpaceLow => {}
            FileEvent::Closed { .. } => self.manifest_done = true,
            FileEvent::Failed { path, error } => {
                self.manifest_done = self.shutdown.as_ref().is_some_and(|s| s.last_manifest);
                let manifest = self.manifest.as_mut();
                let is_news = manifest.is_some_and(|m| m.fail(Instant::now()));
                if is_news && let Some(element) = self.element() {
                    gst::element_warning!(
                        element,
                        gst::ResourceError::Write,
                        (
                            "Writing the manifest {} failed: {error}; it is begun anew",
                            path.display()
                        )
                    );
                }
            }
        }
    }

    /// The manifest of a run that goes on comes back, as its parts do.
    fn renew_manifest(&mut self, now: Instant) {
        let location = &self.run.settings.location;
        if let Some(manifest) = &mut self.manifest
            && let Some(anchor) = self.run.anchor
        {
            gst::debug!(CAT, "the manifest begins anew");
            manifest.begin_again(now, &run_fields(anchor, location));
        }
    }

    /// Posts EOS once, when it is due (see the element's documentation).
    fn post_eos(&mut self, now: Instant) {
        let Some(element) = self.element.upgrade() else {
            return;
        };
        if self.eos_posted || self.shutdown.is_some() {
            return;
        }
        let done = self.sessions.is_idle();
        if !done {
            self.finite = None;
        }
        let due = match self.ending {
            Some(at) => done || now >= at + self.patience(),
            None => done && self.is_finite_and_through(&element, now),
        };
        if due {
            self.eos_posted = true;
            gst::debug!(CAT, obj = element, "all parts are closed, posting EOS");
            let message = gst::message::Eos::builder().src(&element).build();
            let _ = element.post_message(message);
        }
    }

    /// How long the element awaits its files at EOS.
    fn patience(&self) -> Duration {
        match self.run.settings.checksum {
            true => END_PARTS_WITH_CHECKSUMS,
            false => END_PARTS,
        }
    }

    fn is_finite_and_through(&mut self, element: &gst::Element, now: Instant) -> bool {
        let tracks = self.tracks.all();
        let mut linked = tracks.iter().filter(|t| t.is_linked()).peekable();
        let any = linked.peek().is_some();
        let has_ended =
            |t: &Arc<Track>| t.eos.load(Ordering::Acquire) && !t.of_a_room.load(Ordering::Acquire);
        if !any || !linked.all(has_ended) {
            self.finite = None;
            return false;
        }
        let since = *self.finite.get_or_insert(now);
        let is_playing = element.current_state() == gst::State::Playing;
        is_playing && now.duration_since(since) >= FINITE
    }

    fn is_down(&mut self, now: Instant) -> bool {
        let Some(shutdown) = &self.shutdown else {
            return false;
        };
        let late = now >= shutdown.since + SHUTDOWN;
        if !self.sessions.is_idle() && !late {
            return false;
        }
        if late {
            let error = "the disk did not take it all before the end";
            self.with_context(|sessions, ctx| sessions.fail_all(error, now, ctx));
        }
        let Some(manifest) = self.manifest.as_ref().filter(|_| !self.manifest_done) else {
            return true;
        };
        if manifest.lacks_file()
            && let Some(shutdown) = self.shutdown.as_mut().filter(|s| !s.last_manifest)
        {
            shutdown.last_manifest = true;
            self.renew_manifest(now);
            return false;
        }
        !manifest.close() || late
    }
}

fn post(element: &gst::Element, event: &str, fields: &[(&'static str, Field)]) {
    let message = structure(&format!("roomfilesink-{event}"), fields);
    let message = gst::message::Element::builder(message).src(element).build();
    // Without a bus nobody would read it.
    let _ = element.post_message(message);
}

/// What came after the end of the run before belongs to no run.
fn discard(inbox: &mpsc::Receiver<Msg>) {
    while let Ok(msg) = inbox.try_recv() {
        if let Msg::Frame(track, frame) = msg {
            track.give_back(frame.buffer.size());
        }
    }
}
