// SPDX-License-Identifier: MPL-2.0
//! The mapping of one RTP stream to its sender's clock, by sender reports, and to running time.

use super::arrivals::{Arrivals, Packet};
use super::course::Course;
use super::line::{Basis, Line};
use super::units::{MS, SECOND};

/// What two reports may disagree by: the accuracy of a report, and of a crystal.
const INACCURACY: i128 = 40 * MS;
const WORST_CRYSTAL: i128 = 200;
/// What a report and the arrivals may disagree by that tell of the same stall.
const SAME_STALL: i128 = 150 * MS;
/// A larger step, while packets arrive as ever, is no new delay: the sender's clock was set.
const CLOCK_WAS_SET: i128 = SECOND;

#[derive(Debug)]
pub(crate) struct Sender {
    pub ssrc: u32,
    pub arrivals: Arrivals,
    /// The sender's clock as it was at first, minus RTP time.
    report: Option<Report>,
    /// A report that the one before does not fit; the next one decides.
    doubtful: Option<Report>,
    /// Came before the first packet.
    early: Option<(i128, u32)>,
    /// What the sender's clock was set forward by since the first report.
    set_by: i128,
    /// What arrivals alone have told of a stall, until a report confirms it.
    assumed: Option<i128>,
    /// Running time minus RTP time where only arrivals tell; follows the lag.
    pub own_shift: Option<i128>,
    /// How what went out last was placed, as far as lines have been given back.
    pub course: Course,
    /// What the place depends on that was told last, as long as it holds.
    pub basis: Option<Basis>,
}

/// Nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Report {
    /// NTP time without the steps of the sender's clock, minus RTP time.
    offset: i128,
    /// RTP time.
    time: i128,
}

impl Report {
    fn fits(&self, later: &Report) -> bool {
        let tolerance = INACCURACY + (later.time - self.time).abs() / WORST_CRYSTAL;
        (later.offset - self.offset).abs() <= tolerance
    }

    /// rtpjitterbuffer (from 1.26 on) tells of the same report again if there is none newer.
    fn is_confirmed_by(&self, later: &Report) -> bool {
        later.time != self.time && self.fits(later)
    }
}

impl Sender {
    pub(crate) fn new(ssrc: u32, clock_rate: u32) -> Self {
        let arrivals = Arrivals::new(clock_rate);
        Self {
            ssrc,
            course: Course::new(arrivals.is_video()),
            arrivals,
            report: None,
            doubtful: None,
            early: None,
            set_by: 0,
            assumed: None,
            own_shift: None,
            basis: None,
        }
    }

    pub(crate) fn has_report(&self) -> bool {
        self.report.is_some()
    }

    pub(crate) fn is_placed(&self) -> bool {
        self.course.is_placed()
    }

    pub(crate) fn is_believed(&self) -> bool {
        self.course.is_believed()
    }

    /// A packet has arrived.
    pub(crate) fn note(&mut self, packet: Packet) {
        self.arrivals.note(packet, self.course.is_placed());
        if let Some((ntp, rtp)) = self.early.take() {
            self.report(ntp, rtp, |_| false);
        }
    }

    /// `others_step` says whether other media of this sender have just been reported to be as far
    /// from where they were. Returns what the sender has stalled for, if the report tells of that.
    pub(crate) fn report(
        &mut self,
        ntp: i128,
        rtp: u32,
        others_step: impl Fn(i128) -> bool,
    ) -> Option<i128> {
        if ntp < SECOND {
            // RFC 3550, 6.4.1: a sender that knows no time says zero.
            return None;
        }
        let Some(time) = self.arrivals.time(rtp) else {
            self.early = Some((ntp, rtp));
            return None;
        };
        let offset = ntp - self.set_by - time;
        let new = Report { offset, time };
        let Some(old) = self.report.filter(|_| self.is_believed()) else {
            let offset = ntp - time;
            self.set_by = 0;
            self.accept(Report { offset, time });
            return None;
        };
        let step = new.offset - old.offset;
        if old.fits(&new) {
            // The packets are late, their content is not.
            let stall = self.arrivals.stall();
            if stall.is_some_and(|stall| stall.time <= time) {
                self.arrivals.forget_stall();
            }
            self.accept(new);
        } else if self.is_stall(step) {
            let stall = self.arrivals.stall().filter(|_| step > 0);
            self.course.resumes_at = stall.map(|stall| stall.time);
            if stall.is_some() {
                self.arrivals.begin_lags_anew();
            }
            self.accept(new);
            return stall.map(|_| step);
        } else if self
            .doubtful
            .is_some_and(|doubtful| doubtful.is_confirmed_by(&new))
        {
            if step.abs() > CLOCK_WAS_SET || others_step(step) {
                // All media of the sender step, each with its next report: none may move.
                self.set_by += step;
                self.doubtful = None;
            } else {
                self.accept(new);
            }
        } else {
            self.doubtful = Some(new);
        }
        None
    }

    fn accept(&mut self, report: Report) {
        self.report = Some(report);
        self.doubtful = None;
        self.assumed = None;
    }

    /// Whether arrivals say the same as a report that is this far from the one before.
    fn is_stall(&self, step: i128) -> bool {
        let is_that = |excess: i128| (excess - step).abs() < SAME_STALL && step > 0;
        let stall = self.arrivals.stall();
        let excess = stall.and_then(|stall| self.arrivals.excess_since(stall.since));
        // Or what was taken for a stall was none.
        let was_none = |assumed: i128| (assumed + step).abs() < SAME_STALL;
        excess.is_some_and(is_that) || self.assumed.is_some_and(was_none)
    }

    /// Whether the newest report that does not fit is this far from those before.
    pub(crate) fn may_step(&self, by: i128) -> bool {
        let step = self.doubtful.zip(self.report);
        step.is_some_and(|(new, old)| (new.offset - old.offset - by).abs() < 2 * INACCURACY)
    }

    /// Arrivals show that the sender has neither captured nor counted for this long.
    pub(crate) fn resume(&mut self, after: i128) {
        let stall = self.arrivals.stall();
        if let Some(report) = &mut self.report {
            report.offset += after;
        }
        if let Some(shift) = &mut self.own_shift {
            *shift += after;
        }
        self.assumed = Some(after);
        self.course.resumes_at = stall.map(|stall| stall.time);
        self.arrivals.begin_lags_anew();
    }

    /// Another medium is reported to have stalled for this long.
    pub(crate) fn join(&mut self, stalled: i128) {
        let stall = self.arrivals.stall();
        let excess = stall.and_then(|stall| self.arrivals.excess_since(stall.since));
        if let Some(excess) = excess.filter(|excess| (excess - stalled).abs() < SAME_STALL) {
            self.resume(excess);
        }
    }

    /// The sender's clock as it was at first, minus RTP time.
    pub(crate) fn offset(&self) -> Option<i128> {
        Some(self.report?.offset)
    }

    /// From capture to arrival, on the shortest way: compares only to other media.
    pub(crate) fn delay(&self) -> Option<i128> {
        Some(self.arrivals.lag()? - self.report?.offset)
    }

    /// The sender's clock as it is now, minus RTP time.
    pub(crate) fn clock(&self) -> Option<i128> {
        Some(self.report?.offset + self.set_by)
    }

    /// The distance from the sender's clock to running time at which this medium stays in place.
    pub(crate) fn distance(&self) -> Option<i128> {
        Some(self.course.shift()? - self.report?.offset)
    }

    /// A packet of this timestamp has been placed: what its track may place the next ones by, as long
    /// as nothing changes. None while the medium does more than drift, and until a leap is over.
    pub(crate) fn line(&mut self, basis: Basis, rtp: u32) -> Option<Line> {
        self.basis = Some(basis);
        let count = self.arrivals.counted(rtp)?;
        let is_calm = self.course.is_calm(basis.wanted);
        is_calm.then(|| Line::new(count, basis, self.course))
    }

    /// A track gives back what it has placed by. A sender that counts at another rate since then has
    /// placed nothing.
    pub(crate) fn take_back(&mut self, line: &Line) {
        if self.is_placed() {
            self.course.catch_up(line.course());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_ONE: i128 = 4_000_000_000 * SECOND;

    struct Camera(Sender, u16);

    impl Camera {
        fn new() -> Self {
            Self(Sender::new(7, 90_000), 0)
        }

        /// A camera whose frame of RTP time zero arrived at zero, with a true report of that, which
        /// the timeline believes.
        fn believed() -> Self {
            let mut camera = Self::new();
            camera.arrive(0, 0);
            camera.report(0, 0);
            camera.0.course.move_to(0, 0, true);
            camera
        }

        fn arrive(&mut self, rtp: u32, ms: i128) {
            self.1 = self.1.wrapping_add(1);
            self.0.note(Packet {
                seqnum: self.1,
                rtp,
                arrival: ms * MS,
            });
        }

        /// That the sender's clock showed so many milliseconds since day one at this RTP time.
        fn report(&mut self, ms: i128, rtp: u32) {
            self.0.report(DAY_ONE + ms * MS, rtp, |_| false);
        }

        /// Milliseconds since day one of a frame, by the sender's clock as it was at first.
        fn captured(&mut self, ms: u32) -> i128 {
            self.arrive(ms * 90, i128::from(ms));
            let time = self.0.arrivals.time(ms * 90).unwrap();
            (time + self.0.offset().unwrap() - DAY_ONE) / MS
        }

        /// What the sender's clock showed at this RTP timestamp.
        fn shows(&self, rtp: u32) -> i128 {
            self.0.arrivals.time(rtp).unwrap() + self.0.clock().unwrap()
        }
    }

    #[test]
    fn a_report_tells_when_packets_before_and_after_it_were_captured() {
        let mut camera = Camera::believed();
        assert_eq!(camera.captured(500), 500);
        camera.report(1030, 1000 * 90);
        assert_eq!(camera.captured(900), 930);
        assert_eq!(camera.captured(2000), 2030);
    }

    #[test]
    fn a_report_that_comes_before_the_first_packet_counts() {
        let mut camera = Camera::new();
        camera.report(0, 0);
        assert!(!camera.0.has_report());
        assert_eq!(camera.captured(20), 20);
    }

    #[test]
    fn timestamps_wrap_around() {
        let mut camera = Camera::new();
        camera.arrive(u32::MAX - 899, 0);
        camera.report(0, u32::MAX - 899);
        camera.arrive(900, 20);
        assert_eq!(camera.shows(900), DAY_ONE + 20 * MS);
    }

    #[test]
    fn a_sender_that_knows_no_time_reports_nothing() {
        let mut sender = Sender::new(7, 90_000);
        sender.note(Packet {
            seqnum: 0,
            rtp: 0,
            arrival: 0,
        });
        sender.report(0, 0, |_| false);
        assert!(!sender.has_report());
    }

    #[test]
    fn one_report_that_does_not_fit_is_not_believed() {
        let mut camera = Camera::believed();
        camera.report(1400, 1000 * 90);
        assert_eq!(camera.captured(1500), 1500);
        camera.report(2000, 2000 * 90);
        assert_eq!(camera.captured(2500), 2500);
    }

    #[test]
    fn the_same_report_again_confirms_nothing() {
        let mut camera = Camera::believed();
        camera.report(1400, 1000 * 90);
        camera.report(1400, 1000 * 90);
        assert_eq!(camera.captured(1500), 1500);
    }

    #[test]
    fn a_second_report_confirms_a_new_delay() {
        let mut camera = Camera::believed();
        camera.report(1400, 1000 * 90);
        camera.report(2400, 2000 * 90);
        assert_eq!(camera.captured(2500), 2900);
    }

    #[test]
    fn a_clock_that_is_set_moves_no_media() {
        let mut camera = Camera::believed();
        const HOUR: i128 = 3_600_000;
        camera.report(HOUR + 1000, 1000 * 90);
        camera.report(HOUR + 2005, 2000 * 90);
        assert_eq!(camera.captured(2500), 2500);
        assert_eq!(camera.shows(2500 * 90), DAY_ONE + (HOUR + 2505) * MS);
        camera.report(HOUR + 3005, 3000 * 90);
        assert_eq!(camera.captured(3500), 3500);
    }

    #[test]
    fn one_report_that_agrees_with_late_arrivals_tells_of_a_stall() {
        let mut camera = Camera::believed();
        for frame in 1..30 {
            camera.arrive(frame * 40 * 90, i128::from(frame) * 40 + 600);
        }
        camera.report(1760, 1160 * 90);
        assert_eq!(camera.shows(1200 * 90), DAY_ONE + 1800 * MS);
    }
}
