// SPDX-License-Identifier: MPL-2.0
//! What sender reports say, true or not, and where media is by them.

use super::super::*;

const AUDIO: u32 = 1;
const VIDEO: u32 = 2;
const DAY_ONE: u64 = 4_000_000_000_000_000_000;
const HOUR: u64 = 3_600_000_000_000;

fn rate(ssrc: u32) -> u32 {
    match ssrc {
        AUDIO => 48_000,
        _ => 90_000,
    }
}

/// Audio and video of one publisher.
struct Person {
    timeline: Timeline,
    seqnums: [u16; 2],
    /// How long each takes to arrive, in milliseconds.
    delays: [i128; 2],
}

impl Person {
    fn new(delays: [i128; 2]) -> Self {
        let mut person = Self {
            timeline: Timeline::default(),
            seqnums: [0; 2],
            delays,
        };
        for ssrc in [AUDIO, VIDEO] {
            let packet = person.packet(ssrc, 0, delays[ssrc as usize - 1]);
            person.timeline.expect(ssrc, rate(ssrc), packet);
        }
        person
    }

    fn packet(&mut self, ssrc: u32, ms: u32, arrival: i128) -> Packet {
        let seqnum = &mut self.seqnums[ssrc as usize - 1];
        *seqnum = seqnum.wrapping_add(1);
        Packet {
            seqnum: *seqnum,
            rtp: ms.wrapping_mul(rate(ssrc) / 1000),
            arrival: arrival * MS,
        }
    }

    /// Where a packet that arrives then is placed, in milliseconds.
    fn place(&mut self, ssrc: u32, ms: u32, arrival: i128) -> i128 {
        let packet = self.packet(ssrc, ms, arrival);
        self.timeline.arrive(ssrc, packet);
        let place = self.timeline.place(ssrc, rate(ssrc), packet);
        place.time.unwrap().div_euclid(MS)
    }

    fn report(&mut self, ssrc: u32, ms: u32, ntp: u64) {
        let rtp = ms.wrapping_mul(rate(ssrc) / 1000);
        self.timeline.report(ssrc, rate(ssrc), ntp, rtp);
    }

    fn truth(&mut self, ms: u32) {
        for ssrc in [AUDIO, VIDEO] {
            self.report(ssrc, ms, DAY_ONE + u64::from(ms) * 1_000_000);
        }
    }

    /// Where what was captured at `ms` is placed, in milliseconds.
    fn places(&mut self, ms: u32) -> [i128; 2] {
        [AUDIO, VIDEO].map(|ssrc| {
            let arrival = i128::from(ms) + self.delays[ssrc as usize - 1];
            self.place(ssrc, ms, arrival)
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
fn with_reports_audio_and_video_are_together_where_the_later_one_arrives() {
    for delays in [[0, 200], [200, 0]] {
        let mut person = Person::new(delays);
        person.truth(0);
        assert_eq!(person.play(10, Person::truth), [10_200, 10_200]);
    }
}

#[test]
fn what_waits_is_together_from_its_first_packet() {
    let mut person = Person::new([0, 200]);
    person.truth(500);
    // All the audio that has waited, and then the first frame.
    for ms in (0..800).step_by(20) {
        let audio = person.place(AUDIO, ms, i128::from(ms));
        assert_eq!(audio, i128::from(ms) + 200);
    }
    assert_eq!(person.place(VIDEO, 0, 200), 200);
}

#[test]
fn media_that_takes_longer_and_comes_later_leaves_no_hole_in_the_other() {
    let mut person = Person::new([0, 200]);
    let mut last = [-20; 2];
    for ms in (0..20_000).step_by(20) {
        if ms % 1000 == 500 {
            let ntp = DAY_ONE + u64::from(ms) * 1_000_000;
            person.report(AUDIO, ms, ntp);
            if ms > 2000 {
                person.report(VIDEO, ms, ntp);
            }
        }
        let places = person.places(ms);
        assert!(
            (19..=21).contains(&(places[0] - last[0])),
            "{last:?} {places:?}"
        );
        assert!(
            places[1] > last[1] && places[1] <= last[1] + 220,
            "{last:?} {places:?}"
        );
        last = places;
    }
    assert!(last[0] == last[1] && last[0] > 19_985, "{last:?}");
}

#[test]
fn media_that_stalls_stays_where_it_belongs() {
    let mut person = Person::new([0, 100]);
    person.truth(0);
    assert_eq!(person.play(10, Person::truth), [10_100, 10_100]);
    for ms in (10_020..16_000).step_by(20) {
        if ms % 1000 == 500 {
            person.truth(ms);
        }
        // Frames of three seconds come all at once.
        let late = if (11_000..14_000).contains(&ms) {
            14_000 - ms
        } else {
            0
        };
        let video = i128::from(ms + late + 100);
        assert_eq!(person.place(VIDEO, ms, video), i128::from(ms) + 100);
        let audio = person.place(AUDIO, ms, i128::from(ms));
        assert_eq!(audio, i128::from(ms) + 100);
    }
}

#[test]
fn a_report_of_one_medium_moves_neither() {
    let mut person = Person::new([0, 200]);
    let audio_only = |person: &mut Person, ms: u32| {
        person.report(AUDIO, ms, DAY_ONE + u64::from(ms) * 1_000_000);
    };
    assert_eq!(person.play(10, audio_only), [10_000, 10_200]);
}

#[test]
fn reports_that_are_hours_apart_move_nothing() {
    for (audio, video) in [(HOUR, 0), (0, HOUR)] {
        let mut person = Person::new([0, 30]);
        let places = person.play(10, |person, ms| {
            let true_time = DAY_ONE + u64::from(ms) * 1_000_000;
            person.report(AUDIO, ms, true_time + audio);
            person.report(VIDEO, ms, true_time + video);
        });
        assert_eq!(places, [10_000, 10_030]);
    }
}

#[test]
fn a_sender_that_sets_its_clock_stays_together() {
    let mut person = Person::new([0, 200]);
    person.truth(0);
    let places = person.play(20, |person, ms| {
        let set_by = if ms > 10_000 { HOUR } else { 0 };
        // The report of the audio is of the old time once more.
        let audio_set_by = if ms > 11_000 { HOUR } else { 0 };
        let true_time = DAY_ONE + u64::from(ms) * 1_000_000;
        person.report(AUDIO, ms, true_time + audio_set_by);
        person.report(VIDEO, ms, true_time + set_by);
    });
    assert_eq!(places, [20_200, 20_200]);
}

#[test]
fn any_report_leaves_media_within_a_second_of_its_arrival() {
    for ntp in [0, 1, SECOND as u64, u64::MAX, 1 << 63] {
        let mut person = Person::new([0, 0]);
        for ms in (0..5000).step_by(20) {
            person.report(AUDIO, ms, ntp.wrapping_add(u64::from(ms) * 1_000_000));
            person.report(VIDEO, ms.wrapping_mul(77), ntp);
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
    // After ten minutes the first has counted 120 ms more; the second is no crystal.
    for (ppm, most) in [(200, 2), (2000, 42)] {
        let mut person = Person::new([0, 0]);
        for n in 0..600_i128 * 50 {
            let ms = n as u32 * 20;
            let arrival = n * 20 * MS * 1_000_000 / (1_000_000 + ppm);
            if n % 250 == 0 {
                let ntp = DAY_ONE + u64::from(ms) * 1_000_000;
                person.report(AUDIO, ms, ntp);
            }
            let packet = Packet {
                arrival,
                ..person.packet(AUDIO, ms, 0)
            };
            person.timeline.arrive(AUDIO, packet);
            let place = person.timeline.place(AUDIO, 48_000, packet);
            let apart = place.time.unwrap() - arrival;
            assert!(apart.abs() <= most * MS, "{apart} ns after {n} packets");
        }
    }
}

#[test]
fn media_that_has_stopped_holds_nobody_back() {
    let mut person = Person::new([0, 300]);
    person.play(5, Person::truth);
    let mut place = 0;
    for ms in (5020..200_000).step_by(20) {
        place = person.place(AUDIO, ms, i128::from(ms));
    }
    assert!((199_980..199_985).contains(&place), "{place}");
}
