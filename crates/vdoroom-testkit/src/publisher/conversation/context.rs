// SPDX-License-Identifier: MPL-2.0
//! What all conversations of a publisher have in common.

use std::{rc::Rc, sync::Arc, time::Duration};

use serde_json::{Value, json};
use smol::{LocalExecutor, Timer, channel::Sender};

use crate::publisher::{
    media::Feed,
    settings::Settings,
    status::Status,
    time::Timeline,
    wire::events::{Event, TimerEvent},
};
use crate::{log::Direction, secret::Secret, server::Dialect};

pub struct Context {
    pub settings: Settings,
    pub secret: Secret,
    pub status: Arc<Status>,
    pub feed: Arc<Feed>,
    pub timeline: Timeline,
    pub executor: Rc<LocalExecutor<'static>>,
    pub events: Sender<Event>,
    pub socket: Option<Sender<String>>,
    /// The identity in the relay dialect.
    pub own_uuid: String,
}

impl Context {
    pub fn later(&self, delay: Duration, event: TimerEvent) {
        let events = self.events.clone();
        let wait = async move {
            Timer::after(delay).await;
            let _ = events.send(Event::Timer(event)).await;
        };
        self.executor.spawn(wait).detach();
    }

    pub fn is_relay(&self) -> bool {
        self.settings.dialect != Dialect::Hosted
    }

    pub fn wire_stream_id(&self) -> String {
        self.secret.stream(&self.settings.stream_id)
    }

    pub fn send(&self, mut json: Value) {
        if self.is_relay() {
            json["from"] = json!(self.own_uuid);
            json["roomid"] = json!(self.secret.room(&self.settings.room));
        }
        let text = json.to_string();
        self.status.log.add("server".into(), Direction::Sent, &text);
        if let Some(socket) = &self.socket {
            // Fails only when the socket is going down; the reconnection will tell.
            let _ = socket.try_send(text);
        }
    }
}
