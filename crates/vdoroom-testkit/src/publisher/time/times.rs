// SPDX-License-Identifier: MPL-2.0
//! All that a publisher is told of time, as one value.

use std::time::Duration;

use super::{card::SoundCard, reports::SenderReports, timeline::Timeline};

/// Which clocks a publisher has, when it sends what it captured, and what it reports of that.
#[derive(Clone, Default)]
pub struct Times {
    pub timeline: Option<Timeline>,
    pub card: SoundCard,
    pub video_delay: Duration,
    pub audio_delay: Duration,
    /// How much media waits in the queues until the connection is open.
    pub queued: Duration,
    pub sender_reports: SenderReports,
    /// RTP time of audio rests while there is none.
    pub counts_samples: bool,
}
