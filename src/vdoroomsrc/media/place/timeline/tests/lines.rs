// SPDX-License-Identifier: MPL-2.0
//! Tracks that place by what they remember, beside a timeline that is asked for each frame.

use super::super::*;
use crate::vdoroomsrc::media::place::memory::Memory;

const AUDIO: usize = 0;
const VIDEO: usize = 1;
const RATES: [u32; 2] = [48_000, 90_000];
const DAY_ONE: i128 = 4_000_000_000 * SECOND;

/// Twice what a line tolerates, since both the line and what it follows may have moved, and a little.
const SAME: i128 = MS / 4;

/// Audio and video of one sender, given to two timelines.
#[derive(Default)]
struct Both {
    asked: Timeline,
    /// RTP timestamp and place of the frame for which it was asked last.
    answers: [Option<(u32, Place)>; 2],
    remembered: Timeline,
    tracks: [Memory; 2],
    seqnums: [u16; 2],
    /// How often tracks have asked.
    asks: [u32; 2],
}

impl Both {
    fn arrives(&mut self, medium: usize, rtp: u32, at: i128) -> Packet {
        let seqnum = &mut self.seqnums[medium];
        *seqnum = seqnum.wrapping_add(1);
        let packet = Packet {
            seqnum: *seqnum,
            rtp,
            arrival: at,
        };
        for timeline in [&mut self.asked, &mut self.remembered] {
            timeline.arrive(medium as u32, packet);
        }
        packet
    }

    /// Both places of a packet.
    fn places(&mut self, medium: usize, packet: Packet) -> [Place; 2] {
        let (ssrc, rate) = (medium as u32, RATES[medium]);
        let (track, timeline) = (&mut self.tracks[medium], &mut self.remembered);
        let known = track.place(timeline.generation(), packet.rtp);
        self.asks[medium] += u32::from(known.is_none());
        let place = known.unwrap_or_else(|| {
            let line = track.take_line();
            track.keep(packet.rtp, timeline.answer(ssrc, rate, packet, line))
        });
        let before = self.answers[medium].filter(|(rtp, _)| *rtp == packet.rtp);
        let asked = match before {
            Some((_, asked)) => asked,
            None => self.asked.place(ssrc, rate, packet),
        };
        self.answers[medium] = Some((packet.rtp, asked));
        [asked, place]
    }

    /// That the sender's clock showed so many milliseconds since day one at this RTP timestamp.
    fn report(&mut self, medium: usize, ms: i128, rtp: u32) {
        for timeline in [&mut self.asked, &mut self.remembered] {
            let ntp = (DAY_ONE + ms * MS) as u64;
            timeline.report(medium as u32, RATES[medium], ntp, rtp);
        }
    }
}

#[track_caller]
fn assert_same([asked, remembered]: [Place; 2], what: &str) {
    let apart = |one: Option<i128>, other: Option<i128>| match (one, other) {
        (Some(one), Some(other)) => (one - other).abs(),
        (None, None) => 0,
        _ => i128::MAX,
    };
    let places = format!("{what}: {asked:?}, {remembered:?}");
    assert!(apart(asked.time, remembered.time) <= SAME, "{places}");
    assert_eq!(asked.ntp, remembered.ntp, "{places}");
}

/// What the way takes, by medium and time; both in milliseconds, as a fraction of ten thousand.
type Way = fn(usize, u32) -> i128;

/// A minute of audio, and of video with three packets in a frame; a report of each every two seconds.
fn play(way: Way) -> Both {
    let mut both = Both::default();
    for ms in 0..60_000_u32 {
        for (medium, step, packets) in [(AUDIO, 20, 1), (VIDEO, 40, 3)] {
            let rtp = ms.wrapping_mul(RATES[medium] / 1000);
            if ms % step == 0 {
                for _ in 0..packets {
                    let at = i128::from(ms) * MS + way(medium, ms) * MS / 10_000;
                    let packet = both.arrives(medium, rtp, at);
                    let places = both.places(medium, packet);
                    assert_same(places, &format!("{medium} at {ms} ms"));
                }
            }
            if ms % 2000 == 1990 {
                both.report(medium, ms.into(), rtp);
            }
        }
    }
    both
}

#[test]
fn what_tracks_remember_is_where_packets_belong() {
    let ways: [Way; 5] = [
        |medium, _| [300_000, 1_000_000][medium],
        // Some jitter, and a way that becomes longer, or shorter.
        |_, ms| 300_000 + i128::from(ms / 20 * 7919 % 200) * 1000,
        |_, ms| if ms < 20_000 { 300_000 } else { 3_300_000 },
        |_, ms| if ms < 20_000 { 9_300_000 } else { 300_000 },
        // A clock that is too slow by 150 ppm.
        |_, ms| 300_000 + i128::from(ms) * 3 / 2,
    ];
    for way in ways {
        play(way);
    }
}

#[test]
fn a_track_asks_at_reports_and_hardly_ever_else() {
    let Both { asks, .. } = play(|_, _| 300_000);
    // Of 3000 packets, and of 4500. There are 60 reports, two at a time.
    assert!(asks.iter().all(|asks| (30..40).contains(asks)), "{asks:?}");
}

#[test]
fn all_tracks_ask_again_once_a_place_has_changed() {
    let mut both = play(|_, _| 300_000);
    let next = |both: &mut Both, medium: usize, rtp: u32, ms: i128| {
        let packet = both.arrives(medium, rtp, (ms + 30) * MS);
        let places = both.places(medium, packet);
        assert_same(places, &format!("{medium} at {ms} ms"));
        places[1].time
    };
    next(&mut both, AUDIO, 60_000 * 48, 60_000);
    next(&mut both, VIDEO, 60_000 * 90, 60_000);
    let asks = both.asks;
    let audio = next(&mut both, AUDIO, 60_020 * 48, 60_020);
    next(&mut both, VIDEO, 60_040 * 90, 60_040);
    assert_eq!(both.asks, asks, "nothing has happened");
    // It counts from elsewhere on, and its capture continues.
    let leapt = next(&mut both, AUDIO, 7, 60_040);
    let step = leapt.zip(audio).map_or(0, |(leapt, audio)| leapt - audio);
    assert!((step - 20 * MS).abs() <= SAME, "{step}");
    next(&mut both, VIDEO, 60_080 * 90, 60_080);
    assert_eq!(both.asks, [asks[AUDIO] + 1, asks[VIDEO] + 1]);
    // A frame that was sent again.
    for _ in 0..2 {
        assert_eq!(next(&mut both, VIDEO, 57_000 * 90, 60_090), None);
    }
    assert!(next(&mut both, VIDEO, 60_120 * 90, 60_120).is_some());
}
