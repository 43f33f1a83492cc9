// SPDX-License-Identifier: MPL-2.0
//! The one timeline of all media of a session.
//!
//! A sender report says what the sender's wall clock showed at an RTP timestamp (RFC 3550, 6.4.1).
//! With one per medium, every frame of every medium has its time by that one clock, whenever it
//! arrives; the session then has one offset from the sender's clock to running time. So only errors
//! of the reports can move audio and video apart, not encoders, networks or jitterbuffers.
//!
//! The offset begins as the shortest delay of the slowest medium, as seen while pads wait. It follows
//! a network delay that changes, and a clock that drifts, so slowly that a second of audio stays a
//! second. Larger errors are corrected by moving video, which is less noticeable than a gap in audio.
//! A medium has a gap only where its sender had one.
//!
//! This takes the place of rtpbin's own synchronisation (GStreamer 1.22), which measures each
//! medium's arrival anew with each report, keeps stopped media as its reference, and believes reports
//! without a time. It also takes the place of rtpjitterbuffer's estimate of the
//! sender's clock, which squeezes bursts and repeats timestamps.
//!
//! Times are nanoseconds; the wide type leaves no report that could make them overflow.

use std::collections::VecDeque;

use super::arrivals::Packet;
use super::line::{Answer, Basis, Line, Place};
use super::sender::Sender;
use super::units::{MS, SECOND};

/// The farthest that a report moves media from its arrival: more is no delay but a broken clock.
const FARTHEST: i128 = SECOND;
/// Media that has been silent for this long has no effect on the timeline.
const SILENCE: i128 = 2 * SECOND;
/// How fast the timeline follows a clock or a network that changes.
const SETTLING: i128 = 2 * SECOND;
/// By which part of the time that passes it does so at the most: more than crystals drift (200 ppm),
/// and so little that frames of ten seconds stand within 5 ms of each other's place.
const SLEW: i128 = 2000;
/// For a clock that is worse than that, whose media would leave that of the others.
const FAST_SLEW: i128 = 400;
const NEAR: i128 = 20 * MS;
/// What changes all at once is the network, and no clock.
const NETWORK_STEP: i128 = 20 * MS;
/// Media of a network that has become longer by more comes too late for consumers that play it;
/// if it has become shorter by more, it fills their queues.
const FAR: i128 = 400 * MS;

/// How long arrivals have to be late before they tell of a stall, and how late.
const AUDIO_EVIDENCE: (i128, i128) = (400 * MS, 100 * MS);
/// The frames of a video that becomes larger queue up too.
const VIDEO_EVIDENCE: (i128, i128) = (1200 * MS, 400 * MS);
/// A machine that has slept, or a way that has become that much longer.
const SLEEP_EVIDENCE: (i128, i128) = (1400 * MS, FARTHEST);

/// Packets of which nothing is known yet.
const MOST_EARLY: usize = 512;

/// All media of one session.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    senders: Vec<Sender>,
    /// Packets that have arrived before the clock rate of their medium was known.
    early: VecDeque<(u32, Packet)>,
    /// Running time minus the sender's clock.
    distance: Option<i128>,
    /// Where the timeline is to be.
    target: Option<i128>,
    /// The network has changed, and the timeline has not followed yet.
    has_stepped: bool,
    /// The newest arrival, in running time.
    now: i128,
    /// Rises when places and lines that were given out do not hold any more.
    generation: u64,
}

impl Timeline {
    /// A sender report of `ssrc`: `ntp` nanoseconds since 1900 is RTP timestamp `rtp`.
    pub(crate) fn report(&mut self, ssrc: u32, clock_rate: u32, ntp: u64, rtp: u32) {
        let index = self.sender(ssrc, clock_rate);
        let Some(mut sender) = (index < self.senders.len()).then(|| self.senders.remove(index))
        else {
            return;
        };
        let others = &self.senders;
        let others_step = |step| others.iter().any(|other| other.may_step(step));
        let stalled = sender.report(i128::from(ntp), rtp, others_step);
        // All of it has stalled, if that one has.
        for other in self.senders.iter_mut().filter(|_| stalled.is_some()) {
            other.join(stalled.unwrap_or_default());
        }
        self.senders.insert(index, sender);
        // Packets may be placed before another one arrives.
        self.follow(0);
        self.renew();
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether reports tell the place of the media with this SSRC.
    pub(crate) fn knows(&self, ssrc: u32) -> bool {
        self.find(ssrc).is_some_and(Sender::has_report)
    }

    /// Whether it is known that the first frame of this medium is not an old one.
    pub(crate) fn is_under_way(&self, ssrc: u32) -> bool {
        let sender = self.find(ssrc);
        sender.is_some_and(|s| !s.arrivals.is_video() || s.arrivals.is_under_way())
    }

    /// Whether this medium has B-frames: these take long to encode, so their arrival does not tell
    /// when they were captured.
    pub(crate) fn has_reordered(&self, ssrc: u32) -> bool {
        self.find(ssrc).is_some_and(|s| s.arrivals.has_reordered())
    }

    fn find(&self, ssrc: u32) -> Option<&Sender> {
        self.senders.iter().find(|sender| sender.ssrc == ssrc)
    }

    /// A packet waits to be placed: its medium has a say from now on. Otherwise all that has waited
    /// of one medium would be placed before the first packet of another.
    pub(crate) fn expect(&mut self, ssrc: u32, clock_rate: u32, packet: Packet) {
        let index = self.sender(ssrc, clock_rate);
        self.note(index, packet);
    }

    /// A packet has come in, and rtpjitterbuffer has not given it out yet.
    pub(crate) fn arrive(&mut self, ssrc: u32, packet: Packet) {
        match self.senders.iter().position(|sender| sender.ssrc == ssrc) {
            Some(index) => self.note(index, packet),
            None => {
                self.early.push_back((ssrc, packet));
                if self.early.len() > MOST_EARLY {
                    self.early.pop_front();
                }
            }
        }
    }

    fn note(&mut self, index: usize, packet: Packet) {
        let elapsed = (packet.arrival - self.now).clamp(0, SECOND);
        self.now = self.now.max(packet.arrival);
        if let Some(sender) = self.senders.get_mut(index) {
            sender.note(packet);
        }
        self.look_for_stall(index);
        self.follow(elapsed);
    }

    /// The place of a packet that rtpjitterbuffer gives out, for a track that has placed those before
    /// by `line`.
    pub(crate) fn answer(
        &mut self,
        ssrc: u32,
        clock_rate: u32,
        packet: Packet,
        line: Option<Line>,
    ) -> Answer {
        let sender = self.senders.iter_mut().find(|sender| sender.ssrc == ssrc);
        if let Some((sender, line)) = sender.zip(line) {
            sender.take_back(&line);
        }
        let place = self.place(ssrc, clock_rate, packet);
        self.check(self.target());
        Answer {
            place,
            line: self.line(ssrc, packet.rtp),
            generation: self.generation,
        }
    }

    fn place(&mut self, ssrc: u32, clock_rate: u32, packet: Packet) -> Place {
        let index = self.sender(ssrc, clock_rate);
        let knows = |sender: &Sender| sender.arrivals.arrival().is_some();
        if !self.senders.get(index).is_some_and(knows) {
            self.note(index, packet);
        }
        self.begin();
        let wanted = self.wanted(index);
        let by_arrival = Place {
            time: Some(packet.arrival),
            ntp: None,
        };
        let Some(sender) = self.senders.get_mut(index) else {
            return by_arrival;
        };
        let time = sender.arrivals.time_of(packet.seqnum, packet.rtp);
        let Some(((shift, is_believed), time)) = wanted.zip(time) else {
            return by_arrival;
        };
        let is_outdated = sender.arrivals.is_outdated(packet.rtp);
        Place {
            time: (!is_outdated).then(|| sender.course.move_to(shift, time, is_believed)),
            ntp: sender.clock().map(|clock| time + clock),
        }
    }

    fn sender(&mut self, ssrc: u32, clock_rate: u32) -> usize {
        let known = self.senders.iter().position(|s| s.ssrc == ssrc);
        let index = known.unwrap_or(self.senders.len());
        match self.senders.get_mut(index) {
            Some(sender) if sender.arrivals.has_rate(clock_rate) => {}
            Some(sender) => {
                *sender = Sender::new(ssrc, clock_rate);
                self.renew();
            }
            None => {
                self.senders.push(Sender::new(ssrc, clock_rate));
                let early = std::mem::take(&mut self.early);
                let (own, others): (Vec<_>, Vec<_>) =
                    early.into_iter().partition(|(of, _)| *of == ssrc);
                self.early = others.into();
                for (_, packet) in own {
                    self.note(index, packet);
                }
            }
        }
        index
    }

    /// How long media takes: as the one that takes longest, so that no frame is placed before it is
    /// there.
    fn target(&self) -> Option<i128> {
        let ends = self.delays().fold(None, |ends, delay| {
            let (shortest, longest): (i128, i128) = ends.unwrap_or((delay, delay));
            Some((shortest.min(delay), longest.max(delay)))
        });
        let (shortest, longest) = ends?;
        if longest - shortest <= FARTHEST {
            return Some(longest);
        }
        // Those that most of the others agree with: one broken clock moves no other medium.
        let agree = |longest: i128| {
            let near = |delay: &i128| (0..=FARTHEST).contains(&(longest - delay));
            self.delays().filter(near).count()
        };
        self.delays().max_by_key(|delay| (agree(*delay), *delay))
    }

    fn delays(&self) -> impl Iterator<Item = i128> {
        let speaking = self.senders.iter().filter(move |s| self.speaks(s));
        speaking.filter_map(Sender::delay)
    }

    fn speaks(&self, sender: &Sender) -> bool {
        let arrival = sender.arrivals.arrival();
        arrival.is_some_and(|at| self.now - at < SILENCE)
    }

    /// Before the first packet is placed.
    fn begin(&mut self) {
        if self.senders.iter().any(Sender::is_placed) {
            return;
        }
        let target = self.target();
        let shifts = self.senders.iter().map(|sender| {
            let told = sender.offset().zip(target);
            let told = told.filter(|_| self.is_near(sender, target));
            told.map(|(offset, distance)| offset + distance)
                .or_else(|| sender.arrivals.lag())
        });
        let shifts: Vec<Option<i128>> = shifts.collect();
        // What was captured before the pipeline ran takes everything to a later time.
        let starts = self.senders.iter().zip(&shifts);
        let starts = starts.filter_map(|(s, shift)| Some(s.arrivals.first_time()? + (*shift)?));
        let raise = starts.map(|start| -start).max().unwrap_or(0).max(0);
        self.distance = target.map(|target| target + raise);
        for (sender, shift) in self.senders.iter_mut().zip(shifts) {
            sender.own_shift = shift.map(|shift| shift + raise);
        }
    }

    fn is_near(&self, sender: &Sender, target: Option<i128>) -> bool {
        match target.zip(sender.delay()) {
            Some((target, delay)) => (target - delay).abs() <= FARTHEST,
            None => sender.is_believed(),
        }
    }

    /// What is to be between RTP time and running time of a medium, and whether reports tell.
    fn wanted(&mut self, index: usize) -> Option<(i128, bool)> {
        let target = self.target();
        let sender = self.senders.get(index)?;
        let offset = sender.offset().filter(|_| self.is_near(sender, target));
        let Some(offset) = offset else {
            let sender = self.senders.get_mut(index)?;
            let here = sender.course.shift().or(sender.arrivals.lag());
            return Some((*sender.own_shift.get_or_insert(here?), false));
        };
        let here = sender.distance().or(target);
        let mut distance = self.distance.or(here)?;
        if sender.course.is_astray(offset + distance) && self.leads(index) {
            // The others move instead.
            distance = here?;
        }
        self.distance = Some(distance);
        self.senders.get_mut(index)?.own_shift = None;
        Some((offset + distance, true))
    }

    /// Whether the others go by this medium: audio, if there is any.
    fn leads(&self, index: usize) -> bool {
        let placed =
            self.senders.iter().enumerate().filter(|(at, sender)| {
                *at == index || (sender.is_believed() && self.speaks(sender))
            });
        let leader = placed.min_by_key(|(at, sender)| (sender.arrivals.is_video(), *at));
        leader.is_some_and(|(at, _)| at == index)
    }

    /// Moves the timeline towards where the medium that takes longest arrives, and media without
    /// reports towards where they arrive.
    fn follow(&mut self, elapsed: i128) {
        let target = self.target();
        if let Some((target, distance)) = target.zip(self.distance) {
            let mut distance = distance;
            if (target - distance).abs() > FARTHEST {
                let agree = self
                    .senders
                    .iter()
                    .filter(|s| self.is_near(s, Some(target)));
                let leader = agree.min_by_key(|sender| sender.arrivals.is_video());
                distance = leader.and_then(Sender::distance).unwrap_or(target);
            }
            let error = target - distance;
            let step = self.target.map_or(0, |before| target - before);
            self.target = Some(target);
            self.has_stepped |= step.abs() > NETWORK_STEP;
            self.has_stepped &= error.abs() > MS;
            let is_fast = error.abs() > if self.has_stepped { FAR } else { NEAR };
            self.distance = Some(distance + slew(error, elapsed, is_fast));
        }
        for sender in &mut self.senders {
            if let Some((shift, lag)) = sender.own_shift.as_mut().zip(sender.arrivals.lag()) {
                let error = lag - *shift;
                *shift += slew(error, elapsed, error.abs() > NEAR);
            }
        }
        self.check(target);
    }

    /// What the track of a medium can go by that has just been placed, if that is the same for
    /// a while.
    fn line(&mut self, ssrc: u32, rtp: u32) -> Option<Line> {
        let basis = self.basis(self.find(ssrc)?, self.target())?;
        let sender = self.senders.iter_mut().find(|sender| sender.ssrc == ssrc);
        sender?.line(basis, rtp)
    }

    /// What the places of this medium depend on; none while the timeline follows what its tracks do.
    fn basis(&self, sender: &Sender, target: Option<i128>) -> Option<Basis> {
        let apart = target.zip(self.distance);
        if apart.is_some_and(|(target, distance)| (target - distance).abs() > FARTHEST) {
            return None;
        }
        let offset = sender.offset().filter(|_| self.is_near(sender, target));
        let wanted = match offset {
            Some(offset) => offset + self.distance?,
            None => sender.own_shift?,
        };
        Some(Basis {
            wanted,
            is_believed: offset.is_some(),
            clock: sender.clock(),
            changes: sender.arrivals.changes(),
        })
    }

    /// Whether the places and lines that were given out still hold.
    fn check(&mut self, target: Option<i128>) {
        let holds = |sender: &Sender| {
            let Some(basis) = &sender.basis else {
                return true;
            };
            let now = self.basis(sender, target);
            now.is_some_and(|now| basis.holds(&now))
        };
        if !self.senders.iter().all(holds) {
            self.renew();
        }
    }

    /// All tracks have to ask again.
    fn renew(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        for sender in &mut self.senders {
            sender.basis = None;
        }
    }

    /// A sender whose audio stalls may count on as if nothing had been. Other media that comes as
    /// ever shows that it is not the way that has become longer.
    fn look_for_stall(&mut self, index: usize) {
        let Some(sender) = self.senders.get(index) else {
            return;
        };
        let Some(stall) = sender.arrivals.stall() else {
            return;
        };
        let excess = sender.arrivals.excess_since(stall.since).unwrap_or(0);
        let others = self.senders.iter().enumerate();
        let others = others.filter(|(at, other)| *at != index && other.is_placed());
        let others = others.filter_map(|(_, other)| other.arrivals.excess_since(stall.since));
        let (mut are_late, mut none_is_on_time) = (false, true);
        for other in others {
            let is_late = other > excess / 2;
            are_late |= is_late;
            none_is_on_time &= is_late;
        }
        let (patience, least) = match (none_is_on_time, sender.arrivals.is_video()) {
            (true, _) => SLEEP_EVIDENCE,
            (false, true) => VIDEO_EVIDENCE,
            (false, false) => AUDIO_EVIDENCE,
        };
        let found = sender.arrivals.steady_excess(patience);
        let found = found.filter(|excess| *excess > least);
        let is_of_way = are_late && excess <= FARTHEST;
        let Some(sender) = self.senders.get_mut(index) else {
            return;
        };
        if is_of_way || !sender.is_placed() {
            sender.arrivals.leave_to_reports();
        } else if let Some(excess) = found {
            sender.resume(excess);
        }
    }
}

fn slew(error: i128, elapsed: i128, is_fast: bool) -> i128 {
    let most = elapsed / if is_fast { FAST_SLEW } else { SLEW };
    (error * elapsed / SETTLING).clamp(-most, most)
}

#[cfg(test)]
mod tests;
