// SPDX-License-Identifier: MPL-2.0
//! What the control thread tells the handle.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use serde_json::Value;

use crate::log::Log;

/// What the control thread tells the handle.
#[derive(Default)]
pub struct Status {
    pub log: Log,
    pub keyframe_requests: AtomicU64,
    pub mangled_packets: AtomicU64,
    pub resent_packets: AtomicU64,
    pub video_bytes: AtomicU64,
    pub other_bytes: AtomicU64,
    pub shown: Mutex<Shown>,
    pub changed: Condvar,
}

#[derive(Default)]
pub struct Shown {
    pub joined: bool,
    pub viewers: usize,
    pub fed: usize,
    pub complaints: Vec<String>,
    pub media_request: Option<Value>,
    pub answer: Option<String>,
}

impl Status {
    fn change(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    pub fn set_viewers(&self, viewers: usize, fed: usize) {
        self.change(|shown| (shown.viewers, shown.fed) = (viewers, fed));
    }

    pub fn set_joined(&self) {
        self.change(|shown| shown.joined = true);
    }

    pub fn complain(&self, complaint: String) {
        self.change(|shown| shown.complaints.push(complaint));
    }

    pub fn set_media_request(&self, json: &Value) {
        self.change(|shown| shown.media_request = Some(json.clone()));
    }

    pub fn set_answer(&self, sdp: &str) {
        self.change(|shown| shown.answer = Some(sdp.into()));
    }

    pub fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if the condition was not met in time.
    pub fn wait_until(&self, timeout: Duration, condition: impl Fn(&Shown) -> bool) -> bool {
        let (shown, _) = self
            .changed
            .wait_timeout_while(self.shown(), timeout, |shown| !condition(shown))
            .unwrap_or_else(PoisonError::into_inner);
        condition(&shown)
    }
}
