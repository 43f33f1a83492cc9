// SPDX-License-Identifier: MPL-2.0
//! The GObject: properties, signals, state changes.
//!
//! Locks: `settings`, `running` and `views` are each held for a copy only, never two at a time,
//! and never while anything outside this file is called.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, ThreadId};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use crate::vdoroomsrc::reports::CAT;
use crate::vdoroomsrc::control::announce;
use crate::vdoroomsrc::media::template_caps;
use crate::vdoroomsrc::control::thread;
use crate::vdoroomsrc::reports::Command;
use crate::vdoroomsrc::reports::{EventSender, Reports};
use crate::vdoroomsrc::media::KeyframeWish;
use crate::vdoroomsrc::media::VdoRoomSrcPad;
use crate::vdoroomsrc::media::Kind;
use crate::vdoroomsrc::settings::{DOC_URI, PROPERTIES};
use crate::vdoroomsrc::media::codecs::requirements;
use crate::vdoroomsrc::connection::session_of;
use crate::vdoroomsrc::settings::{Settings, SettingsError};
use crate::vdoroomsrc::control::{SharedSessions, stats};
use crate::vdoroomsrc::settings::Changed;
use crate::protocol::{Action, Event, Room, StreamId};
use crate::signalling::{self, SharedStatus, Tunnel, Tunnels, TurnServer};

/// How long the element's threads may take to end when it stops; NULL is reached in any case.
const STOP_TIMEOUT: Duration = Duration::from_millis(800);

#[derive(Default)]
pub struct VdoRoomSrc {
    settings: Mutex<Settings>,
    running: Mutex<Option<Running>>,
    status: SharedStatus,
    views: SharedSessions,
    dropped_events: Arc<AtomicU64>,
    identity_mismatches: Arc<AtomicU64>,
    paused: Arc<AtomicBool>,
    /// EOS came before the room was joined: it is not to be joined.
    ended: AtomicBool,
}

/// Exists while the room is joined.
struct Running {
    events: EventSender,
    commands: Sender<Command>,
    control: ThreadId,
    /// Closed when both threads have ended.
    ended: mpsc::Receiver<()>,
    /// To TURN servers that speak TLS, if there are TURN servers at all.
    _tunnels: Option<Tunnels>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is replaced as a whole; a panic elsewhere leaves it complete.
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

#[glib::object_subclass]
impl ObjectSubclass for VdoRoomSrc {
    const NAME: &'static str = "GstVdoRoomSrc";
    type Type = super::VdoRoomSrc;
    type ParentType = gst::Bin;
    type Interfaces = (gst::URIHandler,);
}

impl ObjectImpl for VdoRoomSrc {
    fn properties() -> &'static [glib::ParamSpec] {
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let (changed, settings) = {
            let mut settings = lock(&self.settings);
            settings.forget_uri(pspec.name());
            (settings.set(pspec.name(), value), settings.clone())
        };
        match changed {
            Changed::Nothing => {}
            Changed::Filter => {
                self.send(Event::Filter(settings.filter()));
            }
            Changed::Bitrates => {
                self.send(Event::Bitrates(settings.bitrates()));
            }
            Changed::KeyframeInterval => {
                self.command(Command::KeyframeInterval(settings.keyframe_interval()));
            }
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            return self.stats().to_value();
        }
        let value = lock(&self.settings).get(pspec.name());
        value.unwrap_or_else(|| pspec.default_value().clone())
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: Lazy<Vec<glib::subclass::Signal>> = Lazy::new(super::signals::all);
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
                .filter_map(|kind| {
                    gst::PadTemplate::with_gtype(
                        kind.template(),
                        gst::PadDirection::Src,
                        gst::PadPresence::Sometimes,
                        &template_caps(kind.is_video()),
                        VdoRoomSrcPad::static_type(),
                    )
                    .ok()
                })
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

    /// EOS from the application ends every stream, in order, and the room with them.
    fn send_event(&self, event: gst::Event) -> bool {
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
                    .and_then(|source| session_of(&self.obj(), source))
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

impl VdoRoomSrc {
    fn check_requirements(&self) -> Result<(), gst::StateChangeError> {
        for missing in requirements::missing_codecs() {
            gst::info!(CAT, imp = self, "{missing}");
        }
        match requirements::missing() {
            None => Ok(()),
            Some(missing) => {
                gst::element_imp_error!(self, gst::CoreError::MissingPlugin, ("{missing}"));
                Err(gst::StateChangeError)
            }
        }
    }

    fn check_settings(&self) -> Result<(), gst::StateChangeError> {
        let settings = lock(&self.settings).clone();
        let checked = settings
            .server()
            .and_then(|_| settings.room_config([0; 32]))
            .and_then(|_| settings.wish())
            .and_then(|_| settings.ice());
        self.settled(checked.map(drop))
    }

    fn settled<T>(&self, outcome: Result<T, SettingsError>) -> Result<T, gst::StateChangeError> {
        outcome.map_err(|error| {
            gst::element_imp_error!(self, gst::ResourceError::Settings, ("{error}"));
            gst::StateChangeError
        })
    }

    /// Starts the two threads, unless they run from an earlier PLAYING.
    fn start(&self) -> Result<(), gst::StateChangeError> {
        if lock(&self.running).is_some() {
            return Ok(());
        }
        let settings = lock(&self.settings).clone();
        let mut seed = [0; 32];
        if let Err(error) = getrandom::fill(&mut seed) {
            gst::element_imp_error!(self, gst::ResourceError::Failed, ("no entropy: {error}"));
            return Err(gst::StateChangeError);
        }
        let room = self.settled(settings.room_config(seed))?;
        let server = self.settled(settings.server())?;
        let mut ice = self.settled(settings.ice())?;
        if let Some(warning) = settings.too_few_ports(ice.ports) {
            announce::warn(&self.obj(), None, &warning);
        }
        let turn = self.settled(ice.open_tunnels().map_err(SettingsError::from))?;
        let config = control::Config {
            room: room.room.clone().unwrap_or_default(),
            wish: self.settled(settings.wish())?,
            ice,
            doubt: None,
            latency: settings.latency,
            keyframes: KeyframeWish {
                interval: settings.keyframe_interval(),
                waits: settings.wait_for_keyframe,
            },
            one_stream: settings.one_stream,
            rejoin_window: settings.rejoin_window(),
            views: self.views.clone(),
            identity_mismatches: self.identity_mismatches.clone(),
            paused: self.paused.clone(),
        };
        self.paused.store(false, Relaxed);
        let running = self.spawn(config, room, server, turn).map_err(|error| {
            gst::element_imp_error!(self, gst::ResourceError::Failed, ("no thread: {error}"));
            gst::StateChangeError
        })?;
        if self.ended.swap(false, Relaxed) {
            running.events.send(Event::Shutdown);
        }
        *lock(&self.running) = Some(running);
        Ok(())
    }

    fn spawn(
        &self,
        mut config: control::Config,
        room: crate::protocol::RoomConfig,
        server: signalling::Server,
        (tunnels, turn_servers): (Vec<Tunnel>, Vec<TurnServer>),
    ) -> std::io::Result<Running> {
        let (commands, commands_rx) = mpsc::channel();
        let (events, events_rx) = async_channel::unbounded();
        let (ended_tx, ended) = mpsc::channel();
        let events = EventSender::new(events, self.dropped_events.clone());
        let reports = Reports {
            commands: commands.clone(),
            events: events.clone(),
        };
        let tunnels = match turn_servers.is_empty() {
            true => None,
            false => {
                let (to_control, tls) = (commands.clone(), server.tls.clone());
                let report = move |message| drop(to_control.send(Command::Warn(message)));
                Some(Tunnels::start(tunnels, turn_servers, tls, report)?)
            }
        };
        config.doubt = tunnels.as_ref().map(Tunnels::doubt);
        let (element, control_ended) = (self.obj().downgrade(), ended_tx.clone());
        let control = thread::Builder::new()
            .name("vdoroom:ctl".into())
            .spawn(move || {
                let run = || control::run(element.clone(), config, reports, commands_rx);
                if catch_unwind(AssertUnwindSafe(run)).is_err()
                    && let Some(element) = element.upgrade()
                {
                    announce::fail(&element, "internal error on the thread vdoroom:ctl");
                }
                drop(control_ended);
            })?;
        let (to_control, status) = (commands.clone(), self.status.clone());
        let net = thread::Builder::new()
            .name("vdoroom:net".into())
            .spawn(move || {
                // Fails only once the control thread has ended.
                let perform = |action: Action| drop(to_control.send(Command::Room(action)));
                let run = || {
                    let room = Room::new(room, std::time::Instant::now());
                    signalling::run(room, server, events_rx, status, perform);
                };
                if catch_unwind(AssertUnwindSafe(run)).is_err() {
                    let message = "internal error on the thread vdoroom:net".into();
                    perform(Action::Fail { message });
                }
                let _ = to_control.send(Command::RoomClosed);
                drop(ended_tx);
            });
        if let Err(error) = net {
            let _ = commands.send(Command::Stop(self.obj().clone()));
            return Err(error);
        }
        Ok(Running {
            events,
            commands,
            control: control.thread().id(),
            ended,
            _tunnels: tunnels,
        })
    }

    /// A paused element stays connected, without media: nothing that is paused could even say
    /// goodbye.
    fn hold_peers(&self) {
        self.paused.store(true, Relaxed);
        for child in self.obj().children() {
            child.set_locked_state(true);
        }
    }

    /// Says goodbye and takes everything apart; waits for it, but not for long.
    fn stop(&self) {
        let Some(running) = lock(&self.running).take() else {
            return;
        };
        running.events.send(Event::Shutdown);
        let _ = running.commands.send(Command::Stop(self.obj().clone()));
        // A signal handler of ours would wait for itself.
        if running.control != thread::current().id()
            && running.ended.recv_timeout(STOP_TIMEOUT) == Err(mpsc::RecvTimeoutError::Timeout)
        {
            gst::warning!(
                CAT,
                imp = self,
                "A consumer or the network still holds a thread"
            );
        }
    }

    /// Held for no longer than a copy or a change takes.
    pub(crate) fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    /// False if no room is joined, which would hear of it.
    pub(crate) fn send(&self, event: Event) -> bool {
        let events = lock(&self.running).as_ref().map(|r| r.events.clone());
        events.is_some_and(|events| {
            events.send(event);
            true
        })
    }

    pub(crate) fn command(&self, command: Command) {
        let commands = lock(&self.running).as_ref().map(|r| r.commands.clone());
        if let Some(commands) = commands {
            let _ = commands.send(command);
        }
    }

    pub(crate) fn request_keyframe(&self, stream: String) {
        self.command(Command::RequestKeyframe(StreamId(stream)));
    }

    fn stats(&self) -> gst::Structure {
        let room = lock(&self.status).clone();
        let sessions = lock(&self.views).clone();
        let password_set = {
            let settings = lock(&self.settings);
            settings.password.is_some() || settings.password_env.is_some()
        };
        stats::structure(
            room.as_ref(),
            &sessions,
            self.dropped_events.load(Relaxed),
            self.identity_mismatches.load(Relaxed),
            password_set,
        )
    }
}
