// SPDX-License-Identifier: MPL-2.0
//! The thread that emits the signals. A handler may take its time, or wait for a state change that
//! waits for the files: files never wait for a handler.

use std::sync::mpsc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use gst::prelude::*;

/// The time that handlers have after the files are closed; then NULL is reached without them.
const PATIENCE: Duration = Duration::from_millis(300);

struct Signal {
    element: gst::Element,
    name: &'static str,
    fields: gst::Structure,
}

/// The way to the thread, which ends when this is dropped and all signals are emitted.
pub(crate) struct Announcer(mpsc::Sender<Signal>);

impl Announcer {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<(Self, Announcing)> {
        let (signals, queue) = mpsc::channel::<Signal>();
        let (running, ended) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("roomfile:signal".into())
            .spawn(move || {
                for signal in queue {
                    let values: &[&dyn ToValue] = &[&signal.fields];
                    signal.element.emit_by_name::<()>(signal.name, values);
                }
                drop(running);
            })?;
        let thread = thread.thread().id();
        Ok((Self(signals), Announcing { thread, ended }))
    }

    pub(crate) fn emit(&self, element: &gst::Element, name: &'static str, fields: gst::Structure) {
        let element = element.clone();
        // The receiver lives as long as this sender.
        let _ = self.0.send(Signal {
            element,
            name,
            fields,
        });
    }
}

/// The thread, for the one who waits for its end.
pub(crate) struct Announcing {
    thread: ThreadId,
    ended: mpsc::Receiver<()>,
}

impl Announcing {
    /// False if a handler has not returned. One that waits for its own thread need not.
    pub(crate) fn wait(&self) -> bool {
        let ended = || self.ended.recv_timeout(PATIENCE);
        self.thread == thread::current().id() || ended() != Err(mpsc::RecvTimeoutError::Timeout)
    }
}
