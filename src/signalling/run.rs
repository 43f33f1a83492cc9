// SPDX-License-Identifier: MPL-2.0
//! The loop of the thread `vdoroom:net`: waits for the socket, for its own queue and for deadlines,
//! and opens the websocket again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use futures_util::future::{Fuse, FusedFuture, FutureExt};
use futures_util::{pin_mut, select};

use super::server::Server;
use super::socket::{self, Outgoing};
use crate::protocol::{Action, Event, Room, RoomState, RoomStatus};

/// How long the last messages and the closing handshake may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// How old the shared status may be while one event follows the other.
const STATUS_INTERVAL: Duration = Duration::from_millis(50);

/// What the thread shares with the rest of the element: the newest status, once there is one,
/// under a lock that is held for a copy only.
pub(crate) type SharedStatus = Arc<Mutex<Option<RoomStatus>>>;

/// Drives `room` until it says [`Action::Disconnect`] or `events` is closed. Every action that is
/// not about the websocket goes to `perform`, each change of the room's state to `tell`, with a reason
/// if it is no good one; neither may block.
pub(crate) fn run(
    mut room: Room,
    server: Server,
    events: Receiver<impl Into<Event>>,
    status: SharedStatus,
    mut tell: impl FnMut(RoomState, Option<String>),
    mut perform: impl FnMut(Action),
) {
    async_std::task::block_on(async move {
        let (incoming_tx, incoming) = async_channel::bounded(64);
        let mut connection = Connection::new(server, incoming_tx);
        connection.open();
        publish(&room, &status);
        let mut published = Instant::now();
        let mut told = room.state();
        tell(told.0, told.1.clone());
        loop {
            let timer = sleep_until(earliest(room.deadline(), connection.reopen_at)).fuse();
            pin_mut!(timer);
            // In no order: a flood of what our own sessions say must not keep the server waiting.
            let event = select! {
                event = events.recv().fuse() => event.map_or(Event::Shutdown, Into::into),
                event = incoming.recv().fuse() => match event {
                    Ok(event) => event,
                    Err(_) => continue,
                },
                () = connection.running() => continue,
                () = timer => {
                    connection.reopen_if_due(Instant::now());
                    Event::Tick
                }
            };
            let actions = room.handle(Instant::now(), event);
            // All of it is copied, which is not done for each of thousands of events. What is told to an
            // application is in it before.
            let is_last = events.is_empty() && incoming.is_empty();
            let is_old = published.elapsed() >= STATUS_INTERVAL;
            if is_last || is_old || told != room.state() || actions.iter().any(is_told) {
                publish(&room, &status);
                published = Instant::now();
            }
            let state = room.state();
            if told != state {
                told = state;
                tell(told.0, told.1.clone());
            }
            for action in actions {
                match action {
                    Action::SendSocket(text) => connection.send(Outgoing::Text(text)),
                    Action::AskServer => connection.send(Outgoing::Ping),
                    Action::Reconnect { after } => connection.reopen_after(Instant::now(), after),
                    Action::Disconnect => return connection.close().await,
                    other => perform(other),
                }
            }
        }
    });
}

/// Whether an application may hear of it.
fn is_told(action: &Action) -> bool {
    use Action::{
        AddRemoteCandidate, AskServer, Reconnect, SendChannel, SendSocket, SetRemoteOffer,
    };
    !matches!(
        action,
        SendSocket(_)
            | SendChannel { .. }
            | SetRemoteOffer { .. }
            | AddRemoteCandidate { .. }
            | AskServer
            | Reconnect { .. }
    )
}

fn publish(room: &Room, to: &SharedStatus) {
    let status = room.status();
    // A poisoned lock still holds the last complete status.
    *to.lock().unwrap_or_else(|e| e.into_inner()) = Some(status);
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}

async fn sleep_until(deadline: Option<Instant>) {
    let timer = match deadline {
        Some(at) => async_std::task::sleep(at.saturating_duration_since(Instant::now())).boxed(),
        None => std::future::pending().boxed(),
    };
    timer.await
}

/// The websocket that is open, being opened, or to be opened later.
struct Connection {
    server: Server,
    incoming: Sender<Event>,
    outgoing: Option<Sender<Outgoing>>,
    task: Fuse<futures_util::future::BoxFuture<'static, ()>>,
    reopen_at: Option<Instant>,
}

impl Connection {
    fn new(server: Server, incoming: Sender<Event>) -> Self {
        Self {
            server,
            incoming,
            outgoing: None,
            task: Fuse::terminated(),
            reopen_at: None,
        }
    }

    fn open(&mut self) {
        let (outgoing_tx, outgoing) = async_channel::unbounded();
        self.outgoing = Some(outgoing_tx);
        self.reopen_at = None;
        self.task = socket::run(self.server.clone(), self.incoming.clone(), outgoing)
            .boxed()
            .fuse();
    }

    /// Makes the socket progress; never ends while there is none.
    fn running(&mut self) -> &mut Fuse<futures_util::future::BoxFuture<'static, ()>> {
        &mut self.task
    }

    fn send(&mut self, message: Outgoing) {
        if let Some(outgoing) = &self.outgoing {
            // Fails only when the socket has just gone, which the room is about to hear.
            let _ = outgoing.try_send(message);
        }
    }

    fn reopen_after(&mut self, now: Instant, after: Duration) {
        self.outgoing = None;
        self.reopen_at = now.checked_add(after);
    }

    fn reopen_if_due(&mut self, now: Instant) {
        if self.reopen_at.is_some_and(|at| at <= now) {
            self.open();
        }
    }

    /// Sends what is queued, then says goodbye, within [`CLOSE_TIMEOUT`].
    async fn close(mut self) {
        self.outgoing = None;
        if !self.task.is_terminated() {
            let _ = async_std::future::timeout(CLOSE_TIMEOUT, self.task).await;
        }
    }
}
