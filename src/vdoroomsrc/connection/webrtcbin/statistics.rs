// SPDX-License-Identifier: MPL-2.0
//! webrtcbin's own statistics (W3C names), as it last told them.
//!
//! The control thread asks for them from time to time, webrtcbin's thread answers, and any thread
//! reads the last answer without waiting.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Clone, Default)]
pub(crate) struct WebrtcStats(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Held for a copy only.
    last: Mutex<Option<gst::Structure>>,
    is_read: AtomicBool,
}

impl WebrtcStats {
    pub(crate) fn note(&self, answer: &gst::StructureRef) {
        *self.last() = Some(answer.to_owned());
    }

    /// Asks, by that, for newer ones.
    pub(crate) fn read(&self) -> Option<gst::Structure> {
        self.0.is_read.store(true, Relaxed);
        self.last().clone()
    }

    /// Whether an application has read them since this was last called.
    pub(crate) fn take_is_read(&self) -> bool {
        self.0.is_read.swap(false, Relaxed)
    }

    fn last(&self) -> MutexGuard<'_, Option<gst::Structure>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those of what arrives with this SSRC: an `inbound-rtp` among them.
pub(crate) fn inbound(stats: &gst::StructureRef, ssrc: u32) -> Option<gst::Structure> {
    let mut all = stats
        .iter()
        .filter_map(|(_, value)| value.get::<gst::Structure>().ok());
    all.find(|s| s.get::<u32>("ssrc") == Ok(ssrc) && s.has_field("packets-received"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_found_by_its_ssrc() {
        gst::init().unwrap();
        let of = |ssrc: u32, count: &str| {
            let stats = gst::Structure::builder("inbound").field("ssrc", ssrc);
            stats.field(count, 7u64).build()
        };
        let stats = gst::Structure::builder("application/x-webrtc-stats")
            .field("a", of(1, "packets-received"))
            .field("b", of(2, "packets-sent"))
            .field("c", of(2, "packets-received"))
            .build();
        let found = inbound(&stats, 2).unwrap();
        assert!(found.has_field("packets-received"));
        assert_eq!(inbound(&stats, 3), None);
    }

    #[test]
    fn reading_asks_for_newer_ones() {
        gst::init().unwrap();
        let stats = WebrtcStats::default();
        assert!(stats.read().is_none());
        assert!(stats.take_is_read());
        assert!(!stats.take_is_read());
        stats.note(&gst::Structure::new_empty("application/x-webrtc-stats"));
        assert!(stats.read().is_some());
    }
}
