// SPDX-License-Identifier: MPL-2.0
//! Whether anything arrives from a publisher: media, reports, or an acknowledgement of our pings.
//!
//! libnice does not notice when the other end is gone, unless GStreamer (1.24) has it ask for consent
//! (RFC 7675, libnice 0.1.22); that takes 30 s. Pings on the data channel distinguish
//! a guest who pauses, or has nothing to send, from one who is gone: the other end's SCTP
//! acknowledges them whatever its page does.

use std::time::{Duration, Instant};

/// A publisher that sends media is pinged when nothing has arrived for this long, others after
/// [`IDLE`].
const QUIET: Duration = Duration::from_millis(500);
const IDLE: Duration = Duration::from_secs(10);
/// How often is asked until something comes: pings may be lost.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// How long nothing may come after the first ping.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a publisher that answers pings may take to answer one when it sends no media.
const SPEECH: Duration = Duration::from_secs(2);

/// A poll this rare means that this thread had no CPU, and so heard nothing.
const OVERLOAD: Duration = Duration::from_millis(500);

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    Ask,
    /// Nothing comes in spite of pings.
    Silent,
    /// Something has come again.
    Heard,
}

#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Since when it is asked in vain, and when that was done last.
    asked: Option<(Instant, Instant)>,
    silent: bool,
    last_look: Option<Instant>,
}

impl Pulse {
    /// `heard` is when the newest packet came; `sends` tells whether media was coming just now.
    /// `keeps_up` tells whether what has come since then was received.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        heard: Instant,
        sends: bool,
        keeps_up: impl FnOnce(Instant) -> bool,
    ) -> Option<Beat> {
        let last_look = self.last_look.replace(now);
        let was_away = last_look.is_some_and(|last| now > last + OVERLOAD);
        if was_away && !self.silent {
            self.asked = None;
        }
        if self.asked.is_some_and(|(since, _)| heard > since) {
            self.asked = None;
            return std::mem::take(&mut self.silent).then_some(Beat::Heard);
        }
        let quiet = now.saturating_duration_since(heard);
        match self.asked {
            None if quiet >= if sends { QUIET } else { IDLE } => {
                self.asked = Some((now, now));
                Some(Beat::Ask)
            }
            // Whatever came may have been dropped: it is asked anew.
            Some((_, last)) if !self.silent && now >= last + ASK_AGAIN && !keeps_up(last) => {
                self.asked = None;
                None
            }
            Some((since, _)) if !self.silent && now >= since + PATIENCE => {
                self.silent = true;
                Some(Beat::Silent)
            }
            // What is asked after that would only wait in the channel.
            Some((since, last)) if !self.silent && now >= last + ASK_AGAIN => {
                self.asked = Some((since, now));
                Some(Beat::Ask)
            }
            _ => None,
        }
    }
}

/// Whether a publisher that confirms pings and sends no media can still say anything: whose
/// transports were replaced in place confirms what it hears, and what it says waits for an answer
/// that we cannot give. libwebrtc does so when the m-line that leads the BUNDLE group is stopped
/// (RFC 9143 section 7.3.1): its offer would have to come over the channel that waits for it.
#[derive(Debug, Default)]
pub(crate) struct Voice {
    /// It answers pings: not every publisher does.
    answers: bool,
    /// Since when a ping of ours waits for its answer.
    asked: Option<Instant>,
    /// Since when is known that the ping has arrived. Of whom nothing comes, [`Pulse`] takes care.
    confirmed: Option<Instant>,
    /// When it is asked again.
    next: Option<Instant>,
    lost: bool,
}

impl Voice {
    /// As [`Pulse::poll`].
    pub(crate) fn poll(&mut self, now: Instant, heard: Instant, sends: bool) -> Option<Beat> {
        if sends || !self.answers {
            *self = Self {
                answers: self.answers,
                ..Self::default()
            };
            return None;
        }
        match (self.asked, self.confirmed) {
            (None, _) if self.next.is_none_or(|at| now >= at) => {
                (self.asked, self.confirmed) = (Some(now), None);
                Some(Beat::Ask)
            }
            (Some(at), None) if heard > at => {
                self.confirmed = Some(now);
                None
            }
            (Some(_), Some(at)) if !self.lost && now >= at + SPEECH => {
                self.lost = true;
                Some(Beat::Silent)
            }
            _ => None,
        }
    }

    /// It says something, perhaps the answer to a ping.
    pub(crate) fn hear(&mut self, now: Instant, is_answer: bool) -> Option<Beat> {
        self.answers |= is_answer;
        if self.asked.take().is_some() {
            self.next = Some(now + IDLE);
        }
        std::mem::take(&mut self.lost).then_some(Beat::Heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(50);

    /// What is done within `time` for a publisher of whom nothing comes since `heard`, with the
    /// milliseconds after that.
    fn beats(pulse: &mut Pulse, heard: Instant, time: Duration, sends: bool) -> Vec<(u128, Beat)> {
        let ticks = (0..).map(|n| heard + TICK * n);
        let ticks = ticks.take_while(|now| *now <= heard + time);
        let polled = ticks.filter_map(|now| {
            let beat = pulse.poll(now, heard, sends, |_| true)?;
            Some((now.duration_since(heard).as_millis(), beat))
        });
        polled.collect()
    }

    #[test]
    fn who_stops_in_the_middle_is_silent_after_a_second_and_a_half() {
        let start = Instant::now();
        let mut pulse = Pulse::default();
        let done = beats(&mut pulse, start, Duration::from_secs(60), true);
        let asked: Vec<u128> = done.iter().map(|(at, _)| *at).collect();
        assert_eq!(asked, [500, 750, 1000, 1250, 1500]);
        assert_eq!(done[4].1, Beat::Silent);
        let back = start + Duration::from_secs(60);
        assert_eq!(pulse.poll(back, back, true, |_| true), Some(Beat::Heard));
        assert_eq!(pulse.poll(back, back, true, |_| true), None);
    }

    #[test]
    fn who_pauses_and_confirms_the_ping_is_left_alone() {
        let start = Instant::now();
        let mut pulse = Pulse::default();
        let asked = start + QUIET;
        assert_eq!(pulse.poll(asked, start, true, |_| true), Some(Beat::Ask));
        let confirmed = asked + TICK;
        assert_eq!(pulse.poll(confirmed, confirmed, true, |_| true), None);
        // Its media has stalled by now: from here on a ping now and then is enough.
        let done = beats(&mut pulse, confirmed, IDLE, false);
        assert_eq!(done, [(10_000, Beat::Ask)]);
    }

    #[test]
    fn who_confirms_pings_and_answers_none_any_more_is_silent_after_two_seconds() {
        let (start, mut voice) = (Instant::now(), Voice::default());
        assert_eq!(voice.poll(start, start, false), None, "it never answered");
        assert_eq!(voice.hear(start, true), None);
        assert_eq!(voice.poll(start, start, true), None, "it sends");
        let asked = start + TICK;
        assert_eq!(voice.poll(asked, start, false), Some(Beat::Ask));
        let late = asked + 3 * SPEECH;
        assert_eq!(voice.poll(late, start, false), None, "nothing comes at all");
        let heard = late + TICK;
        assert_eq!(voice.poll(heard, heard, false), None, "it has just arrived");
        let looks = [heard + SPEECH, heard + 2 * SPEECH];
        let beats = looks.map(|now| voice.poll(now, heard, false));
        assert_eq!(beats, [Some(Beat::Silent), None]);
        assert_eq!(voice.hear(looks[1], false), Some(Beat::Heard));
    }

    #[test]
    fn who_pauses_and_answers_pings_is_asked_rarely_and_left_alone() {
        let (start, mut voice) = (Instant::now(), Voice::default());
        voice.hear(start, true);
        assert_eq!(voice.poll(start, start, false), Some(Beat::Ask));
        let answered = start + TICK;
        assert_eq!(voice.hear(answered, true), None);
        let mut looks = (1..200).map(|n| start + TICK * n);
        assert!(looks.all(|now| voice.poll(now, answered, false).is_none()));
        let next = answered + IDLE;
        assert_eq!(voice.poll(next, answered, false), Some(Beat::Ask));
    }

    #[test]
    fn a_recorder_that_is_short_of_time_blames_nobody() {
        let start = Instant::now();
        let mut pulse = Pulse::default();
        let looks = (1..20).map(|n| pulse.poll(start + n * 2 * OVERLOAD, start, true, |_| true));
        assert!(looks.into_iter().all(|beat| beat == Some(Beat::Ask)));
    }

    #[test]
    fn a_recorder_that_does_not_receive_in_time_calls_no_publisher_silent() {
        let start = Instant::now();
        let mut pulse = Pulse::default();
        let looks = (1..1000).filter_map(|n| pulse.poll(start + n * TICK, start, true, |_| false));
        let beats: Vec<Beat> = looks.collect();
        assert!(beats.len() > 100 && beats.iter().all(|beat| *beat == Beat::Ask));
    }

    #[test]
    fn a_guest_without_tracks_who_is_gone_is_noticed_too() {
        let done = beats(
            &mut Pulse::default(),
            Instant::now(),
            Duration::from_secs(60),
            false,
        );
        assert_eq!(done.last(), Some(&(11_000, Beat::Silent)));
    }
}
