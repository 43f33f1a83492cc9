// SPDX-License-Identifier: MPL-2.0
//! The GObject: properties, signals, pads, state changes.
//!
//! Locks: each guards one field, none is held while another is taken or while GStreamer, a signal
//! handler or a channel is called.

use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::ThreadId;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::properties::{DOC_URI, PROPERTIES, Property};
use super::{pads, signals};
use crate::late::warn_if_late;
use crate::roomfilesink::control::{Announcer, Announcing, Control, Run, SHUTDOWN};
use crate::roomfilesink::files::Template;
use crate::roomfilesink::log::CAT;
use crate::roomfilesink::media::{TrackId, Tracks};
use crate::roomfilesink::messages::{Msg, Outbox};
use crate::roomfilesink::parts::{Reason, Report};
use crate::roomfilesink::settings::Settings;

glib::wrapper! {
    pub struct RoomFileSink(ObjectSubclass<Recorder>)
        @extends gst::Element, gst::Object;
}

/// What the object is made of.
pub struct Recorder {
    settings: Mutex<Settings>,
    tracks: Arc<Tracks>,
    report: Arc<Report>,
    outbox: Outbox,
    /// Held by the control thread while it runs.
    inbox: Arc<Mutex<Option<mpsc::Receiver<Msg>>>>,
    thread: Mutex<Option<ThreadId>>,
    announcing: Mutex<Option<Announcing>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[glib::object_subclass]
impl ObjectSubclass for Recorder {
    const NAME: &'static str = "GstRoomFileSink";
    type Type = RoomFileSink;
    type ParentType = gst::Element;

    fn new() -> Self {
        let (outbox, receiver) = Outbox::new();
        Self {
            settings: Mutex::default(),
            tracks: Arc::default(),
            report: Arc::default(),
            outbox,
            inbox: Arc::new(Mutex::new(Some(receiver))),
            thread: Mutex::default(),
            announcing: Mutex::default(),
        }
    }
}

impl ObjectImpl for Recorder {
    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> =
            LazyLock::new(|| PROPERTIES.iter().map(|p| p.spec.clone()).collect());
        &SPECS
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> =
            LazyLock::new(|| signals::all(mark));
        &SIGNALS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        if let Some(property) = Property::find(pspec) {
            property.write(&mut settings, value);
        }
        let limits = settings.limits;
        drop(settings);
        warn_if_late(&*self.obj(), pspec);
        // A run that goes on has its own copy of the settings.
        if pspec.name().starts_with("max-size") {
            self.outbox.send(Msg::Limits(limits));
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings).clone();
        match Property::find(pspec) {
            Some(property) => property.read(&settings, &self.report),
            // GObject asks for no other.
            None => pspec.default_value().clone(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        // A sink, so that the pipeline waits for this element's EOS; a source, so that EOS which
        // is sent to the pipeline comes here also while no pad is linked.
        self.obj()
            .set_element_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
    }

    /// An element that is dropped without going to NULL goes there now, and closes its files:
    /// GStreamer (1.22) would only complain.
    fn dispose(&self) {
        let element = self.obj();
        if element.current_state() != gst::State::Null {
            let _ = element.set_state(gst::State::Null);
        }
    }
}

impl GstObjectImpl for Recorder {}

impl ElementImpl for Recorder {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::with_additional(
                "Room file sink",
                "Sink/Muxer/File",
                "Records every person of a room into files of their own, audio and video together, as they were encoded",
                env!("CARGO_PKG_AUTHORS"),
                &[(gst::ELEMENT_METADATA_DOC_URI, DOC_URI)],
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        &pads::TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let element = self.obj();
        let kind = template.name_template().strip_suffix("%s")?;
        let suffix = name.and_then(|n| n.strip_prefix(kind)).map(str::to_owned);
        let name = match name {
            Some(name) => name.to_owned(),
            None => (0u32..)
                .map(|n| format!("{kind}{n}"))
                .find(|name| element.static_pad(name).is_none())?,
        };
        let (pad, track) = pads::new_pad(template, &name, suffix, self.outbox.clone());
        let weak = element.downgrade();
        let id = track.id;
        pad.connect_unlinked(move |pad, _| {
            if let Some(element) = weak.upgrade() {
                element.imp().retire(pad, id);
            }
        });
        self.tracks.add(track);
        let is_active = element.current_state() > gst::State::Ready
            || element.pending_state() > gst::State::Ready;
        if is_active && pad.set_active(true).is_err() {
            gst::warning!(CAT, imp = self, "pad {name} cannot be activated");
        }
        if element.add_pad(&pad).is_err() {
            self.tracks.remove(id);
            return None;
        }
        Some(pad)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        match self.tracks.of_pad(pad) {
            Some(id) => self.retire(pad, id),
            None => {
                let _ = self.obj().remove_pad(pad);
            }
        }
    }

    fn send_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Eos(_) => {
                self.outbox.send(Msg::End);
                true
            }
            _ => self.parent_send_event(event),
        }
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.start()?,
            gst::StateChange::PausedToReady => self.stop(),
            _ => {}
        }
        self.parent_change_state(transition)
    }
}

/// Handles the signal `mark`.
fn mark(element: &gst::Element, text: &str) -> bool {
    let element = element.downcast_ref::<RoomFileSink>();
    element.is_some_and(|element| element.imp().mark(text))
}

impl Recorder {
    /// Marks this moment of the recording; false if nothing is being recorded.
    fn mark(&self, text: &str) -> bool {
        let element = self.obj();
        let is_recording =
            element.current_state() == gst::State::Playing && self.report.is_recording();
        let now = element.current_running_time();
        let now = now.and_then(|now| i64::try_from(now.nseconds()).ok());
        let (true, Some(at)) = (is_recording, now) else {
            return false;
        };
        let text = text.to_owned();
        self.outbox.send(Msg::Mark { at, text });
        true
    }

    /// Starts the control thread.
    fn start(&self) -> Result<(), gst::StateChangeError> {
        let settings = lock(&self.settings).clone();
        let template = Template::parse(&settings.location).map_err(|error| {
            gst::element_imp_error!(self, gst::ResourceError::Settings, ("{error}"));
            gst::StateChangeError
        })?;
        self.report.clear();
        let Some((thread, announcing)) = self.start_threads(Run::new(settings, template)) else {
            gst::element_imp_error!(
                self,
                gst::ResourceError::Failed,
                ("The recorder's threads cannot start")
            );
            return Err(gst::StateChangeError);
        };
        *lock(&self.thread) = Some(thread);
        *lock(&self.announcing) = Some(announcing);
        Ok(())
    }

    fn start_threads(&self, run: Run) -> Option<(ThreadId, Announcing)> {
        let (announcer, announcing) = Announcer::start().ok()?;
        let control = Control::new(
            self.obj().upcast_ref(),
            self.tracks.clone(),
            self.report.clone(),
            self.outbox.clone(),
            announcer,
            run,
        );
        let thread = control.start(self.inbox.clone()).ok()??;
        Some((thread, announcing))
    }

    /// Closes all files, within a deadline.
    fn stop(&self) {
        let (done, closed) = mpsc::channel();
        self.outbox
            .send(Msg::Shutdown(self.obj().clone().upcast(), done));
        let thread = lock(&self.thread).take();
        let announcing = lock(&self.announcing).take();
        // Who stops the pipeline as soon as the bus gets a message may be on that thread.
        if thread == Some(std::thread::current().id()) {
            return;
        }
        // The thread drops its end when the files are closed.
        if closed.recv_timeout(SHUTDOWN * 2) == Err(mpsc::RecvTimeoutError::Timeout) {
            gst::warning!(CAT, imp = self, "the control thread does not answer");
        } else if announcing.is_some_and(|announcing| !announcing.wait()) {
            gst::info!(CAT, imp = self, "a handler of a signal has not returned");
        }
    }

    /// Unlinked means over, there and then: gst-launch-1.0 never releases a request pad, and would
    /// link a person who comes back to the old one.
    fn retire(&self, pad: &gst::Pad, id: TrackId) {
        let Some(track) = self.tracks.remove(id) else {
            return;
        };
        track.retired.store(true, Ordering::Release);
        track.close();
        // Waits for a buffer that is on its way in: its frame comes before the end.
        let _ = pad.set_active(false);
        self.outbox.send(Msg::Ended(track, Reason::Unlinked));
        let _ = self.obj().remove_pad(pad);
    }
}
