// SPDX-License-Identifier: MPL-2.0
//! How long the end of a session may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_webrtc::WebRTCDataChannel;

/// How long EOS may take to pass the consumers of a session that has ended, counted from the last
/// buffer that they took, and in all.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
const LONGEST_DRAIN: Duration = Duration::from_secs(15);

/// How long the `bye` on the data channel may take to leave (protocol 5.5).
const BYE_TIME: Duration = Duration::from_millis(100);

/// How long webrtcbin's own thread may take to close the channel.
const CLOSE_TIME: Duration = Duration::from_millis(200);

pub(crate) struct Ending {
    pub(super) not_before: Instant,
    deadline: Instant,
    at_the_latest: Instant,
    /// What the consumers had taken when that was looked at last.
    taken: u64,
    closing: Option<Closing>,
}

/// What webrtcbin's thread does before it is stopped.
struct Closing {
    deadline: Instant,
    /// webrtcbin's thread has done so.
    done: Arc<AtomicBool>,
}

impl Ending {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            not_before: now + BYE_TIME,
            deadline: now + DRAIN_TIMEOUT,
            at_the_latest: now + LONGEST_DRAIN,
            taken: 0,
            closing: None,
        }
    }

    /// Closes the channel, whose SCTP elements are not safe against being stopped while webrtcbin's
    /// own thread closes it because the publisher did; and lets that thread end what it has to do:
    /// one that is stopped while it applies a description may deadlock (1.22). True once that
    /// had its time.
    pub(super) fn close(
        &mut self,
        now: Instant,
        channel: Option<&WebRTCDataChannel>,
        webrtcbin: &gst::Element,
    ) -> bool {
        let closing = self.closing.get_or_insert_with(|| {
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
            Closing { deadline, done }
        });
        closing.done.load(Relaxed) || now >= closing.deadline
    }

    /// Whether the consumers, which have `taken` this number of buffers, stand still.
    pub(crate) fn is_overdue(&mut self, now: Instant, taken: u64) -> bool {
        if taken > self.taken {
            self.taken = taken;
            self.deadline = self.at_the_latest.min(now + DRAIN_TIMEOUT);
        }
        now >= self.deadline
    }
}
