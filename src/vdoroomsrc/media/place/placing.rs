// SPDX-License-Identifier: MPL-2.0
//! The places of the packets of one track.
//!
//! Locks: what the track remembers, which only its streaming thread takes, and then, not at the same
//! time, the session's timeline.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::line::Place;
use super::memory::Memory;
use super::sender_reports::{SharedTimeline, field, number, packet_of};
use super::timestamps::OUTDATED;
use crate::vdoroomsrc::media::header::Header;

pub(crate) struct Placing {
    timeline: SharedTimeline,
    ssrc: u32,
    clock_rate: AtomicU32,
    ntp_caps: gst::Caps,
    memory: Mutex<Memory>,
}

impl Placing {
    /// Of what leaves this pad of the connection.
    pub(crate) fn of(timeline: &SharedTimeline, source_pad: &gst::Pad) -> Option<Self> {
        let ssrc = number(source_pad, "ssrc")?;
        let clock_rate = number(source_pad, "clock-rate");
        Some(Self::new(timeline, ssrc, clock_rate.unwrap_or_default()))
    }

    fn new(timeline: &SharedTimeline, ssrc: u32, clock_rate: u32) -> Self {
        Self {
            timeline: timeline.clone(),
            ssrc,
            clock_rate: AtomicU32::new(clock_rate),
            ntp_caps: gst::Caps::new_empty_simple("timestamp/x-ntp"),
            memory: Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The caps of the packets that follow.
    pub(crate) fn caps(&self, caps: &gst::CapsRef) {
        if let Some(rate) = field(caps, "clock-rate")
            && self.clock_rate.swap(rate, Relaxed) != rate
        {
            *self.memory() = Memory::default();
        }
    }

    pub(crate) fn place(&self, header: &Header, arrival: gst::ClockTime) -> Place {
        let packet = packet_of(header, arrival);
        let timeline = &self.timeline;
        let known = self.memory().place(timeline.generation(), packet.rtp);
        if let Some(place) = known {
            return place;
        }
        let (ssrc, clock_rate) = (self.ssrc, self.clock_rate.load(Relaxed));
        let line = self.memory().take_line();
        let answer = timeline.change(|timeline| timeline.answer(ssrc, clock_rate, packet, line));
        self.memory().keep(packet.rtp, answer)
    }

    /// Writes into a packet where it belongs.
    pub(crate) fn write(&self, place: Place, packet: &mut gst::BufferRef) {
        packet.set_pts(place.time.map_or(Some(OUTDATED), clock_time));
        if let Some(ntp) = place.ntp.and_then(clock_time) {
            gst::ReferenceTimestampMeta::add(packet, &self.ntp_caps, ntp, gst::ClockTime::NONE);
        }
    }
}

/// No time is [`OUTDATED`].
fn clock_time(nanoseconds: i128) -> Option<gst::ClockTime> {
    let first = i128::from(OUTDATED.nseconds()) + 1;
    let nanoseconds = u64::try_from(nanoseconds.max(first)).ok()?;
    (nanoseconds != u64::MAX).then(|| gst::ClockTime::from_nseconds(nanoseconds))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    const MS: gst::ClockTime = gst::ClockTime::MSECOND;

    /// The `n`th packet of audio, 20 ms after the one before.
    fn header(n: u16) -> Header {
        Header {
            seqnum: n,
            timestamp: 960 * u32::from(n),
            marker: false,
            payload_type: 111,
            ssrc: 1,
        }
    }

    fn audio() -> (SharedTimeline, Placing) {
        gst::init().unwrap();
        let timeline = SharedTimeline::default();
        let placing = Placing::new(&timeline, 7, 48_000);
        (timeline, placing)
    }

    /// Where the `n`th packet is placed that has taken 30 ms.
    fn place(placing: &Placing, n: u16) -> Option<i128> {
        let arrival = (20 * u64::from(n) + 30) * MS;
        placing.place(&header(n), arrival).time
    }

    #[test]
    fn a_track_waits_for_nobody_who_holds_the_timeline_unless_that_has_changed() {
        const PATIENCE: Duration = Duration::from_millis(200);
        let (timeline, placing) = audio();
        assert_eq!(place(&placing, 0), Some(30_000_000));
        let (placing, (tell, told)) = (&placing, channel());
        std::thread::scope(|scope| {
            timeline.change(|_| {
                let tell = tell.clone();
                scope.spawn(move || tell.send(place(placing, 1)));
                assert_eq!(told.recv_timeout(50 * PATIENCE), Ok(Some(50_000_000)));
            });
            timeline.change(|timeline| timeline.report(7, 48_000, 1 << 62, 0));
            timeline.change(|_| {
                let tell = tell.clone();
                scope.spawn(move || tell.send(place(placing, 2)));
                assert!(told.recv_timeout(PATIENCE).is_err(), "it asks");
            });
            assert_eq!(told.recv_timeout(50 * PATIENCE), Ok(Some(70_000_000)));
        });
    }

    #[test]
    fn another_clock_rate_begins_anew() {
        let (_, placing) = audio();
        assert_eq!(place(&placing, 0), Some(30_000_000));
        let caps = gst::Caps::builder("application/x-rtp");
        placing.caps(&caps.field("clock-rate", 8000).build());
        // A second later by this rate.
        let late = Header {
            timestamp: 8000,
            ..header(1)
        };
        let place = placing.place(&late, 1030 * MS);
        assert_eq!(place.time, Some(1_030_000_000));
    }
}
