// SPDX-License-Identifier: MPL-2.0
//! When the packets of a connection have come, of all media: what a publisher's congestion control
//! is told (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rtcp_types::{Twcc, TwccBuilder, TwccPacketStatus};

const INTERVAL: Duration = Duration::from_millis(100);

/// What one packet of feedback tells of.
const MAX_TOLD: u64 = 400;

/// What is kept until it is told.
const MAX_KEPT: usize = 4096;

/// Of the reference time, in units of a difference.
const REFERENCE: i64 = 256;

/// In microseconds.
const UNIT: i64 = 250;

#[derive(Debug)]
pub(crate) struct Arrivals {
    start: Instant,
    highest: Option<u64>,
    /// The first that was not told.
    next: u64,
    came: BTreeMap<u64, Instant>,
    count: u8,
    tell_at: Option<Instant>,
}

impl Arrivals {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            start: now,
            highest: None,
            next: 0,
            came: BTreeMap::new(),
            count: 0,
            tell_at: None,
        }
    }

    pub(crate) fn came(&mut self, now: Instant, number: u16) {
        let number = match self.highest {
            Some(highest) => {
                let step = number.wrapping_sub(highest as u16) as i16;
                highest.saturating_add_signed(i64::from(step))
            }
            None => {
                self.next = 1 << 16 | u64::from(number);
                self.next
            }
        };
        self.highest = self.highest.max(Some(number));
        // What was told to be missing stays so.
        if number >= self.next && self.came.len() < MAX_KEPT {
            self.came.entry(number).or_insert(now);
            self.tell_at.get_or_insert(now + INTERVAL);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.tell_at
    }

    /// What there is to be told now; to be called again until there is nothing.
    pub(crate) fn due(&mut self, now: Instant) -> Option<TwccBuilder> {
        if self.tell_at.is_none_or(|at| now < at) {
            return None;
        }
        let Some((&first, &arrival)) = self.came.first_key_value() else {
            self.tell_at = None;
            return None;
        };
        // After an interruption nothing is told of what is missing.
        if first - self.next > MAX_TOLD / 2 {
            self.next = first;
        }
        let base = self.next;
        let reference = self.units(arrival) / REFERENCE;
        let mut last = reference * REFERENCE;
        let mut told = Vec::new();
        while let Some((&number, &arrival)) = self.came.first_key_value()
            && number - base < MAX_TOLD
        {
            let at = self.units(arrival);
            let Ok(delta) = i16::try_from(at - last) else {
                break;
            };
            last = at;
            told.resize((number - base) as usize, TwccPacketStatus::NotReceived);
            told.push(TwccPacketStatus::Received { delta });
            self.came.pop_first();
            self.next = number + 1;
        }
        let count = self.count;
        self.count = count.wrapping_add(1);
        Some(Twcc::builder(
            base as u16,
            // 24 bits, which begin again after 12 days.
            (reference & 0xff_ffff) as u32,
            count,
            &told,
            None,
        ))
    }

    fn units(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.start).as_micros();
        i64::try_from(since).unwrap_or(i64::MAX) / UNIT
    }
}

#[cfg(test)]
mod tests {
    use rtcp_types::{Compound, Packet};

    use super::super::reports::Reporter;
    use super::*;

    /// Numbers, and when they came in milliseconds since the start.
    fn told(arrivals: &mut Arrivals, now: Instant) -> Vec<(u16, Option<i64>)> {
        let mut told = Vec::new();
        while let Some(feedback) = arrivals.due(now) {
            let reporter = Reporter {
                ssrc: 1,
                name: "x".into(),
            };
            let feedback = rtcp_types::TransportFeedback::builder_owned(feedback);
            let packet = reporter.feedback(feedback).unwrap();
            assert!(packet.len() < 1200);
            let Some(Ok(Packet::TransportFeedback(read))) =
                Compound::parse(&packet).unwrap().nth(1)
            else {
                panic!("no feedback");
            };
            let read = read.parse_fci::<Twcc<'_>>().unwrap();
            let mut at = i64::from(read.reference_time()) * REFERENCE;
            for packet in read.packets() {
                let (number, status) = packet.unwrap();
                told.push(match status {
                    TwccPacketStatus::NotReceived => (number, None),
                    TwccPacketStatus::Received { delta } => {
                        at += i64::from(delta);
                        (number, Some(at * UNIT / 1000))
                    }
                });
            }
        }
        told
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn arrivals_are_told_every_100_ms() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        for (at, number) in [(70, 65_534), (71, 65_535), (75, 1), (74, 0), (90, 3)] {
            arrivals.came(start + ms(at), number);
        }
        assert_eq!(told(&mut arrivals, start + ms(169)), []);
        assert_eq!(arrivals.deadline(), Some(start + ms(170)));
        let expected = [
            (65_534, Some(70)),
            (65_535, Some(71)),
            (0, Some(74)),
            (1, Some(75)),
            (2, None),
            (3, Some(90)),
        ];
        assert_eq!(told(&mut arrivals, start + ms(170)), expected);
        assert_eq!(arrivals.deadline(), None);
        arrivals.came(start + ms(171), 2);
        assert_eq!(arrivals.deadline(), None, "told to be missing");
        arrivals.came(start + ms(9000), 5);
        let expected = [(4, None), (5, Some(9000))];
        assert_eq!(told(&mut arrivals, start + ms(9999)), expected);
    }

    #[test]
    fn whatever_is_sent_is_told_in_packets_that_fit() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let mut number = 0_u16;
        for n in 0..5000_u64 {
            number = number.wrapping_add(1 + (n % 7 == 0) as u16 * 3);
            arrivals.came(start + ms(n * 17 % 9000), number);
        }
        let told = told(&mut arrivals, start + ms(20_000));
        let received = told.iter().filter(|(_, at)| at.is_some()).count();
        assert_eq!(received, MAX_KEPT);
    }
}
