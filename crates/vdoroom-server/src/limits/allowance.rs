// SPDX-License-Identifier: MPL-2.0
//! How much a client may say, and how often an address may connect: rates, and the debts of those who
//! exceed them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::numbers::{BURST, BYTES_PER_MESSAGE, Limits, NEW_CONNECTIONS, START};

/// A rate that may be exceeded for a while. What is taken beyond that is a debt, which time pays.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    most: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    fn new(per_second: u32, most: u32, now: Instant) -> Self {
        let (per_second, most) = (per_second.max(1).into(), most.into());
        Self {
            per_second,
            most,
            left: most,
            at: now,
        }
    }

    /// The rate at which one address may connect.
    pub fn of_new_connections(limits: &Limits, now: Instant) -> Self {
        let burst = u32::try_from(limits.connections_per_address).unwrap_or(u32::MAX);
        Self::new(NEW_CONNECTIONS, burst.max(NEW_CONNECTIONS), now)
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = self.most.min(self.left + passed * self.per_second);
        self.at = now;
    }

    /// Takes `n`, there or not.
    pub fn take(&mut self, n: usize, now: Instant) {
        self.refill(now);
        self.left -= n as f64;
    }

    /// How long it takes until the debt is paid.
    pub fn debt(&mut self, now: Instant) -> Duration {
        self.refill(now);
        Duration::from_secs_f64((-self.left / self.per_second).clamp(0.0, 3600.0))
    }

    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left >= self.most
    }
}

/// How much a client may say. Shared by what reads its connection and what sends to others for it.
#[derive(Clone)]
pub struct Allowance(Arc<Mutex<(Bucket, Bucket)>>);

impl Allowance {
    pub fn new(limits: &Limits, now: Instant) -> Self {
        let bucket = |rate: u32| {
            let mut bucket = Bucket::new(rate, rate.saturating_mul(BURST), now);
            bucket.left = f64::from(rate) * f64::from(START);
            bucket
        };
        Self(Arc::new(Mutex::new((
            bucket(limits.messages),
            bucket(limits.messages.saturating_mul(BYTES_PER_MESSAGE)),
        ))))
    }

    pub fn charge(&self, messages: usize, bytes: usize) {
        let now = Instant::now();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.0.take(messages, now);
        buckets.1.take(bytes, now);
    }

    /// How long nothing may be read from the client: its messages wait, and only they.
    pub fn debt(&self) -> Duration {
        let now = Instant::now();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.0.debt(now).max(buckets.1.debt(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_too_much_at_once_waits_until_it_is_paid() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 100, start);
        bucket.take(100, start);
        assert_eq!(bucket.debt(start), Duration::ZERO);
        bucket.take(5, start);
        assert_eq!(bucket.debt(start), Duration::from_millis(500));
        let later = start + Duration::from_secs(1);
        assert_eq!(bucket.debt(later), Duration::ZERO);
        assert!(!bucket.is_full(later));
        assert!(bucket.is_full(later + Duration::from_secs(60)));
    }

    #[test]
    fn who_connects_anew_may_say_less_at_once_than_who_was_quiet() {
        let limits = Limits {
            messages: 10,
            ..Limits::default()
        };
        let start = Instant::now();
        let new = Allowance::new(&limits, start);
        let quiet = Allowance::new(&limits, start - Duration::from_secs(60));
        for (allowance, may) in [(new, 20), (quiet, 100)] {
            allowance.charge(may, 0);
            assert!(allowance.debt() < Duration::from_millis(200));
            allowance.charge(20, 0);
            assert!(allowance.debt() > Duration::from_secs(1));
        }
    }
}
