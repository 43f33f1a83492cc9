// SPDX-License-Identifier: MPL-2.0
//! What webrtcbin has counted: its own statistics (W3C names), as it last told them, and those of its
//! jitterbuffers.
//!
//! The control thread asks for them from time to time, webrtcbin's thread answers, and any thread
//! reads the last answer without waiting.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;

use crate::vdoroomsrc::connection::link::{Numbers, Received};

#[derive(Default)]
pub(super) struct WebrtcNumbers {
    /// Held for a copy only, as the other one.
    last: Mutex<Option<gst::Structure>>,
    is_read: AtomicBool,
    /// By SSRC.
    jitterbuffers: Mutex<Vec<(u32, glib::WeakRef<gst::Element>)>>,
}

impl WebrtcNumbers {
    pub(super) fn note(&self, answer: &gst::StructureRef) {
        *lock(&self.last) = Some(answer.to_owned());
    }

    /// Another SSRC sends.
    pub(super) fn add(&self, ssrc: u32, jitterbuffer: &gst::Element) {
        lock(&self.jitterbuffers).push((ssrc, jitterbuffer.downgrade()));
    }

    /// Those of these SSRCs.
    pub(super) fn jitterbuffers(&self, ssrcs: &[u32]) -> Vec<gst::Element> {
        let all = lock(&self.jitterbuffers).clone();
        let own = all.iter().filter(|(ssrc, _)| ssrcs.contains(ssrc));
        own.filter_map(|(_, jitterbuffer)| jitterbuffer.upgrade())
            .collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Numbers for WebrtcNumbers {
    fn whole(&self) -> Option<gst::Structure> {
        self.is_read.store(true, Relaxed);
        lock(&self.last).clone()
    }

    fn received(&self, ssrc: u32, whole: Option<&gst::StructureRef>) -> Received {
        let jitterbuffer = self.jitterbuffers(&[ssrc]).into_iter().next();
        let counted = jitterbuffer.map(|j| j.property::<gst::Structure>("stats"));
        let count = |name| counted.as_ref()?.get::<u64>(name).ok();
        let inbound = whole.and_then(|whole| inbound(whole, ssrc));
        let told = |name| inbound.as_ref()?.get::<u32>(name).ok();
        let source = || {
            let inbound = inbound.as_ref()?;
            inbound.get::<gst::Structure>("gst-rtpsource-stats").ok()
        };
        Received {
            packets: count("num-pushed"),
            lost: count("num-lost"),
            late: count("num-late"),
            recovered: count("rtx-success-count"),
            jitter: count("avg-jitter"),
            nack_sent: told("nack-count"),
            fir_sent: told("fir-count"),
            wire_bytes: source().and_then(|source| source.get("bytes-received").ok()),
        }
    }

    fn take_is_read(&self) -> bool {
        self.is_read.swap(false, Relaxed)
    }
}

/// Those of what arrives with this SSRC: an `inbound-rtp` among them.
fn inbound(stats: &gst::StructureRef, ssrc: u32) -> Option<gst::Structure> {
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
        let numbers = WebrtcNumbers::default();
        assert!(numbers.whole().is_none());
        assert!(numbers.take_is_read());
        assert!(!numbers.take_is_read());
        numbers.note(&gst::Structure::new_empty("application/x-webrtc-stats"));
        assert!(numbers.whole().is_some());
    }
}
