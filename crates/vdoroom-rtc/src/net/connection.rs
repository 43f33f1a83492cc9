// SPDX-License-Identifier: MPL-2.0
//! A connection as its owner holds it. All of them share one I/O thread, which begins with the
//! first and ends with the last.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use mio::{Poll, Token, Waker};

use super::command::{Command, What};
use super::demux::Id;
use super::lag::Lag;
use super::thread::Thread;
use crate::event::{Channel, Consumer};
use crate::settings::Settings;

/// Of commands. Sockets are counted from the other end.
const WAKE: Token = Token(usize::MAX);

/// Locked while a thread is started; no consumer is called then.
static ENGINE: Mutex<Weak<Engine>> = Mutex::new(Weak::new());

struct Engine {
    next: AtomicU64,
    /// Dropped before the thread is woken, which then sees that no sender is left, and ends.
    commands: Sender<Command>,
    lag: Arc<Lag>,
    bell: Bell,
}

/// Wakes the thread a last time when it is dropped.
struct Bell(Arc<Waker>);

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = self.0.wake();
    }
}

impl Engine {
    fn get() -> io::Result<Arc<Self>> {
        let mut running = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = running.upgrade() {
            return Ok(engine);
        }
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (commands, received) = channel();
        // A waker that is closed has no effect, even if it has just been called: the thread keeps it.
        let open = waker.clone();
        let lag = Arc::new(Lag::new());
        let own = lag.clone();
        thread::Builder::new()
            .name("vdoroom:rtc".into())
            .spawn(move || Thread::new(poll, open, received, own).run())?;
        let engine = Arc::new(Self {
            next: AtomicU64::new(0),
            commands,
            lag,
            bell: Bell(waker),
        });
        *running = Arc::downgrade(&engine);
        Ok(engine)
    }

    fn tell(&self, id: Id, what: What) -> io::Result<()> {
        let told = self.commands.send(Command { id, what });
        told.map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.bell.0.wake()
    }
}

/// A connection to one publisher. Nothing here waits; what comes of it is told to the consumer.
/// Dropping it closes it.
pub struct Connection {
    id: Id,
    engine: Arc<Engine>,
}

impl Connection {
    /// Fails if the system has no thread left. All else is told to the consumer.
    pub fn open(settings: Settings, consumer: Box<dyn Consumer>) -> io::Result<Self> {
        let engine = Engine::get()?;
        let id = Id(engine.next.fetch_add(1, Relaxed));
        engine.tell(id, What::Open { settings, consumer })?;
        Ok(Self { id, engine })
    }

    /// The publisher's offer, the first or a later one. [`Event::Answer`](crate::Event::Answer)
    /// follows.
    pub fn offer(&self, sdp: String) {
        self.tell(What::Offer(sdp));
    }

    /// An address of the publisher, as in SDP, with or without `a=` and `candidate:`.
    pub fn candidate(&self, candidate: String) {
        self.tell(What::Candidate(candidate));
    }

    /// Lost if the channel is not open, or if the publisher leaves unread what was sent before.
    pub fn send(&self, channel: Channel, text: String) {
        self.tell(What::Send(channel, text));
    }

    pub fn request_keyframe(&self, ssrc: u32) {
        self.tell(What::RequestKeyframe(ssrc));
    }

    /// From now on packets wait so long at most for those that are missing.
    pub fn set_latency(&self, latency: Duration) {
        self.tell(What::SetLatency(latency));
    }

    /// [`Event::Statistics`](crate::Event::Statistics) follows.
    pub fn statistics(&self) {
        self.tell(What::Statistics);
    }

    /// [`Consumer::poked`] is called soon, on the I/O thread: what a consumer has held back can be
    /// handed out there when nothing comes.
    pub fn poke(&self) {
        self.tell(What::Poke);
    }

    /// Whether the I/O thread has read all that came before `since`, and was in time for what came
    /// after that. If not, packets may have been dropped, and silence says nothing about a publisher.
    pub fn keeps_up(&self, since: Instant) -> bool {
        self.engine.lag.keeps_up(since)
    }

    /// The publisher hears of it. [`Event::Closed`](crate::Event::Closed) follows.
    pub fn close(&self) {
        self.tell(What::Close);
    }

    fn tell(&self, what: What) {
        // A thread that is gone has closed all of them.
        let _ = self.engine.tell(self.id, what);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}
