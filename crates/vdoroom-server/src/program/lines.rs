// SPDX-License-Identifier: MPL-2.0
//! What is printed. A thread of its own waits for standard output, which may be slow or closed.

use std::{
    io::{self, Write},
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use vdoroom_server::{RoomEvent, printable};

/// Lines that may wait; further ones are not printed.
const WAITING: usize = 1024;

#[derive(Clone)]
pub struct Lines(SyncSender<String>);

impl Lines {
    pub fn start() -> Self {
        let (sender, lines) = sync_channel::<String>(WAITING);
        thread::spawn(move || {
            let mut output = io::stdout().lock();
            for line in lines {
                // Without standard output nothing is printed, and the server keeps running.
                if writeln!(output, "{}", printable(&line)).is_err() {
                    return;
                }
            }
        });
        Self(sender)
    }

    pub fn print(&self, line: String) {
        let _ = self.0.try_send(line);
    }

    /// Prints who comes and goes.
    pub fn watcher(&self) -> impl Fn(&RoomEvent) + Send + 'static {
        let lines = self.clone();
        move |event| lines.print(describe(event))
    }
}

fn describe(event: &RoomEvent) -> String {
    let in_room = |room: &Option<String>| match room {
        Some(room) => format!("{room}: "),
        None => String::new(),
    };
    match event {
        RoomEvent::Joined { room, uuid } => format!("{room}: {uuid} joined"),
        RoomEvent::Seeded {
            room,
            uuid,
            stream_id,
        } => format!("{}{uuid} publishes {stream_id}", in_room(room)),
        RoomEvent::Left {
            room,
            uuid,
            stream_id,
        } => {
            let what = stream_id.as_ref().map(|id| format!(" ({id})"));
            format!("{}{uuid}{} left", in_room(room), what.unwrap_or_default())
        }
    }
}
