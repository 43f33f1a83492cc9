// SPDX-License-Identifier: MPL-2.0
//! The one timeline of all media of a session.
//!
//! A sender report says what the sender's wall clock showed at an RTP timestamp (RFC 3550, 6.4.1).
//! With one per medium, every frame of every medium has its time by that one clock, whenever it
//! arrives; the session then has one distance from the sender's clock to running time, which
//! follows the arrival of the medium that takes longest, slowly. So sound and picture are apart by
//! what the reports are wrong, and by nothing that encoders, networks and jitterbuffers do.
//!
//! This takes the place of rtpbin's own synchronisation (GStreamer 1.22), which measures each
//! medium's arrival anew with each report, holds on to media that have stopped, and takes reports
//! without a time for the truth.
//!
//! Times are nanoseconds; the wide type leaves no report that could make them overflow.

use super::sender::Sender;

const MS: i128 = 1_000_000;
pub(super) const SECOND: i128 = 1000 * MS;

/// No report moves media farther from its arrival: what is more is no delay but a broken clock.
const FARTHEST: i128 = SECOND;
/// Media that has been silent for so long has no say in where the timeline is.
const SILENCE: i128 = 2 * SECOND;
/// How fast the timeline follows a clock or a network that changes.
const SETTLING: i128 = 2 * SECOND;
/// It runs faster or slower by no more than this part meanwhile: nothing that is heard or seen.
const SLEW: i128 = 20;

/// All media of one session.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    senders: Vec<Sender>,
    /// Running time minus the sender's clock.
    distance: Option<i128>,
    /// The newest arrival, in running time.
    now: i128,
}

/// Where a packet belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// In running time.
    pub time: i128,
    /// When it was captured by the sender's clock, since 1900, if that is known.
    pub ntp: Option<i128>,
}

impl Timeline {
    /// A sender report of `ssrc`: `ntp` nanoseconds since 1900 is RTP timestamp `rtp`.
    pub(super) fn report(&mut self, ssrc: u32, clock_rate: u32, ntp: u64, rtp: u32) {
        let index = self.sender(ssrc, clock_rate);
        if let Some(sender) = self.senders.get_mut(index) {
            sender.report(i128::from(ntp), rtp);
        }
    }

    /// Whether reports tell the place of the media with this SSRC.
    pub(super) fn knows(&self, ssrc: u32) -> bool {
        let mut senders = self.senders.iter();
        senders.any(|sender| sender.ssrc == ssrc && sender.has_report())
    }

    /// A packet waits to be placed: its medium has a say from now on. Otherwise all that has waited
    /// of one medium would be placed before the first packet of another.
    pub(super) fn expect(&mut self, ssrc: u32, clock_rate: u32, rtp: u32, arrival: i128) {
        let index = self.sender(ssrc, clock_rate);
        if let Some(sender) = self.senders.get_mut(index) {
            sender.packet(rtp, arrival);
        }
        self.now = self.now.max(arrival);
    }

    /// The place of a packet that rtpjitterbuffer places at `arrival` in running time.
    pub(super) fn place(&mut self, ssrc: u32, clock_rate: u32, rtp: u32, arrival: i128) -> Place {
        let elapsed = (arrival - self.now).clamp(0, SECOND);
        self.now = self.now.max(arrival);
        let index = self.sender(ssrc, clock_rate);
        if let Some(sender) = self.senders.get_mut(index) {
            sender.packet(rtp, arrival);
        }
        self.follow(elapsed);
        let distance = self.distance;
        self.senders.get_mut(index).map_or(
            Place {
                time: arrival,
                ntp: None,
            },
            |sender| {
                let distance = distance.filter(|d| sender.is_near(*d, FARTHEST));
                let told = sender.capture().zip(distance).map(|(ntp, d)| ntp + d);
                Place {
                    time: sender.move_to(told, arrival),
                    ntp: sender.ntp(),
                }
            },
        )
    }

    fn sender(&mut self, ssrc: u32, clock_rate: u32) -> usize {
        let known = self.senders.iter().position(|s| s.ssrc == ssrc);
        let index = known.unwrap_or(self.senders.len());
        match self.senders.get_mut(index) {
            Some(sender) if sender.has_rate(clock_rate) => {}
            Some(sender) => *sender = Sender::new(ssrc, clock_rate),
            None => self.senders.push(Sender::new(ssrc, clock_rate)),
        }
        index
    }

    /// Moves the timeline towards where the medium that takes longest arrives, so that no frame is
    /// placed before it is there.
    fn follow(&mut self, elapsed: i128) {
        let speaks = |s: &&Sender| self.now - s.arrival() < SILENCE;
        let delays: Vec<i128> = self
            .senders
            .iter()
            .filter(speaks)
            .filter_map(Sender::delay)
            .collect();
        // Those that most of the others agree with: one broken clock moves nobody else.
        let agree = |longest: &i128| {
            let near = |d: &&i128| (0..=FARTHEST).contains(&(longest - **d));
            delays.iter().filter(near).count()
        };
        let Some(target) = delays.iter().copied().max_by_key(|d| (agree(d), *d)) else {
            return;
        };
        let distance = self.distance.get_or_insert(target);
        let error = target - *distance;
        if error.abs() > FARTHEST {
            *distance = target;
        } else {
            let most = elapsed / SLEW;
            *distance += (error * elapsed / SETTLING).clamp(-most, most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: u32 = 1;
    const PICTURE: u32 = 2;
    const DAY_ONE: u64 = 4_000_000_000_000_000_000;
    const HOUR: u64 = 3_600_000_000_000;

    /// Sound and picture of somebody, both with 1000 ticks in a second.
    struct Person {
        timeline: Timeline,
        /// How long each takes to arrive, in milliseconds.
        delays: [i128; 2],
    }

    impl Person {
        fn new(delays: [i128; 2]) -> Self {
            let mut timeline = Timeline::default();
            for (ssrc, delay) in [SOUND, PICTURE].into_iter().zip(delays) {
                timeline.expect(ssrc, 1000, 0, delay * MS);
            }
            Self { timeline, delays }
        }

        fn report(&mut self, ssrc: u32, ms: u32, ntp: u64) {
            self.timeline.report(ssrc, 1000, ntp, ms);
        }

        fn truth(&mut self, ms: u32) {
            for ssrc in [SOUND, PICTURE] {
                self.report(ssrc, ms, DAY_ONE + u64::from(ms) * 1_000_000);
            }
        }

        /// Where what was captured at `ms` is placed, in milliseconds.
        fn places(&mut self, ms: u32) -> [i128; 2] {
            [SOUND, PICTURE].map(|ssrc| {
                let arrival = (i128::from(ms) + self.delays[ssrc as usize - 1]) * MS;
                self.timeline.place(ssrc, 1000, ms, arrival).time / MS
            })
        }

        /// The last places of so many seconds of media, with what `each` reports each second.
        fn play(&mut self, seconds: u32, mut each: impl FnMut(&mut Self, u32)) -> [i128; 2] {
            let mut places = [0; 2];
            for ms in (0..=seconds * 1000).step_by(20) {
                if ms % 1000 == 500 {
                    each(self, ms);
                }
                places = self.places(ms);
            }
            places
        }
    }

    #[test]
    fn without_reports_arrival_decides() {
        let mut person = Person::new([0, 200]);
        assert_eq!(person.play(10, |_, _| {}), [10_000, 10_200]);
    }

    #[test]
    fn with_reports_sound_and_picture_are_together_where_the_later_one_arrives() {
        for delays in [[0, 200], [200, 0]] {
            let mut person = Person::new(delays);
            assert_eq!(person.play(10, Person::truth), [10_200, 10_200]);
        }
    }

    #[test]
    fn what_waits_is_together_from_its_first_packet() {
        let mut person = Person::new([0, 200]);
        person.truth(500);
        // All the sound that has waited, and then the first picture.
        for ms in (0..800).step_by(20) {
            let sound = person.timeline.place(SOUND, 1000, ms, i128::from(ms) * MS);
            assert_eq!(sound.time, (i128::from(ms) + 200) * MS);
        }
        let picture = person.timeline.place(PICTURE, 1000, 0, 200 * MS);
        assert_eq!(picture.time, 200 * MS);
    }

    #[test]
    fn media_that_takes_longer_and_comes_later_leaves_no_hole_in_the_other() {
        let mut person = Person::new([0, 200]);
        let mut last = [-20; 2];
        for ms in (0..20_000).step_by(20) {
            if ms % 1000 == 500 {
                let ntp = DAY_ONE + u64::from(ms) * 1_000_000;
                person.report(SOUND, ms, ntp);
                if ms > 2000 {
                    person.report(PICTURE, ms, ntp);
                }
            }
            let places = person.places(ms);
            assert!(
                (18..=22).contains(&(places[0] - last[0])),
                "{last:?} {places:?}"
            );
            assert!(
                places[1] > last[1] && places[1] <= last[1] + 220,
                "{last:?} {places:?}"
            );
            last = places;
        }
        assert!(last[0] == last[1] && last[0] > 20_170, "{last:?}");
    }

    #[test]
    fn media_that_stalls_stays_where_it_belongs() {
        let mut person = Person::new([0, 100]);
        assert_eq!(person.play(10, Person::truth), [10_100, 10_100]);
        for ms in (10_020..16_000).step_by(20) {
            if ms % 1000 == 500 {
                person.truth(ms);
            }
            // Pictures of three seconds come all at once, and rtpjitterbuffer begins anew.
            let late = if (11_000..14_000).contains(&ms) {
                14_000 - ms
            } else {
                0
            };
            let picture = i128::from(ms + late + 100) * MS;
            let place = person.timeline.place(PICTURE, 1000, ms, picture).time / MS;
            assert_eq!(place, i128::from(ms) + 100);
            let sound = person.timeline.place(SOUND, 1000, ms, i128::from(ms) * MS);
            assert_eq!(sound.time / MS, i128::from(ms) + 100);
        }
    }

    #[test]
    fn a_report_of_one_medium_moves_neither() {
        let mut person = Person::new([0, 200]);
        let sound_only = |person: &mut Person, ms: u32| {
            person.report(SOUND, ms, DAY_ONE + u64::from(ms) * 1_000_000);
        };
        assert_eq!(person.play(10, sound_only), [10_000, 10_200]);
    }

    #[test]
    fn reports_that_are_hours_apart_move_nothing() {
        for (sound, picture) in [(HOUR, 0), (0, HOUR)] {
            let mut person = Person::new([0, 30]);
            let places = person.play(10, |person, ms| {
                let true_time = DAY_ONE + u64::from(ms) * 1_000_000;
                person.report(SOUND, ms, true_time + sound);
                person.report(PICTURE, ms, true_time + picture);
            });
            assert_eq!(places, [10_000, 10_030]);
        }
    }

    #[test]
    fn a_sender_that_sets_its_clock_stays_together() {
        let mut person = Person::new([0, 200]);
        let places = person.play(20, |person, ms| {
            let set_by = if ms > 10_000 { HOUR } else { 0 };
            // The report of the sound is of the old time once more.
            let sound_set_by = if ms > 11_000 { HOUR } else { 0 };
            let true_time = DAY_ONE + u64::from(ms) * 1_000_000;
            person.report(SOUND, ms, true_time + sound_set_by);
            person.report(PICTURE, ms, true_time + set_by);
        });
        assert_eq!(places, [20_200, 20_200]);
    }

    #[test]
    fn any_report_leaves_media_within_a_second_of_its_arrival() {
        for ntp in [0, 1, SECOND as u64, u64::MAX, 1 << 63] {
            let mut person = Person::new([0, 0]);
            for ms in (0..5000).step_by(20) {
                person.report(SOUND, ms, ntp.wrapping_add(u64::from(ms) * 1_000_000));
                person.report(PICTURE, ms.wrapping_mul(77), ntp);
                for place in person.places(ms) {
                    assert!(
                        (place - i128::from(ms)).abs() <= 1000,
                        "{ntp}: {place} at {ms}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_fast_clock_is_followed() {
        let mut timeline = Timeline::default();
        let mut apart = 0;
        for n in 0..600i128 * 50 {
            // 200 ppm: after ten minutes the sender has counted 120 ms more.
            let rtp = n as u32 * 20;
            let arrival = n * 20 * MS * 1_000_000 / 1_000_200;
            if n % 250 == 0 {
                let ntp = DAY_ONE + u64::from(rtp) * 1_000_000;
                timeline.report(SOUND, 1000, ntp, rtp);
            }
            let place = timeline.place(SOUND, 1000, rtp, arrival).time;
            apart = place - arrival;
            assert!(apart.abs() <= 2 * MS, "{apart} ns after {n} packets");
        }
        assert!(apart >= 0);
    }

    #[test]
    fn media_that_has_stopped_holds_nobody_back() {
        let mut person = Person::new([0, 300]);
        person.play(5, Person::truth);
        let mut place = 0;
        for ms in (5020..30_000).step_by(20) {
            place = person
                .timeline
                .place(SOUND, 1000, ms, i128::from(ms) * MS)
                .time
                / MS;
        }
        assert!((29_980..29_985).contains(&place), "{place}");
    }
}
