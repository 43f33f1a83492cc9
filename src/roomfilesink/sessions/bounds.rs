// SPDX-License-Identifier: MPL-2.0
//! How long and how large a part becomes. Plain numbers, known when it begins and when a limit is set.

use crate::roomfilesink::media::Container;
use crate::roomfilesink::parts::Reason;
use crate::roomfilesink::settings::Limits;

const MINUTE: u64 = 60 * 1_000_000_000;

/// Of one part. Times are nanoseconds from its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// After these the next part begins with a keyframe: as the user wants it, and the container.
    time: u64,
    bytes: u64,
    whole: u64,
    /// What is later than this has no place in the file: its time cannot be said.
    end: u64,
}

impl Bounds {
    pub(crate) fn new(container: Container, limits: Limits) -> Self {
        let limit = |value| if value > 0 { value } else { u64::MAX };
        let (whole, end) = match container {
            // 33 bits of 90 kHz wrap around after 26.5 h, and files begin at 1 h. FFmpeg reads what
            // comes an hour after that as the beginning again. A day leaves 90 minutes for a keyframe.
            Container::MpegTs => (24 * 60 * MINUTE, (24 * 60 + 90) * MINUTE),
            // A frame lasts for up to 32 bits of 90 kHz, 13.2 h.
            Container::Mp4 => (12 * 60 * MINUTE, 13 * 60 * MINUTE),
            Container::Matroska | Container::WebM => (u64::MAX, u64::MAX),
        };
        Self {
            time: limit(limits.time),
            bytes: limit(limits.bytes),
            whole,
            end,
        }
    }

    /// Why a part of this length and size should end.
    pub(crate) fn reached(&self, time: u64, bytes: u64) -> Option<Reason> {
        if time >= self.time {
            Some(Reason::MaxSizeTime)
        } else if bytes >= self.bytes {
            Some(Reason::MaxSizeBytes)
        } else if time >= self.whole {
            Some(Reason::ContainerLimit)
        } else {
            None
        }
    }

    /// Whether this time can be said in the file.
    pub(crate) fn contain(&self, time: u64) -> bool {
        time < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * MINUTE;
    const NONE: Limits = Limits { time: 0, bytes: 0 };

    #[test]
    fn without_limits_only_the_container_has_an_end() {
        let bounds = |container| Bounds::new(container, NONE);
        for container in [Container::Matroska, Container::WebM] {
            let bounds = bounds(container);
            assert_eq!(bounds.reached(1000 * HOUR, 1 << 50), None);
            assert!(bounds.contain(1000 * HOUR));
        }
        for (container, hours) in [(Container::MpegTs, 24), (Container::Mp4, 12)] {
            let bounds = bounds(container);
            assert_eq!(bounds.reached(hours * HOUR - 1, 1 << 50), None);
            let reached = bounds.reached(hours * HOUR, 0);
            assert_eq!(reached, Some(Reason::ContainerLimit), "{container:?}");
            assert!(bounds.contain((hours + 1) * HOUR - 1), "until a keyframe");
            assert!(!bounds.contain((hours + 2) * HOUR));
        }
    }

    #[test]
    fn a_limit_of_the_user_counts_before_that_of_the_container() {
        let limits = Limits {
            time: MINUTE,
            bytes: 1000,
        };
        let bounds = Bounds::new(Container::MpegTs, limits);
        assert_eq!(bounds.reached(MINUTE - 1, 999), None);
        assert_eq!(bounds.reached(MINUTE, 1000), Some(Reason::MaxSizeTime));
        assert_eq!(bounds.reached(0, 1000), Some(Reason::MaxSizeBytes));
        let longer = Limits {
            time: 48 * HOUR,
            ..NONE
        };
        let reached = Bounds::new(Container::MpegTs, longer).reached(24 * HOUR, 0);
        assert_eq!(reached, Some(Reason::ContainerLimit));
    }
}
