// SPDX-License-Identifier: MPL-2.0
//! What a connection has counted. Packets are counted as they are given out; the rest is what the
//! connection told last.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vdoroom_rtc::Statistics;

use crate::vdoroomsrc::connection::link::{Numbers, Received};

/// Of one SSRC.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub packets: AtomicU64,
    pub lost: AtomicU64,
}

#[derive(Default)]
pub(super) struct NativeNumbers {
    /// Held for a copy only, as the other one.
    last: Mutex<Statistics>,
    counts: Mutex<Vec<(u32, Arc<Counts>)>>,
    is_read: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NativeNumbers {
    pub(super) fn note(&self, statistics: Statistics) {
        *lock(&self.last) = statistics;
    }

    /// Another SSRC sends.
    pub(super) fn count(&self, ssrc: u32) -> Arc<Counts> {
        let counts = Arc::<Counts>::default();
        lock(&self.counts).push((ssrc, counts.clone()));
        counts
    }

    pub(super) fn lost(&self, ssrcs: &[u32]) -> u64 {
        let counts = lock(&self.counts);
        let own = counts.iter().filter(|(ssrc, _)| ssrcs.contains(ssrc));
        own.map(|(_, counts)| counts.lost.load(Relaxed)).sum()
    }
}

impl Numbers for NativeNumbers {
    fn whole(&self) -> Option<gst::Structure> {
        self.is_read.store(true, Relaxed);
        None
    }

    fn received(&self, ssrc: u32, _whole: Option<&gst::StructureRef>) -> Received {
        let counts = {
            let counts = lock(&self.counts);
            let own = counts.iter().find(|(other, _)| *other == ssrc);
            own.map(|(_, counts)| counts.clone())
        };
        let told = {
            let last = lock(&self.last);
            last.streams.iter().find(|s| s.ssrc == ssrc).cloned()
        };
        let counted = counts.as_ref();
        let told = told.as_ref();
        let nanoseconds = |jitter: std::time::Duration| jitter.as_nanos() as u64;
        let few = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Received {
            packets: counted.map(|counts| counts.packets.load(Relaxed)),
            lost: counted.map(|counts| counts.lost.load(Relaxed)),
            late: told.map(|stream| stream.late),
            recovered: told.map(|stream| stream.repaired),
            jitter: told.map(|stream| nanoseconds(stream.jitter)),
            nack_sent: told.map(|stream| few(stream.requested)),
            fir_sent: None,
            wire_bytes: told.map(|stream| stream.bytes_on_wire),
        }
    }

    fn take_is_read(&self) -> bool {
        self.is_read.swap(false, Relaxed)
    }
}
