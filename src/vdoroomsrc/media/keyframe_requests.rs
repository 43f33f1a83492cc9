// SPDX-License-Identifier: MPL-2.0
//! When to ask a publisher for a keyframe (PLI, RFC 4585 section 6.3.1).

use std::time::{Duration, Instant};

/// An encoder that got a request needs time to answer; asking more often only costs quality.
const RETRY: Duration = Duration::from_millis(300);
/// Requests without an answer, after which a publisher is asked less often.
const QUICK_REQUESTS: u32 = 5;
const SLOW_RETRY: Duration = Duration::from_secs(2);
/// A consumer that has refused video is tried with another keyframe, ever more rarely.
const FIRST_TRIAL: Duration = Duration::from_secs(1);
const LONGEST_TRIAL: Duration = Duration::from_secs(32);

/// What the user wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyframeWish {
    /// As in [`KeyframePolicy`].
    pub interval: Option<Duration>,
    /// After a loss nothing is shown until the next one.
    pub waits: bool,
}

#[derive(Debug)]
pub(crate) struct KeyframePolicy {
    /// The longest wanted distance between keyframes; `None` asks only when one is needed.
    interval: Option<Duration>,
    needed: bool,
    last_keyframe: Option<Instant>,
    last_request: Option<Instant>,
    unanswered: u32,
    /// When a consumer that refuses is tried again, and how long is waited after that.
    trial: Option<Instant>,
    patience: Duration,
}

impl KeyframePolicy {
    /// Starts out in need of a keyframe.
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        Self {
            interval,
            needed: true,
            last_keyframe: None,
            last_request: None,
            unanswered: 0,
            trial: None,
            patience: FIRST_TRIAL,
        }
    }

    pub(crate) fn set_interval(&mut self, interval: Option<Duration>) {
        self.interval = interval;
    }

    /// Nothing can be done with the video until a keyframe comes.
    pub(crate) fn need(&mut self) {
        self.needed = true;
    }

    /// What is linked has refused what it was given, and nothing tells when it would take more.
    pub(crate) fn need_for_refusing(&mut self, now: Instant) {
        let trial = *self.trial.get_or_insert(now + self.patience);
        if now >= trial {
            self.patience = (2 * self.patience).min(LONGEST_TRIAL);
            self.trial = Some(now + self.patience);
            self.need();
        }
    }

    /// What is linked takes what it is given.
    pub(crate) fn taken(&mut self) {
        (self.trial, self.patience) = (None, FIRST_TRIAL);
    }

    /// One is needed, and has just been asked for.
    pub(crate) fn asked(&mut self, now: Instant) {
        self.needed = true;
        self.last_request = Some(now);
        self.unanswered = self.unanswered.saturating_add(1);
    }

    pub(crate) fn keyframe_came(&mut self, now: Instant) {
        self.needed = false;
        self.unanswered = 0;
        self.last_keyframe = Some(now);
    }

    /// Whether to send a request now; counts as sent if so.
    pub(crate) fn poll(&mut self, now: Instant) -> bool {
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        let overdue = match (self.interval, since(self.last_keyframe)) {
            (Some(interval), Some(age)) => age >= interval,
            _ => false,
        };
        let pace = if self.unanswered < QUICK_REQUESTS {
            RETRY
        } else {
            SLOW_RETRY
        };
        let paced = since(self.last_request).is_none_or(|age| age >= pace);
        let ask = (self.needed || overdue) && paced;
        if ask {
            self.asked(now);
        }
        ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn asks_until_the_first_keyframe_comes() {
        let start = Instant::now();
        let mut policy = KeyframePolicy::new(None);
        assert!(policy.poll(start));
        assert!(!policy.poll(start + 299 * MS), "too soon");
        assert!(policy.poll(start + 300 * MS));
        policy.keyframe_came(start + 310 * MS);
        assert!(!policy.poll(start + 100_000 * MS), "nothing is needed");
    }

    #[test]
    fn asks_when_the_interval_has_passed_without_a_keyframe() {
        let start = Instant::now();
        let mut policy = KeyframePolicy::new(Some(1000 * MS));
        policy.keyframe_came(start);
        assert!(!policy.poll(start + 999 * MS));
        assert!(policy.poll(start + 1000 * MS));
        policy.keyframe_came(start + 1050 * MS);
        assert!(!policy.poll(start + 1400 * MS));
    }

    #[test]
    fn asks_an_encoder_that_does_not_obey_less_often() {
        let start = Instant::now();
        let mut policy = KeyframePolicy::new(None);
        let asked = |at: u32, policy: &mut KeyframePolicy| policy.poll(start + at * 100 * MS);
        let requests = (0..100).filter(|at| asked(*at, &mut policy)).count();
        assert_eq!(requests, 5 + 4, "five in 1.5 s, then every 2 s of 10");
    }

    #[test]
    fn asks_again_after_damage() {
        let start = Instant::now();
        let mut policy = KeyframePolicy::new(None);
        policy.keyframe_came(start);
        policy.need();
        assert!(policy.poll(start + MS));
    }

    #[test]
    fn a_consumer_that_refuses_is_tried_ever_more_rarely() {
        let start = Instant::now();
        let mut policy = KeyframePolicy::new(None);
        policy.keyframe_came(start);
        let mut asked = Vec::new();
        for second in 0..200 {
            let now = start + second * 1000 * MS;
            policy.need_for_refusing(now);
            if policy.poll(now) {
                asked.push(second);
                policy.keyframe_came(now);
            }
        }
        assert_eq!(asked, [1, 3, 7, 15, 31, 63, 95, 127, 159, 191]);
        policy.taken();
        policy.need_for_refusing(start);
        policy.need_for_refusing(start + FIRST_TRIAL);
        assert!(policy.poll(start + 300_000 * MS));
    }

    #[test]
    fn repeats_a_request_that_somebody_else_made() {
        let start = Instant::now();
        let mut policy = KeyframePolicy::new(None);
        policy.keyframe_came(start);
        policy.asked(start);
        assert!(!policy.poll(start + 299 * MS), "too soon");
        assert!(policy.poll(start + 300 * MS));
    }
}
