// SPDX-License-Identifier: MPL-2.0
//! The element as GObject knows it, what it holds, and the threads that it starts.
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

use crate::protocol::{Action, Event, Room, RoomConfig, RoomState};
use crate::signalling::{self, SharedStatus, Tunnel, Tunnels, TurnServer};
use crate::vdoroomsrc::control::{self, SharedSessions};
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::media::{self, KeyframeWish};
use crate::vdoroomsrc::reports::{Command, EventSender, Reports};
use crate::vdoroomsrc::settings::{Engine, Settings, SettingsError};

glib::wrapper! {
    pub struct VdoRoomSrc(ObjectSubclass<imp::VdoRoomSrc>)
        @extends gst::Bin, gst::Element, gst::Object,
        @implements gst::ChildProxy, gst::URIHandler;
}

pub(super) mod imp {
    use super::*;

    #[derive(Default)]
    pub struct VdoRoomSrc {
        pub(super) settings: Mutex<Settings>,
        pub(super) running: Mutex<Option<Running>>,
        pub(super) status: SharedStatus,
        /// Those of this run: a thread of the last one may still take its own apart.
        pub(super) views: Mutex<SharedSessions>,
        pub(super) dropped_events: Arc<AtomicU64>,
        pub(super) identity_mismatches: Arc<AtomicU64>,
        pub(super) paused: Arc<AtomicBool>,
        /// EOS came before the room was joined: it is not to be joined.
        pub(in crate::vdoroomsrc::element) ended: AtomicBool,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for VdoRoomSrc {
        const NAME: &'static str = "GstVdoRoomSrc";
        type Type = super::VdoRoomSrc;
        type ParentType = gst::Bin;
        type Interfaces = (gst::URIHandler,);
    }
}

/// How long the element's threads may take to end when it stops; NULL is reached in any case.
const STOP_TIMEOUT: Duration = Duration::from_millis(800);

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

impl imp::VdoRoomSrc {
    pub(super) fn check_requirements(&self) -> Result<(), gst::StateChangeError> {
        for missing in media::missing_codecs() {
            gst::info!(CAT, imp = self, "{missing}");
        }
        let needs_webrtcbin = lock(&self.settings).engine == Engine::Webrtcbin;
        match media::missing(needs_webrtcbin) {
            None => Ok(()),
            Some(missing) => {
                gst::element_imp_error!(self, gst::CoreError::MissingPlugin, ("{missing}"));
                Err(gst::StateChangeError)
            }
        }
    }

    pub(super) fn check_settings(&self) -> Result<(), gst::StateChangeError> {
        let settings = lock(&self.settings).clone();
        let checked = settings
            .server()
            .and_then(|_| settings.room_config([0; 32]))
            .and_then(|_| settings.wish())
            .and_then(|_| settings.engine())
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
    pub(super) fn start(&self) -> Result<(), gst::StateChangeError> {
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
            control::warn(self.obj().upcast_ref(), None, &warning);
        }
        let turn = self.settled(ice.open_tunnels().map_err(SettingsError::from))?;
        let config = control::Config {
            room: room.room.clone().unwrap_or_default(),
            wish: self.settled(settings.wish())?,
            engine: self.settled(settings.engine())?,
            ice,
            doubt: None,
            latency: settings.latency,
            keyframes: KeyframeWish {
                interval: settings.keyframe_interval(),
                waits: settings.wait_for_keyframe,
            },
            one_stream: settings.one_stream,
            rejoin_window: settings.rejoin_window(),
            views: self.begin_views(),
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
        room: RoomConfig,
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
        let element = self.bin();
        let (element, control_ended) = (element.downgrade(), ended_tx.clone());
        let control = thread::Builder::new()
            .name("vdoroom:ctl".into())
            .spawn(move || {
                let run = || control::run(element.clone(), config, reports, commands_rx);
                if catch_unwind(AssertUnwindSafe(run)).is_err()
                    && let Some(element) = element.upgrade()
                {
                    control::fail(
                        element.upcast_ref(),
                        "internal error on the thread vdoroom:ctl",
                    );
                }
                drop(control_ended);
            })?;
        let (to_control, status) = (commands.clone(), self.status.clone());
        let net = thread::Builder::new()
            .name("vdoroom:net".into())
            .spawn(move || {
                // Fails only once the control thread has ended.
                let perform = |action: Action| drop(to_control.send(Command::Room(action)));
                let tell = |state, reason| {
                    drop(to_control.send(Command::RoomState { state, reason }));
                };
                let run = || {
                    let room = Room::new(room, std::time::Instant::now());
                    signalling::run(room, server, events_rx, status, tell, perform);
                };
                if catch_unwind(AssertUnwindSafe(run)).is_err() {
                    let message = "internal error on the thread vdoroom:net".into();
                    perform(Action::Fail { message });
                }
                let _ = to_control.send(Command::RoomClosed);
                drop(ended_tx);
            });
        if let Err(error) = net {
            let _ = commands.send(Command::Stop(self.bin()));
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
    pub(super) fn hold_peers(&self) {
        self.paused.store(true, Relaxed);
        for child in self.obj().children() {
            child.set_locked_state(true);
        }
    }

    /// Says goodbye and takes everything apart; waits for it, but not for long.
    pub(super) fn stop(&self) {
        let Some(running) = lock(&self.running).take() else {
            return;
        };
        running.events.send(Event::Shutdown);
        let _ = running.commands.send(Command::Stop(self.bin()));
        // A signal handler of ours would wait for itself.
        if running.control != thread::current().id()
            && running.ended.recv_timeout(STOP_TIMEOUT) == Err(mpsc::RecvTimeoutError::Timeout)
        {
            gst::warning!(
                CAT,
                imp = self,
                "A consumer or the network still holds a thread"
            );
            // A slow machine may still make its first key, and the process may exit next.
            control::wait_for_warm_up();
        }
    }

    /// What control knows of the element.
    fn bin(&self) -> gst::Bin {
        self.obj().clone().upcast()
    }

    /// Held for no longer than a copy or a change takes.
    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    /// False if no room is joined, which would hear of it.
    pub(super) fn send(&self, event: Event) -> bool {
        let events = lock(&self.running).as_ref().map(|r| r.events.clone());
        events.is_some_and(|events| {
            events.send(event);
            true
        })
    }

    pub(super) fn command(&self, command: Command) {
        let commands = lock(&self.running).as_ref().map(|r| r.commands.clone());
        if let Some(commands) = commands {
            let _ = commands.send(command);
        }
    }

    pub(super) fn is_running(&self) -> bool {
        lock(&self.running).is_some()
    }

    pub(super) fn room_state(&self) -> RoomState {
        let status = lock(&self.status);
        status
            .as_ref()
            .map_or(RoomState::Stopped, |room| room.state)
    }

    fn begin_views(&self) -> SharedSessions {
        let views = SharedSessions::default();
        lock(&self.views).clone_from(&views);
        views
    }

    pub(super) fn stats(&self) -> gst::Structure {
        let room = lock(&self.status).clone();
        let views = lock(&self.views).clone();
        let sessions: Vec<_> = lock(&views).values().cloned().collect();
        let password_set = {
            let settings = lock(&self.settings);
            settings.password.is_some() || settings.password_env.is_some()
        };
        control::stats(
            room.as_ref(),
            &sessions,
            self.dropped_events.load(Relaxed),
            self.identity_mismatches.load(Relaxed),
            password_set,
        )
    }
}
