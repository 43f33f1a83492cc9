// SPDX-License-Identifier: MPL-2.0
//! How RTP timestamps are counted on from one to the next, and what they are in time.

use super::units::SECOND;

/// Where a sender began to count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    pub seqnum: u16,
    pub rtp: i128,
    /// Nanoseconds.
    pub time: i128,
}

impl Epoch {
    /// Nanoseconds of RTP time.
    pub(crate) fn time_at(&self, rtp: i128, clock_rate: i128) -> i128 {
        self.time + (rtp - self.rtp) * SECOND / clock_rate
    }
}

/// A timestamp, as it is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    pub epoch: Epoch,
    pub clock_rate: i128,
    /// Without wrapping around.
    pub rtp: i128,
}

impl Count {
    /// Of a timestamp near to this one.
    pub(crate) fn at(&self, rtp: u32) -> Self {
        let rtp = unwrap(self.rtp, rtp);
        Self { rtp, ..*self }
    }

    /// Nanoseconds of RTP time.
    pub(crate) fn time(&self) -> i128 {
        self.epoch.time_at(self.rtp, self.clock_rate)
    }
}

/// The timestamp that is nearest to the one before.
pub(crate) fn unwrap(before: i128, rtp: u32) -> i128 {
    before + i128::from(rtp.wrapping_sub(before as u32) as i32)
}
