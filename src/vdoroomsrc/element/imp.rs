// SPDX-License-Identifier: MPL-2.0
//! The GObject: properties, signals, state changes, messages.

use std::sync::atomic::Ordering::Relaxed;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::object::imp::VdoRoomSrc;
use super::signals;
use crate::late::warn_if_late;
use crate::protocol::Event;
use crate::vdoroomsrc::connection::session_of;
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::media::{Kind, template};
use crate::vdoroomsrc::reports::Command;
use crate::vdoroomsrc::settings::{Changed, DOC_URI, PROPERTIES};

impl ObjectImpl for VdoRoomSrc {
    fn properties() -> &'static [glib::ParamSpec] {
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let (changed, settings) = {
            let mut settings = self.settings();
            settings.forget_uri(pspec.name());
            (settings.set(pspec.name(), value), settings.clone())
        };
        // Without it, they count when it begins.
        if self.is_running() {
            warn_if_late(&*self.obj(), pspec);
        }
        match changed {
            Changed::Nothing => {}
            Changed::Filter => {
                self.send(Event::Filter(settings.filter()));
            }
            Changed::Bitrates => {
                self.send(Event::Bitrates(settings.bitrates()));
            }
            Changed::Latency => self.command(Command::Latency(settings.latency)),
            Changed::KeyframeInterval => {
                self.command(Command::KeyframeInterval(settings.keyframe_interval()));
            }
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            return self.stats().to_value();
        }
        if pspec.name() == "room-state" {
            return <&str>::from(self.room_state()).to_value();
        }
        let value = self.settings().get(pspec.name());
        value.unwrap_or_else(|| pspec.default_value().clone())
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: Lazy<Vec<glib::subclass::Signal>> = Lazy::new(signals::all);
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        // A bin forgets these flags when its last source goes, which here is any day's business.
        element.set_suppressed_flags(gst::ElementFlags::SOURCE | gst::ElementFlags::SINK);
        element.set_element_flags(gst::ElementFlags::SOURCE);
    }

    /// An element that is dropped without going to NULL goes there now: GStreamer (1.22) would
    /// only complain, and leave its children as they are.
    fn dispose(&self) {
        let element = self.obj();
        if element.current_state() != gst::State::Null {
            let _ = element.set_state(gst::State::Null);
        }
    }
}

impl GstObjectImpl for VdoRoomSrc {}

impl ElementImpl for VdoRoomSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::with_additional(
                "VDO.Ninja room source",
                "Source/Network/WebRTC",
                "Receives every stream of a VDO.Ninja room over one websocket, each over a WebRTC connection of its own",
                env!("CARGO_PKG_AUTHORS"),
                &[(gst::ELEMENT_METADATA_DOC_URI, DOC_URI)],
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            Kind::ALL
                .iter()
                .filter_map(|kind| template(*kind).ok())
                .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        use gst::StateChange;
        match transition {
            StateChange::NullToReady => {
                self.ended.store(false, Relaxed);
                self.check_requirements()?;
            }
            StateChange::ReadyToPaused => self.check_settings()?,
            StateChange::PausedToPlaying => self.command(Command::Resumed),
            StateChange::PlayingToPaused => self.hold_peers(),
            StateChange::PausedToReady => self.stop(),
            _ => {}
        }
        // Peers come and go while the state changes; what they answer is theirs alone.
        let success = self.parent_change_state(transition)?;
        match transition {
            StateChange::PausedToPlaying => {
                self.start()?;
                Ok(gst::StateChangeSuccess::Success)
            }
            StateChange::ReadyToPaused | StateChange::PlayingToPaused => {
                Ok(gst::StateChangeSuccess::NoPreroll)
            }
            _ => Ok(success),
        }
    }

    /// EOS from the application ends every stream, in order, and the room with them. A selection is of the
    /// sessions whose streams it names.
    fn send_event(&self, event: gst::Event) -> bool {
        if let gst::EventView::SelectStreams(select) = event.view() {
            let streams = select.streams();
            let streams = streams.iter().map(|id| id.to_string()).collect();
            let track = None;
            self.command(Command::Select { track, streams });
            return true;
        }
        if matches!(event.view(), gst::EventView::Eos(_)) {
            gst::info!(CAT, imp = self, "EOS: all streams end");
            let is_running = self.send(Event::Shutdown);
            self.ended.store(!is_running, Relaxed);
            return true;
        }
        self.parent_send_event(event)
    }
}

impl BinImpl for VdoRoomSrc {
    /// The peers' messages stay inside: an application that does not read its bus would keep
    /// every webrtcbin alive by them. An error ends the peer that it comes from.
    fn handle_message(&self, message: gst::Message) {
        match message.view() {
            gst::MessageView::Error(error) => {
                let Some(session) = message
                    .src()
                    .and_then(|source| session_of(self.obj().upcast_ref(), source))
                else {
                    return;
                };
                let reason = error.error().to_string();
                gst::debug!(CAT, imp = self, "{reason} ({:?})", error.debug());
                self.command(Command::Failed { session, reason });
            }
            gst::MessageView::Latency(_)
            | gst::MessageView::NeedContext(_)
            | gst::MessageView::HaveContext(_) => self.parent_handle_message(message),
            _ => gst::trace!(CAT, imp = self, "Kept inside: {message:?}"),
        }
    }
}
