// SPDX-License-Identifier: MPL-2.0
//! What webrtcbin's own thread does before webrtcbin is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_webrtc::WebRTCDataChannel;

/// How long webrtcbin's own thread may take to close the channel.
const CLOSE_TIME: Duration = Duration::from_millis(200);

pub(super) struct Closing {
    deadline: Instant,
    /// webrtcbin's thread has done so.
    done: Arc<AtomicBool>,
}

impl Closing {
    /// Closes the channel, whose SCTP elements are not safe against being stopped while webrtcbin's
    /// own thread closes it because the publisher did; and lets that thread end what it has to do:
    /// one that is stopped while it applies a description may deadlock (1.22).
    pub(super) fn begin(
        now: Instant,
        channel: Option<&WebRTCDataChannel>,
        webrtcbin: &gst::Element,
    ) -> Self {
        // One that the publisher has not emptied closes only when its elements stop.
        if let Some(channel) = channel.filter(|channel| channel.buffered_amount() == 0) {
            channel.close();
        }
        let done = Arc::new(AtomicBool::new(false));
        let is_done = done.clone();
        // That thread does one thing after the other: a request now is answered afterwards.
        let answer = gst::Promise::with_change_func(move |_| is_done.store(true, Relaxed));
        webrtcbin.emit_by_name::<()>("get-stats", &[&None::<gst::Pad>, &answer]);
        let deadline = now + CLOSE_TIME;
        Self { deadline, done }
    }

    /// Whether that is done, or had its time.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.done.load(Relaxed) || now >= self.deadline
    }
}
