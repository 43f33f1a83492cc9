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
/// The timeline jumps forward if it is wrong by more than this: media that takes longer has come.
const JUMP: i128 = 40 * MS;
/// How fast the timeline follows a clock or a network that changes.
const SETTLING: i128 = 2 * SECOND;
/// The timeline runs slower by no more than this part while it moves back.
const SLOWEST: i128 = 20;

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
                let told = sender.capture().zip(distance).map(|(ntp, d)| ntp + d);
                let told = told.filter(|time| (time - arrival).abs() <= FARTHEST);
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
        if error > JUMP || error < -FARTHEST {
            *distance = target;
        } else {
            let step = error * elapsed / SETTLING;
            *distance += step.max(-elapsed / SLOWEST);
        }
    }
}
