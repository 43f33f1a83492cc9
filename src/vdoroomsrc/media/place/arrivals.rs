// SPDX-License-Identifier: MPL-2.0
//! The packets of one RTP stream as they arrive: how long each took, and how their RTP timestamps
//! map to time.
//!
//! An arrival minus an RTP time is called a lag. It means nothing by itself, but the smallest one of
//! a while is the network delay without queues, and one that grows and stays shows that the sender
//! has stopped counting for a while, or that the network delay has grown.

use std::collections::VecDeque;

use super::count::{Count, Epoch, unwrap};
use super::units::{MS, SECOND};

/// A lag is the smallest of the last one to two windows: a network that stalls is no longer way.
const WINDOW: i128 = 5 * SECOND;
/// How long single lags are kept, and how many of them at most.
const RECENT: i128 = 2 * SECOND;
const MOST_RECENT: usize = 256;

/// No packet is that much earlier than all others, and none of another frame that much older: the
/// sender counts anew, or an old frame has been sent again.
const FARTHEST: i128 = SECOND;
/// ninja-obs-plugin (up to 1.1.60) sends the last keyframe again, with its old time, to each new
/// viewer, and up to 1.1.56 after each PLI. That one is 8 s old at most.
const OLDEST: i128 = 12 * SECOND;
/// Frames of old times that are remembered.
const MOST_OUTDATED: usize = 4;

/// A repeated packet is that late at most: SRTP takes an older one for replayed.
const LATEST: i16 = -4096;
/// After this number of packets, those before a leap have left rtpjitterbuffer.
const LEAP_IS_OVER: u32 = 4096;

/// A lag that grows by less between two frames is jitter.
const STALL: i128 = 100 * MS;
/// What remains of one when it is over.
const NO_STALL: i128 = 80 * MS;
/// Packets of a queue that empties come ever less late.
const STEADY: i128 = 40 * MS;

/// What is to be known of a packet. `arrival` is running time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet {
    pub seqnum: u16,
    pub rtp: u32,
    pub arrival: i128,
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    seqnum: u16,
    /// Without wrapping around.
    rtp: i128,
    time: i128,
    arrival: i128,
    lag: i128,
}

/// Packets came later than before, all at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stall {
    /// Arrival of the first one behind it.
    pub since: i128,
    /// Its RTP time.
    pub time: i128,
    /// The lag before.
    base: i128,
    /// What the first one was later by.
    by: i128,
    /// Other media is as late, so it may be the way.
    is_left_to_reports: bool,
}

#[derive(Debug)]
pub(crate) struct Arrivals {
    clock_rate: i128,
    epoch: Option<Epoch>,
    /// Before the last leap, and the newest packet then.
    before: Option<(Epoch, Newest)>,
    since_leap: u32,
    /// How often a new epoch has begun, or an outdated frame has come.
    changes: u32,
    first: Option<Newest>,
    newest: Option<Newest>,
    /// Of another time than the one before.
    frames: u32,
    /// Of all frames.
    latest: i128,
    /// There are B-frames: they are sent after frames that are shown later.
    has_reordered: bool,
    lags: [Option<i128>; 2],
    window_start: i128,
    recent: VecDeque<(i128, i128)>,
    stall: Option<Stall>,
    outdated: VecDeque<u32>,
    /// When an outdated frame came, and its time: a second one, which is later, is no such frame.
    suspect: Option<(i128, i128)>,
}

impl Arrivals {
    pub(crate) fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate: i128::from(clock_rate.max(1)),
            epoch: None,
            before: None,
            since_leap: 0,
            changes: 0,
            first: None,
            newest: None,
            frames: 0,
            latest: 0,
            has_reordered: false,
            lags: [None; 2],
            window_start: 0,
            recent: VecDeque::new(),
            stall: None,
            outdated: VecDeque::new(),
            suspect: None,
        }
    }

    pub(crate) fn has_rate(&self, clock_rate: u32) -> bool {
        self.clock_rate == i128::from(clock_rate.max(1))
    }

    /// All video counts 90,000 ticks in a second, and no audio does (RFC 3551, section 6).
    pub(crate) fn is_video(&self) -> bool {
        self.clock_rate == 90_000
    }

    /// A packet has arrived, in any order. `is_placed` says that others have been given out before.
    pub(crate) fn note(&mut self, packet: Packet, is_placed: bool) {
        let Some(newest) = self.newest else {
            return self.begin(packet);
        };
        let step = packet.seqnum.wrapping_sub(newest.seqnum) as i16;
        if step <= 0 && step > LATEST {
            return;
        }
        self.since_leap = self.since_leap.saturating_add(1);
        if self.since_leap > LEAP_IS_OVER {
            self.before = None;
        }
        if packet.rtp == newest.rtp as u32 || self.outdated.contains(&packet.rtp) {
            let arrival = packet.arrival;
            self.newest = Some(Newest {
                seqnum: packet.seqnum,
                arrival,
                ..newest
            });
            return;
        }
        let rtp = unwrap(newest.rtp, packet.rtp);
        let time = self.time_at(rtp);
        let lag = packet.arrival - time;
        let earlier = self.lag().map_or(0, |least| least - lag);
        let older = newest.time - time;
        if self.is_video() && (FARTHEST..OLDEST).contains(&older) && self.is_again(time, &packet) {
            self.remember_outdated(packet.rtp);
            self.newest = Some(Newest {
                seqnum: packet.seqnum,
                ..newest
            });
        } else if older > FARTHEST || (earlier > FARTHEST && is_placed) {
            self.leap(packet);
        } else if earlier > FARTHEST && self.is_video() && self.frames == 1 {
            self.remember_outdated(newest.rtp as u32);
            self.begin(packet);
        } else {
            self.count(Newest {
                seqnum: packet.seqnum,
                rtp,
                time,
                arrival: packet.arrival,
                lag,
            });
        }
    }

    fn begin(&mut self, packet: Packet) {
        self.changes = self.changes.wrapping_add(1);
        let rtp = i128::from(packet.rtp);
        self.epoch = Some(Epoch {
            seqnum: packet.seqnum,
            rtp,
            time: 0,
        });
        let first = Newest {
            seqnum: packet.seqnum,
            rtp,
            time: 0,
            arrival: packet.arrival,
            lag: packet.arrival,
        };
        self.first = Some(first);
        self.frames = 0;
        self.forget_lags();
        self.count(first);
    }

    /// The sender begins to count anew; its capture continues.
    fn leap(&mut self, packet: Packet) {
        let Some(((epoch, newest), least)) = self.epoch.zip(self.newest).zip(self.lag()) else {
            return self.begin(packet);
        };
        let time = (packet.arrival - least).max(newest.time);
        let rtp = i128::from(packet.rtp);
        self.before = Some((epoch, newest));
        self.since_leap = 0;
        self.changes = self.changes.wrapping_add(1);
        self.suspect = None;
        self.epoch = Some(Epoch {
            seqnum: packet.seqnum,
            rtp,
            time,
        });
        self.count(Newest {
            seqnum: packet.seqnum,
            rtp,
            time,
            arrival: packet.arrival,
            lag: packet.arrival - time,
        });
    }

    fn count(&mut self, new: Newest) {
        let grown = self.newest.map_or(0, |newest| new.lag - newest.lag);
        if grown >= STALL
            && self.stall.is_none()
            && let Some(base) = self.lag()
        {
            self.stall = Some(Stall {
                since: new.arrival,
                time: new.time,
                base,
                by: grown,
                is_left_to_reports: false,
            });
        }
        self.has_reordered |= self.is_video() && self.frames > 0 && new.time < self.latest;
        self.latest = self.latest.max(new.time);
        self.newest = Some(new);
        self.frames = self.frames.saturating_add(1);
        if new.arrival - self.window_start > WINDOW {
            self.window_start = new.arrival;
            self.lags = [None, self.lags[0]];
        }
        self.lags[0] = Some(self.lags[0].map_or(new.lag, |least| least.min(new.lag)));
        self.recent.push_back((new.arrival, new.lag));
        while self.recent.len() > MOST_RECENT
            || self
                .recent
                .front()
                .is_some_and(|(at, _)| new.arrival - at > RECENT)
        {
            self.recent.pop_front();
        }
        let is_over = |stall: Stall| {
            new.lag - stall.base < NO_STALL || new.arrival - stall.since > 2 * WINDOW
        };
        if self.stall.is_some_and(is_over) {
            self.stall = None;
        }
    }

    /// Whether this old frame is one that was sent again, and not the second one of a new count.
    fn is_again(&mut self, time: i128, packet: &Packet) -> bool {
        let at = packet.arrival;
        let before = self.suspect.replace((at, time));
        !before.is_some_and(|(when, what)| at - when < SECOND && time > what)
    }

    fn remember_outdated(&mut self, rtp: u32) {
        self.changes = self.changes.wrapping_add(1);
        self.outdated.push_back(rtp);
        if self.outdated.len() > MOST_OUTDATED {
            self.outdated.pop_front();
        }
    }

    /// A frame that was sent before, long before those around it.
    pub(crate) fn is_outdated(&self, rtp: u32) -> bool {
        self.outdated.contains(&rtp)
    }

    /// More than one frame is there: the first one is not outdated.
    pub(crate) fn is_under_way(&self) -> bool {
        self.frames > 1
    }

    pub(crate) fn has_reordered(&self) -> bool {
        self.has_reordered
    }

    /// Running time of the newest arrival.
    pub(crate) fn arrival(&self) -> Option<i128> {
        Some(self.newest?.arrival)
    }

    /// RTP time of the first packet.
    pub(crate) fn first_time(&self) -> Option<i128> {
        Some(self.first?.time)
    }

    /// The smallest lag of the last while.
    pub(crate) fn lag(&self) -> Option<i128> {
        self.lags.into_iter().flatten().min()
    }

    /// The smallest lag of what arrived at this time or later.
    fn lag_since(&self, since: i128) -> Option<i128> {
        let recent = self.recent.iter().filter(|(at, _)| *at >= since);
        recent.map(|(_, lag)| *lag).min()
    }

    /// How much later than usual all is that has arrived since then.
    pub(crate) fn excess_since(&self, since: i128) -> Option<i128> {
        let base = self.stall.map_or(self.lag(), |stall| Some(stall.base));
        Some(self.lag_since(since)? - base?)
    }

    pub(crate) fn stall(&self) -> Option<Stall> {
        self.stall
    }

    /// Other media is as late: it may be the way, and only reports know.
    pub(crate) fn leave_to_reports(&mut self) {
        if let Some(stall) = &mut self.stall {
            stall.is_left_to_reports = true;
        }
    }

    /// What was captured after it has been reported to be in its place.
    pub(crate) fn forget_stall(&mut self) {
        self.stall = None;
    }

    /// All that has arrived for this long is later than before by what is given back, since one
    /// frame was, and does not come less late by and by.
    pub(crate) fn steady_excess(&self, patience: i128) -> Option<i128> {
        let stall = self.stall.filter(|stall| !stall.is_left_to_reports)?;
        let newest = self.newest?;
        if newest.arrival - stall.since < patience {
            return None;
        }
        let since = newest.arrival - patience;
        let middle = since + patience / 2;
        let is_early = |(at, _): &&(i128, i128)| (since..middle).contains(at);
        let early = self.recent.iter().filter(is_early);
        let early = early.map(|(_, lag)| *lag).min()?;
        let late = self.lag_since(middle)?;
        let excess = late.min(early) - stall.base;
        (late >= early - STEADY && excess < 2 * stall.by).then_some(excess)
    }

    /// The sender has not counted for this long: media that arrives now is as late as that.
    pub(crate) fn begin_lags_anew(&mut self) {
        let since = self.stall.map(|stall| stall.since);
        let least = since.and_then(|since| self.lag_since(since));
        let newest = self.newest.map(|newest| (newest.arrival, newest.lag));
        self.forget_lags();
        if let Some((arrival, lag)) = newest {
            self.lags[0] = least.or(Some(lag));
            self.window_start = arrival;
        }
    }

    fn forget_lags(&mut self) {
        self.lags = [None; 2];
        self.recent.clear();
        self.stall = None;
        self.window_start = self.newest.map_or(0, |newest| newest.arrival);
    }

    /// Nanoseconds of RTP time of a timestamp near the newest one.
    pub(crate) fn time(&self, rtp: u32) -> Option<i128> {
        Some(self.time_at(unwrap(self.newest?.rtp, rtp)))
    }

    /// The same of a packet that leaves rtpjitterbuffer, which a leap may have overtaken.
    pub(crate) fn time_of(&self, seqnum: u16, rtp: u32) -> Option<i128> {
        if let Some((epoch, newest)) = &self.before
            && (seqnum.wrapping_sub(self.epoch?.seqnum) as i16) < 0
        {
            return Some(epoch.time_at(unwrap(newest.rtp, rtp), self.clock_rate));
        }
        self.time(rtp)
    }

    /// How this timestamp and those behind it are counted, until something changes; none while packets
    /// from before a leap may still leave rtpjitterbuffer.
    pub(crate) fn counted(&self, rtp: u32) -> Option<Count> {
        if self.before.is_some() {
            return None;
        }
        Some(Count {
            epoch: self.epoch?,
            clock_rate: self.clock_rate,
            rtp: unwrap(self.newest?.rtp, rtp),
        })
    }

    /// How often the answers of [`Self::counted`] and [`Self::is_outdated`] have changed.
    pub(crate) fn changes(&self) -> u32 {
        self.changes
    }

    fn time_at(&self, rtp: i128) -> i128 {
        self.epoch
            .map_or(0, |epoch| epoch.time_at(rtp, self.clock_rate))
    }
}
