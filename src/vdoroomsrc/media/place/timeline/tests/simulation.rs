// SPDX-License-Identifier: MPL-2.0
//! A sender, its network and rtpjitterbuffer in virtual time, and what becomes of the times of what
//! it captured. All times are milliseconds since it began to capture.

use super::super::{MS, Packet, Timeline};
use crate::vdoroomsrc::media::place::memory::Memory;

const DAY_ONE: i128 = 4_000_000_000_000 * MS;
/// Pads wait so long for reports.
const PATIENCE: f64 = 700.0;
pub(crate) const AUDIO: usize = 0;
pub(crate) const VIDEO: usize = 1;
const RATES: [u32; 2] = [48_000, 90_000];
const STEPS: [f64; 2] = [20.0, 1000.0 / 30.0];

/// A medium captures nothing for a while.
#[derive(Clone, Copy)]
pub(crate) struct Stall {
    pub medium: usize,
    pub at: f64,
    pub lasts: f64,
    /// RTP time rests meanwhile: the sender counts samples.
    pub counts_samples: bool,
}

pub(crate) type Reports = Box<dyn Fn(usize, f64) -> Option<f64>>;

pub(crate) struct Scene {
    pub lasts: f64,
    /// Running time of the receiver when the sender begins to capture.
    pub begins_at: f64,
    /// The connection opens; what has been captured before waits for it.
    pub opens: f64,
    /// What the way takes at this time.
    pub way: Box<dyn Fn(f64) -> f64>,
    pub jitter: f64,
    /// How long rtpjitterbuffer and pads that wait keep each packet.
    pub held: [f64; 2],
    /// What encoders take.
    pub encoders: [f64; 2],
    pub stalls: Vec<Stall>,
    /// RTP time leaps by so many ticks then.
    pub leaps: Vec<(usize, f64, u32)>,
    /// What the sender's clock shows at a report of this time; none is sent otherwise.
    pub reports: Reports,
    pub first_report: f64,
    /// Between two.
    pub report_interval: f64,
    /// Frames that are sent again then, with the time that they had so long before: when, and how long.
    pub again: Vec<(f64, f64)>,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            lasts: 30_000.0,
            begins_at: 10_000.0,
            opens: 0.0,
            way: Box::new(|_| 30.0),
            jitter: 0.0,
            held: [0.0; 2],
            encoders: [5.0, 30.0],
            stalls: vec![],
            leaps: vec![],
            reports: Box::new(|_, at| Some(at)),
            first_report: 500.0,
            report_interval: 5000.0,
            again: vec![],
        }
    }
}

/// Where something captured was placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub captured: f64,
    /// None if it was left out.
    pub at: Option<f64>,
}

impl Placed {
    /// From capture to where it was placed.
    pub(crate) fn offset(&self) -> Option<f64> {
        Some(self.at? - self.captured)
    }
}

enum What {
    Media {
        medium: usize,
        seqnum: u16,
        rtp: u32,
        captured: f64,
    },
    Report {
        medium: usize,
        rtp: u32,
        ntp: f64,
    },
}

impl Scene {
    fn stalls_at(&self, medium: usize, at: f64) -> bool {
        let mut stalls = self.stalls.iter();
        stalls.any(|s| s.medium == medium && (s.at..s.at + s.lasts).contains(&at))
    }

    fn rtp(&self, medium: usize, at: f64) -> u32 {
        let stalls = self.stalls.iter();
        let rested: f64 = stalls
            .filter(|s| s.medium == medium && s.counts_samples && s.at <= at)
            .map(|s| s.lasts.min(at - s.at))
            .sum();
        let ticks = (at - rested) * f64::from(RATES[medium]) / 1000.0;
        let leaps = self
            .leaps
            .iter()
            .filter(|(of, when, _)| *of == medium && *when <= at);
        let leaps = leaps.fold(0_u32, |sum, (_, _, by)| sum.wrapping_add(*by));
        // Near the end of the counter.
        ((ticks.round() as i64 - 200_000) as u32).wrapping_add(leaps)
    }

    /// All that arrives, in order.
    fn arrivals(&self) -> Vec<(f64, What)> {
        let mut random = 1_u64;
        let mut chance = || {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) as f64 / f64::from(1_u32 << 31)
        };
        let mut sent: Vec<(f64, What)> = vec![];
        for medium in [AUDIO, VIDEO] {
            let mut seqnum = 65_500_u16;
            let send = |seqnum: &mut u16, sent: &mut Vec<_>, at: f64, captured: f64| {
                let rtp = self.rtp(medium, captured);
                let what = What::Media {
                    medium,
                    seqnum: *seqnum,
                    rtp,
                    captured,
                };
                *seqnum = seqnum.wrapping_add(1);
                sent.push(((at + self.encoders[medium]).max(self.opens), what));
            };
            let mut again = self.again.iter().filter(|_| medium == VIDEO).peekable();
            for n in 0.. {
                let captured = f64::from(n) * STEPS[medium];
                if captured > self.lasts {
                    break;
                }
                if let Some((at, age)) = again.next_if(|(at, _)| *at <= captured) {
                    send(&mut seqnum, &mut sent, captured, at - age);
                }
                if !self.stalls_at(medium, captured) {
                    send(&mut seqnum, &mut sent, captured, captured);
                }
            }
            let mut at = self.opens + self.first_report;
            while at < self.lasts {
                if let Some(ntp) = (self.reports)(medium, at)
                    && !self.stalls_at(medium, at)
                {
                    let rtp = self.rtp(medium, at);
                    sent.push((at, What::Report { medium, rtp, ntp }));
                }
                at += self.report_interval;
            }
        }
        sent.sort_by(|one, other| one.0.total_cmp(&other.0));
        // Each medium arrives in order, as rtpjitterbuffer has it.
        let mut last = [0.0_f64; 2];
        let arrive = |(at, what): (f64, What)| {
            let (What::Media { medium, .. } | What::Report { medium, .. }) = what;
            let arrived = at + (self.way)(at) + self.jitter * chance();
            last[medium] = arrived.max(last[medium] + 0.02);
            (last[medium], what)
        };
        let mut arrived: Vec<_> = sent.into_iter().map(arrive).collect();
        arrived.sort_by(|one, other| one.0.total_cmp(&other.0));
        arrived
    }

    /// What becomes of audio and video.
    pub(crate) fn play(&self) -> [Vec<Placed>; 2] {
        let mut timeline = Timeline::default();
        let mut placed = [vec![], vec![]];
        // What has arrived and is not placed yet: when it is due, and what it is.
        let mut waiting: Vec<(f64, usize, Packet, f64)> = vec![];
        let mut since = None;
        let mut is_open = false;
        let mut tracks = [Memory::default(), Memory::default()];
        let mut place = |timeline: &mut Timeline, medium: usize, packet: Packet, captured: f64| {
            let track = &mut tracks[medium];
            let known = track.place(timeline.generation(), packet.rtp);
            let place = known.unwrap_or_else(|| {
                let (ssrc, rate, line) = (medium as u32, RATES[medium], track.take_line());
                track.keep(packet.rtp, timeline.answer(ssrc, rate, packet, line))
            });
            let ms = |time: i128| time as f64 / MS as f64 - self.begins_at;
            Placed {
                captured,
                at: place.time.map(ms),
            }
        };
        for (at, what) in self.arrivals() {
            let knows = [AUDIO, VIDEO].iter().all(|medium| {
                timeline.knows(*medium as u32) && timeline.is_under_way(*medium as u32)
            });
            let waited = since.map_or(0.0, |since| at - since);
            is_open |= waited > PATIENCE || knows;
            let is_due = |(due, ..): &mut (f64, usize, Packet, f64)| is_open && *due <= at;
            for (_, medium, packet, captured) in waiting.extract_if(.., is_due) {
                placed[medium].push(place(&mut timeline, medium, packet, captured));
            }
            match what {
                What::Media {
                    medium,
                    seqnum,
                    rtp,
                    captured,
                } => {
                    let arrival = ((at + self.begins_at) * MS as f64) as i128;
                    let packet = Packet {
                        seqnum,
                        rtp,
                        arrival,
                    };
                    since.get_or_insert(at);
                    timeline.arrive(medium as u32, packet);
                    if !is_open {
                        timeline.expect(medium as u32, RATES[medium], packet);
                    }
                    waiting.push((at + self.held[medium], medium, packet, captured));
                }
                What::Report { medium, rtp, ntp } => {
                    let ntp = DAY_ONE + (ntp * MS as f64) as i128;
                    timeline.report(medium as u32, RATES[medium], ntp as u64, rtp);
                }
            }
        }
        for (_, medium, packet, captured) in waiting {
            placed[medium].push(place(&mut timeline, medium, packet, captured));
        }
        placed
    }
}

/// How far video is from audio of the same capture, at each frame from `from` on.
pub(crate) fn apart([audio, video]: &[Vec<Placed>; 2], from: f64) -> Vec<(f64, f64)> {
    let frames = video.iter().filter(|frame| frame.captured >= from);
    let apart = frames.filter_map(|frame| {
        let next = audio.partition_point(|packet| packet.captured < frame.captured);
        let near = audio.get(next).or(audio.last())?;
        let is_near = (near.captured - frame.captured).abs() < 50.0;
        is_near.then_some((frame.captured, frame.offset()? - near.offset()?))
    });
    apart.collect()
}

/// The largest distance between audio and video of the same capture from `from` on.
pub(crate) fn worst_apart(placed: &[Vec<Placed>; 2], from: f64) -> f64 {
    let apart = apart(placed, from);
    assert!(!apart.is_empty());
    apart
        .iter()
        .map(|(_, apart)| apart.abs())
        .fold(0.0, f64::max)
}

/// Where the steps of a medium are not those of capture: more than 2 ms from packet to packet, or
/// 0.3 % in a second. Given as when, and by how much.
pub(crate) fn uneven(medium: &[Placed]) -> Vec<(f64, f64)> {
    let shown: Vec<(f64, f64)> = medium
        .iter()
        .filter_map(|p| Some((p.captured, p.at?)))
        .collect();
    let off = |one: &(f64, f64), other: &(f64, f64)| (other.1 - one.1) - (other.0 - one.0);
    let single = shown
        .windows(2)
        .map(|pair| (pair[1].0, off(&pair[0], &pair[1])));
    let mut found: Vec<_> = single.filter(|(_, off)| off.abs() > 2.0).collect();
    for seconds in shown.windows(51) {
        let all = off(&seconds[0], &seconds[50]);
        let is_known = found
            .iter()
            .any(|(at, _)| (seconds[0].0..=seconds[50].0).contains(at));
        if all.abs() > 3.0 * (seconds[50].0 - seconds[0].0) / 1000.0 && !is_known {
            found.push((seconds[50].0, all));
        }
    }
    found
}
