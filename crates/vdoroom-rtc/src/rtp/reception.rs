// SPDX-License-Identifier: MPL-2.0
//! What the reports to a publisher say of one SSRC (RFC 3550 section 6.4.1 and appendix A).

use std::time::{Duration, Instant};

use rtcp_types::{ReportBlock, ReportBlockBuilder};

#[derive(Debug)]
pub(crate) struct Reception {
    clock_rate: u32,
    start: Instant,
    first: u64,
    highest: u64,
    received: u64,
    /// Expected and received, when that was reported last.
    reported: (u64, u64),
    /// Arrival and RTP time of the last packet, in units of the RTP clock.
    last: Option<(u32, u32)>,
    /// In sixteenths of a unit.
    jitter: u32,
    /// The middle of the NTP time of the newest sender report, and when it came.
    sender_report: Option<(u32, Instant)>,
}

impl Reception {
    pub(crate) fn new(clock_rate: u32, now: Instant, first: u64) -> Self {
        Self {
            clock_rate,
            start: now,
            first,
            highest: first,
            received: 0,
            reported: (0, 0),
            last: None,
            jitter: 0,
            sender_report: None,
        }
    }

    /// A packet has come as it was sent first.
    pub(crate) fn packet(&mut self, now: Instant, index: u64, timestamp: u32) {
        self.highest = self.highest.max(index);
        self.received += 1;
        let since = now.saturating_duration_since(self.start).as_micros();
        let arrival = (since * u128::from(self.clock_rate) / 1_000_000) as u32;
        if let Some((last_arrival, last_timestamp)) = self.last.replace((arrival, timestamp)) {
            let moved = arrival.wrapping_sub(last_arrival);
            let change = moved.wrapping_sub(timestamp.wrapping_sub(last_timestamp)) as i32;
            // Without bound, a jump of RTP time would show for minutes.
            let change = change.unsigned_abs().min(self.clock_rate);
            self.jitter = self.jitter.saturating_add(change) - ((self.jitter + 8) >> 4);
        }
    }

    pub(crate) fn sender_report(&mut self, now: Instant, ntp: u64) {
        self.sender_report = Some(((ntp >> 16) as u32, now));
    }

    pub(crate) fn jitter(&self) -> Duration {
        let units = u64::from(self.jitter >> 4);
        Duration::from_micros(units * 1_000_000 / u64::from(self.clock_rate.max(1)))
    }

    /// What has come since the last report, and so far.
    pub(crate) fn report(&mut self, now: Instant, ssrc: u32) -> ReportBlockBuilder {
        let expected = self.highest - self.first.min(self.highest) + 1;
        let (before, received_before) = self.reported;
        self.reported = (expected, self.received);
        let expected_now = expected.saturating_sub(before);
        let lost_now = expected_now.saturating_sub(self.received - received_before);
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0);
        let lost = expected.saturating_sub(self.received);
        let block = ReportBlock::builder(ssrc)
            .fraction_lost(fraction.min(255) as u8)
            // 24 bits, with a sign.
            .cumulative_lost(lost.min(0x7f_ffff) as u32)
            // The first cycle is counted from 1 here, lest the index before it were negative.
            .extended_sequence_number((self.highest as u32).wrapping_sub(1 << 16))
            .interarrival_jitter(self.jitter >> 4);
        match self.sender_report {
            Some((ntp, at)) => {
                let delay = now.saturating_duration_since(at).as_micros() * 65_536 / 1_000_000;
                block
                    .last_sender_report_timestamp(ntp)
                    .delay_since_last_sender_report_timestamp(delay.min(u128::from(u32::MAX)) as u32)
            }
            None => block,
        }
    }
}

#[cfg(test)]
mod tests {
    use rtcp_types::prelude::RtcpPacketWriterExt;
    use rtcp_types::{Compound, Packet, ReceiverReport};

    use super::*;

    /// Fraction, lost in all, highest number, LSR and DLSR.
    fn told(reception: &mut Reception, now: Instant) -> (u8, u32, u32, u32, u32) {
        let block = reception.report(now, 7);
        let report = ReceiverReport::builder(1).add_report_block(block);
        let mut bytes = [0; 64];
        let length = report.write_into(&mut bytes).unwrap();
        let mut compound = Compound::parse(&bytes[..length]).unwrap();
        let Some(Ok(Packet::Rr(report))) = compound.next() else {
            panic!("no report");
        };
        let block = report.report_blocks().next().unwrap();
        (
            block.fraction_lost(),
            block.cumulative_lost(),
            block.extended_sequence_number(),
            block.last_sender_report_timestamp(),
            block.delay_since_last_sender_report_timestamp(),
        )
    }

    #[test]
    fn losses_are_told_since_the_last_report_and_in_all() {
        let start = Instant::now();
        let first = (1 << 16) + 10;
        let mut reception = Reception::new(90_000, start, first);
        for n in (0..100).filter(|n| n % 4 != 1) {
            reception.packet(start, first + n, 0);
        }
        assert_eq!(told(&mut reception, start), (64, 25, 109, 0, 0));
        assert_eq!(told(&mut reception, start), (0, 25, 109, 0, 0));
        reception.sender_report(start, 0x1122_3344_5566_7788);
        let later = start + Duration::from_millis(500);
        let (.., ntp, delay) = told(&mut reception, later);
        assert_eq!((ntp, delay), (0x3344_5566, 32_768));
    }

    #[test]
    fn more_than_was_expected_is_no_loss() {
        let start = Instant::now();
        let mut reception = Reception::new(90_000, start, 70_000);
        for _ in 0..5 {
            reception.packet(start, 70_000, 0);
        }
        assert_eq!(told(&mut reception, start).1, 0);
    }

    #[test]
    fn jitter_is_how_much_arrivals_vary() {
        let start = Instant::now();
        let mut steady = Reception::new(48_000, start, 1);
        let mut varies = Reception::new(48_000, start, 1);
        for n in 0..400_u32 {
            let at = start + Duration::from_millis(20 * u64::from(n));
            steady.packet(at, u64::from(n), n * 960);
            let late = Duration::from_millis(if n % 2 == 0 { 10 } else { 0 });
            varies.packet(at + late, u64::from(n), n * 960);
        }
        assert_eq!(steady.jitter(), Duration::ZERO);
        let jitter = varies.jitter().as_millis();
        assert!((9..=10).contains(&jitter), "{jitter}");
    }
}
