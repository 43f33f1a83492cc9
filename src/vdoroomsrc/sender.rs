// SPDX-License-Identifier: MPL-2.0
//! One RTP stream's relation to its sender's clock, as sender reports tell it.

use super::timeline::SECOND;

/// What two reports may disagree by: the accuracy of a report, and of a crystal.
const INACCURACY: i128 = SECOND / 10;
const WORST_CRYSTAL: i128 = 50;
/// A larger step is no new delay of a medium: somebody has set the sender's clock.
const CLOCK_WAS_SET: i128 = SECOND;
/// A delay is the shortest of the last one to two windows: a network that stalls is no longer way.
const WINDOW: i128 = 5 * SECOND;
/// Time runs slower by no more than this part while a medium moves back.
const SLOWEST: i128 = 10;

#[derive(Debug)]
pub(super) struct Sender {
    pub ssrc: u32,
    clock_rate: i128,
    /// The newest packet's RTP timestamp, without wrapping around.
    rtp: Option<i128>,
    /// Where rtpjitterbuffer placed the newest packet, in running time.
    arrival: i128,
    report: Option<Report>,
    /// A report that the one before does not fit; the next one decides.
    doubtful: Option<Report>,
    /// Came before the first packet.
    early: Option<(i128, u32)>,
    /// What the sender's clock was set forward by since the first report.
    set_by: i128,
    /// Shortest delay in this window and in the one before.
    delays: [Option<i128>; 2],
    window_start: i128,
    /// Running time minus RTP time of what went out last.
    shift: Option<i128>,
    /// RTP time of what went out last.
    placed: i128,
    /// What went out last was placed by reports.
    is_believed: bool,
}

/// Both in nanoseconds, `ntp` without the steps of the sender's clock.
#[derive(Debug, Clone, Copy)]
struct Report {
    ntp: i128,
    rtp: i128,
}

impl Report {
    fn ntp_at(&self, rtp: i128) -> i128 {
        self.ntp + rtp - self.rtp
    }

    fn fits(&self, later: &Report) -> bool {
        let tolerance = INACCURACY + (later.rtp - self.rtp).abs() / WORST_CRYSTAL;
        (later.ntp - self.ntp_at(later.rtp)).abs() <= tolerance
    }
}

impl Sender {
    pub(super) fn new(ssrc: u32, clock_rate: u32) -> Self {
        Self {
            ssrc,
            clock_rate: i128::from(clock_rate.max(1)),
            rtp: None,
            arrival: 0,
            report: None,
            doubtful: None,
            early: None,
            set_by: 0,
            delays: [None; 2],
            window_start: 0,
            shift: None,
            placed: 0,
            is_believed: false,
        }
    }

    pub(super) fn has_rate(&self, clock_rate: u32) -> bool {
        self.clock_rate == i128::from(clock_rate.max(1))
    }

    pub(super) fn has_report(&self) -> bool {
        self.report.is_some()
    }

    /// Running time of the newest packet's arrival.
    pub(super) fn arrival(&self) -> i128 {
        self.arrival
    }

    pub(super) fn report(&mut self, ntp: i128, rtp: u32) {
        if ntp < SECOND {
            // RFC 3550, 6.4.1: a sender that knows no time says zero.
            return;
        }
        let Some(newest) = self.rtp else {
            self.early = Some((ntp, rtp));
            return;
        };
        let rtp = self.nanoseconds(unwrap(newest, rtp));
        let new = Report {
            ntp: ntp - self.set_by,
            rtp,
        };
        let old = self.report.filter(|_| self.is_believed);
        let Some(old) = old else {
            self.set_by = 0;
            return self.accept(Report { ntp, rtp });
        };
        if old.fits(&new) {
            self.report = Some(new);
            self.doubtful = None;
        } else if self.doubtful.is_some_and(|doubtful| doubtful.fits(&new)) {
            let step = new.ntp - old.ntp_at(new.rtp);
            if step.abs() > CLOCK_WAS_SET {
                // All media of the sender step, each with its next report: none may move.
                self.set_by += step;
                self.doubtful = None;
            } else {
                self.accept(new);
            }
        } else {
            self.doubtful = Some(new);
        }
    }

    /// Begins anew with this report.
    fn accept(&mut self, report: Report) {
        self.report = Some(report);
        self.doubtful = None;
        self.delays = [None; 2];
        self.note_delay();
    }

    fn note_delay(&mut self) {
        let Some(captured) = self.capture() else {
            return;
        };
        if self.arrival - self.window_start > WINDOW {
            self.window_start = self.arrival;
            self.delays = [None, self.delays[0]];
        }
        let delay = self.arrival - captured;
        self.delays[0] = Some(self.delays[0].map_or(delay, |shortest| shortest.min(delay)));
    }

    pub(super) fn packet(&mut self, rtp: u32, arrival: i128) {
        let before = self.rtp;
        let unwrapped = unwrap(before.unwrap_or(i128::from(rtp)), rtp);
        self.rtp = Some(unwrapped);
        if let Some(before) = before {
            let by_rtp = self.nanoseconds(unwrapped - before);
            if by_rtp < -SECOND || by_rtp > arrival - self.arrival + SECOND {
                // The sender began to count anew.
                self.report = None;
                self.is_believed = false;
                self.delays = [None; 2];
                self.shift = None;
            }
        }
        self.arrival = arrival;
        if let Some((ntp, rtp)) = self.early.take() {
            self.report(ntp, rtp);
        }
        self.note_delay();
    }

    /// When the newest packet was captured, by the sender's clock as it was at first.
    pub(super) fn capture(&self) -> Option<i128> {
        Some(self.report?.ntp_at(self.nanoseconds(self.rtp?)))
    }

    /// The same as the sender's clock shows it now.
    pub(super) fn ntp(&self) -> Option<i128> {
        Some(self.capture()? + self.set_by)
    }

    /// From capture to arrival, on the shortest way: compares only to other media.
    pub(super) fn delay(&self) -> Option<i128> {
        self.delays.into_iter().flatten().min()
    }

    pub(super) fn is_near(&self, distance: i128, farthest: i128) -> bool {
        let delay = self.delay();
        delay.is_some_and(|delay| (distance - delay).abs() <= farthest)
    }

    /// Forward at once, back only so fast that time still rises from packet to packet.
    pub(super) fn move_to(&mut self, told: Option<i128>, arrival: i128) -> i128 {
        self.is_believed = told.is_some();
        let time = told.unwrap_or(arrival);
        let Some(rtp) = self.rtp.map(|rtp| self.nanoseconds(rtp)) else {
            return time;
        };
        let elapsed = (rtp - self.placed).max(0);
        let wanted = time - rtp;
        let shift = match self.shift {
            Some(shift) => wanted.max(shift - elapsed / SLOWEST),
            None => wanted,
        };
        self.shift = Some(shift);
        self.placed = self.placed.max(rtp);
        rtp + shift
    }

    fn nanoseconds(&self, ticks: i128) -> i128 {
        ticks * SECOND / self.clock_rate
    }
}

/// The timestamp that is nearest to the one before.
fn unwrap(before: i128, rtp: u32) -> i128 {
    before + i128::from(rtp.wrapping_sub(before as u32) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i128 = SECOND / 1000;
    const DAY_ONE: i128 = 4_000_000_000 * SECOND;

    /// A sender whose packet of RTP time zero arrived at zero, with a true report of that.
    fn sender() -> Sender {
        let mut sender = Sender::new(7, 90_000);
        sender.packet(0, 0);
        sender.report(DAY_ONE, 0);
        sender
    }

    /// The timeline believes what the reports have told so far.
    fn believed() -> Sender {
        let mut sender = sender();
        sender.move_to(Some(0), 0);
        sender
    }

    /// Milliseconds since day one, by the sender's clock as it was at first.
    fn captured(sender: &mut Sender, ms: u32) -> i128 {
        sender.packet(ms * 90, i128::from(ms) * MS);
        (sender.capture().unwrap() - DAY_ONE) / MS
    }

    #[test]
    fn a_report_tells_when_packets_before_and_after_it_were_captured() {
        let mut sender = sender();
        assert_eq!(captured(&mut sender, 500), 500);
        sender.report(DAY_ONE + 1030 * MS, 1000 * 90);
        assert_eq!(captured(&mut sender, 900), 930);
        assert_eq!(captured(&mut sender, 2000), 2030);
    }

    #[test]
    fn a_report_that_comes_before_the_first_packet_counts() {
        let mut sender = Sender::new(7, 90_000);
        sender.report(DAY_ONE, 0);
        assert!(!sender.has_report());
        assert_eq!(captured(&mut sender, 20), 20);
    }

    #[test]
    fn timestamps_wrap_around() {
        let mut sender = Sender::new(7, 90_000);
        sender.packet(u32::MAX - 899, 0);
        sender.report(DAY_ONE, u32::MAX - 899);
        sender.packet(900, 20 * MS);
        assert_eq!(sender.capture(), Some(DAY_ONE + 20 * MS));
    }

    #[test]
    fn a_sender_that_knows_no_time_reports_nothing() {
        let mut sender = Sender::new(7, 90_000);
        sender.packet(0, 0);
        sender.report(0, 0);
        assert!(!sender.has_report());
    }

    #[test]
    fn one_report_that_does_not_fit_is_not_believed() {
        let mut sender = believed();
        sender.report(DAY_ONE + 1400 * MS, 1000 * 90);
        assert_eq!(captured(&mut sender, 1500), 1500);
        sender.report(DAY_ONE + 2000 * MS, 2000 * 90);
        assert_eq!(captured(&mut sender, 2500), 2500);
    }

    #[test]
    fn a_second_report_confirms_a_new_delay() {
        let mut sender = believed();
        sender.report(DAY_ONE + 1400 * MS, 1000 * 90);
        sender.report(DAY_ONE + 2400 * MS, 2000 * 90);
        assert_eq!(captured(&mut sender, 2500), 2900);
    }

    #[test]
    fn a_clock_that_is_set_moves_no_media() {
        let mut sender = believed();
        let hour = 3600 * SECOND;
        sender.report(DAY_ONE + hour + 1000 * MS, 1000 * 90);
        sender.report(DAY_ONE + hour + 2005 * MS, 2000 * 90);
        assert_eq!(captured(&mut sender, 2500), 2500);
        assert_eq!(sender.ntp(), Some(DAY_ONE + hour + 2505 * MS));
        sender.report(DAY_ONE + hour + 3005 * MS, 3000 * 90);
        assert_eq!(captured(&mut sender, 3500), 3500);
    }

    #[test]
    fn media_that_begins_to_count_anew_waits_for_a_new_report() {
        let mut sender = sender();
        assert_eq!(captured(&mut sender, 20), 20);
        sender.packet(4_000_000, 40 * MS);
        assert_eq!(sender.capture(), None);
        sender.report(DAY_ONE + 60 * MS, 4_001_800);
        assert_eq!(sender.capture(), Some(DAY_ONE + 40 * MS));
    }

    #[test]
    fn time_rises_while_media_moves_back() {
        let mut sender = sender();
        sender.move_to(Some(500 * MS), 0);
        let mut last = 500 * MS;
        for n in 1..400 {
            sender.packet(n * 20 * 90, i128::from(n) * 20 * MS);
            let time = sender.move_to(None, i128::from(n) * 20 * MS);
            assert!(
                time >= last + 18 * MS,
                "{} ms after the one before",
                (time - last) / MS
            );
            last = time;
        }
        assert_eq!(last, 399 * 20 * MS);
    }
}
