// SPDX-License-Identifier: MPL-2.0
//! What is received of one SSRC.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rtcp_types::ReportBlockBuilder;

use super::header::Header;
use super::jitter::{Jitter, Place};
use super::nack::Nack;
use super::out::Out;
use super::reception::Reception;
use crate::event::{Packet, StreamStatistics, Track};

/// Requests for a sender report. Who has answered none of them is not asked again.
const MOST_REQUESTS: u32 = 10;

#[derive(Debug)]
pub(crate) struct Stream {
    pub track: Track,
    /// Which m-line it belongs to.
    pub line: usize,
    requests_repeats: bool,
    /// The highest number so far.
    highest: Option<u64>,
    jitter: Jitter<Packet>,
    nack: Nack,
    reception: Reception,
    is_reported: bool,
    report_requests: u32,
    statistics: StreamStatistics,
}

impl Stream {
    pub(crate) fn new(
        now: Instant,
        track: Track,
        line: usize,
        requests_repeats: bool,
        latency: Duration,
        first: u16,
    ) -> Self {
        Self {
            line,
            requests_repeats,
            highest: None,
            jitter: Jitter::new(latency),
            nack: Nack::default(),
            reception: Reception::new(track.clock_rate, now, counted(None, first)),
            is_reported: false,
            report_requests: 0,
            statistics: StreamStatistics {
                ssrc: track.ssrc,
                mid: track.mid.clone(),
                ..StreamStatistics::default()
            },
            track,
        }
    }

    pub(crate) fn set_latency(&mut self, latency: Duration) {
        self.jitter.set_latency(latency);
    }

    /// A packet without its padding. `is_repeat` if it came as RTX.
    pub(crate) fn packet(
        &mut self,
        now: Instant,
        header: &Header,
        data: Bytes,
        is_repeat: bool,
        out: &mut Vec<Out>,
    ) {
        let index = counted(self.highest, header.sequence);
        self.statistics.received += 1;
        self.statistics.bytes += data.len() as u64;
        self.statistics.bytes_on_wire += header.on_wire as u64;
        if !is_repeat {
            self.reception.packet(now, index, header.timestamp);
        }
        let expected = self.highest.map_or(index, |highest| highest + 1);
        self.highest = self.highest.max(Some(index));
        let was_requested = self.nack.came(index);
        let place = self.jitter.place(index);
        match place {
            Place::TooLate => self.statistics.late += 1,
            Place::Twice => self.statistics.duplicates += 1,
            Place::Next | Place::Waits => {}
        }
        if matches!(place, Place::TooLate | Place::Twice) {
            return;
        }
        self.statistics.repaired += u64::from(was_requested);
        let packet = Packet {
            ssrc: header.ssrc,
            payload_type: header.payload_type,
            marker: header.marker,
            index,
            timestamp: header.timestamp,
            arrival: now,
            lost: 0,
            is_repeat: is_repeat || was_requested,
            data,
            payload_at: header.length,
        };
        match place {
            Place::Waits => {
                self.jitter.keep(now, index, packet);
                if self.requests_repeats && index > expected {
                    self.nack.hole(now, expected..index);
                }
            }
            _ => out.push(Out::Packet(packet)),
        }
        self.release(now, out);
    }

    /// Lets out what has waited long enough.
    pub(crate) fn release(&mut self, now: Instant, out: &mut Vec<Out>) {
        while let Some(released) = self.jitter.release(now) {
            self.statistics.lost += released.lost;
            let lost = released.lost;
            out.push(Out::Packet(Packet {
                lost,
                ..released.item
            }));
        }
        if let Some(next) = self.jitter.next() {
            self.nack.give_up_before(next);
        }
    }

    /// Lets out all that waits: nothing more will come.
    pub(crate) fn finish(&mut self, out: &mut Vec<Out>) {
        self.jitter.set_latency(Duration::ZERO);
        if let Some(newest) = self.jitter.newest() {
            self.release(newest, out);
        }
    }

    /// The packets that are to be requested now.
    pub(crate) fn requests(&mut self, now: Instant, pace: Duration) -> Vec<u16> {
        let due = self.nack.due(now, pace);
        self.statistics.requested += due.len() as u64;
        due.into_iter().map(|index| index as u16).collect()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let both = [self.jitter.deadline(), self.nack.deadline()];
        both.into_iter().flatten().min()
    }

    pub(crate) fn sender_report(&mut self, now: Instant, ntp: u64) {
        self.is_reported = true;
        self.reception.sender_report(now, ntp);
    }

    pub(crate) fn report(&mut self, now: Instant) -> ReportBlockBuilder {
        self.reception.report(now, self.track.ssrc)
    }

    /// Whether a sender report is to be requested: none has come, and it was not asked for too
    /// often. This counts as one more request.
    pub(crate) fn requests_report(&mut self) -> bool {
        let is_wanted = !self.is_reported && self.report_requests < MOST_REQUESTS;
        self.report_requests += u32::from(is_wanted);
        is_wanted
    }

    pub(crate) fn requested_keyframe(&mut self) {
        self.statistics.keyframes_requested += 1;
    }

    pub(crate) fn statistics(&self) -> StreamStatistics {
        StreamStatistics {
            jitter: self.reception.jitter(),
            ..self.statistics.clone()
        }
    }
}

/// A sequence number, counted on: the one that is nearest to the highest so far. The first is
/// counted from 65,536, so that those that it has overtaken are above zero.
fn counted(highest: Option<u64>, sequence: u16) -> u64 {
    match highest {
        Some(highest) => {
            let step = sequence.wrapping_sub(highest as u16) as i16;
            highest.saturating_add_signed(i64::from(step))
        }
        None => 1 << 16 | u64::from(sequence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_on_where_they_begin_again() {
        let first = counted(None, 65_534);
        let next = counted(Some(first), 1);
        assert_eq!(next, first + 3);
        assert_eq!(counted(Some(next), 65_535), first + 1);
        assert_eq!(counted(None, 0), 65_536);
        assert_eq!(counted(Some(65_536), 65_535), 65_535);
    }
}
