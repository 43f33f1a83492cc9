// SPDX-License-Identifier: MPL-2.0
//! The clock of a sound card, beside that of its machine.

use gst::prelude::MulDiv;

/// How fast a sound card is against the clock of its machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SoundCard {
    pub ppm: u32,
}

impl SoundCard {
    pub(super) fn rate(self) -> u64 {
        1_000_000 + u64::from(self.ppm)
    }

    /// The machine's time for a time by the card.
    pub fn machine_time(self, time: gst::ClockTime) -> gst::ClockTime {
        // The card is faster, so this cannot overflow.
        time.mul_div_round(1_000_000, self.rate()).unwrap_or(time)
    }

    /// What the card has counted while the machine's clock counted `ticks`.
    pub fn own_ticks(self, ticks: i64) -> i64 {
        (i128::from(ticks) * i128::from(self.rate()) / 1_000_000) as i64
    }
}
