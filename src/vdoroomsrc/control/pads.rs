// SPDX-License-Identifier: MPL-2.0
//! When pads are exposed, and told to be all. Runs on the control thread.

use std::time::Instant;

use gst::prelude::*;

use super::announce;
use super::reload::{Surroundings, expose, gets_last_pad};
use super::thread::Control;
use crate::protocol::{SessionId, StreamId};
use crate::vdoroomsrc::connection::Remains;

impl Control {
    pub(super) fn pads_wait(&self) -> bool {
        let mut sessions = self.sessions.values();
        sessions.any(|session| !session.waiting_pads.is_empty())
    }

    pub(super) fn poll_pads(&mut self, element: &gst::Bin, now: Instant) {
        if self.pads_wait() {
            self.expose_pads(element);
        }
        self.tell_last_pads(element, now);
    }

    pub(super) fn expose_pads(&mut self, element: &gst::Bin) {
        let now = Instant::now();
        let waiting = self.sessions.values();
        let waiting = waiting.filter(|session| !session.waiting_pads.is_empty());
        let ids: Vec<SessionId> = waiting.map(|session| session.id).collect();
        let mut changed = false;
        for id in ids {
            // Taken out while pads are added: handlers of pad-added may ask for anything but it.
            let Some(mut session) = self.sessions.remove(&id) else {
                continue;
            };
            let ending = self.sessions.values().filter(|other| other.is_ending());
            let ending = ending
                .map(|other| &other.stream)
                .chain(self.reaper.streams());
            let draining: Vec<StreamId> = ending.cloned().collect();
            let around = Surroundings {
                element,
                room: &self.config.room,
                keyframes: self.config.keyframes,
                paused: &self.config.paused,
                reports: &self.reports,
            };
            let exposed = expose(&around, &mut session, &draining, &mut self.kept, now);
            changed |= exposed.pads > 0;
            if let Some(collection) = exposed.collection {
                announce::collection(element, &mut session.announced.collection, collection);
            }
            for reason in exposed.refused {
                announce::warn(element, Some(&session.stream), &reason);
            }
            for track in exposed.broken {
                let (stream, announced) = (session.stream.clone(), session.announced.clone());
                let remains = Remains::of_pad(stream, announced, track);
                self.take_apart(remains);
            }
            self.sessions.insert(id, session);
            if exposed.pads > 0 {
                self.apply_choice(element, id);
                self.publish_view(id);
            }
        }
        if changed {
            // Latency was queried before this branch was there.
            let _ = element.post_message(gst::message::Latency::builder().src(element).build());
        }
    }

    /// A whole room has never all its pads.
    fn tell_last_pads(&mut self, element: &gst::Bin, now: Instant) {
        if !self.config.one_stream {
            return;
        }
        let sessions = self.sessions.values_mut();
        let complete = sessions.filter_map(|session| gets_last_pad(session, now).then_some(()));
        for () in complete.collect::<Vec<()>>() {
            element.no_more_pads();
        }
    }
}
