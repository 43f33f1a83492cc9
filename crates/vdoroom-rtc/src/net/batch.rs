// SPDX-License-Identifier: MPL-2.0
//! How long the I/O thread sleeps after it has received media, so that it takes packets in batches.
//! Waking for each packet costs as much again as handling it.

use std::time::Duration;

/// The longest interval between two batches: a packet may be given out so much later than it has come.
pub const BATCH_INTERVAL: Duration = Duration::from_millis(20);

/// While a publisher connects: a handshake takes several turns.
const CONNECTING: Duration = Duration::from_millis(2);

/// What the kernel counts for a video packet is some 2,300 bytes, and 800 for an audio packet. There is
/// space for twice as many: keyframes come at once.
const BYTES: usize = 5000;

/// As many packets may wait in sockets for each of which the kernel keeps so many bytes. `None` if there
/// is no such socket: a stream over TCP loses nothing.
pub(crate) fn capacity(kept: Option<usize>) -> u32 {
    let packets = kept.and_then(|kept| u32::try_from(kept / BYTES).ok());
    packets.unwrap_or(u32::MAX).max(1)
}

/// The interval until the next batch, after so many packets of media have come `within` this time.
/// `None` if no media comes: then the next datagram wakes the thread.
pub(crate) fn interval(
    media: u32,
    within: Duration,
    is_connecting: bool,
    capacity: u32,
) -> Option<Duration> {
    let longest = if is_connecting {
        CONNECTING
    } else {
        BATCH_INTERVAL
    };
    let until_full = within.saturating_mul(capacity).checked_div(media)?;
    Some(longest.min(until_full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_shorter_the_more_media_comes() {
        let ms = Duration::from_millis;
        // What Linux gives by its default settings.
        let capacity = capacity(Some(425_984));
        assert_eq!(capacity, 85);
        assert_eq!(interval(0, ms(20), false, capacity), None);
        assert_eq!(interval(1, ms(20), false, capacity), Some(BATCH_INTERVAL));
        assert_eq!(
            interval(capacity, ms(20), false, capacity),
            Some(BATCH_INTERVAL)
        );
        assert_eq!(
            interval(2 * capacity, ms(20), false, capacity),
            Some(ms(10))
        );
        assert_eq!(
            interval(capacity, ms(5), false, capacity),
            Some(ms(5)),
            "as many again"
        );
        assert_eq!(interval(1, ms(20), true, capacity), Some(CONNECTING));
    }

    #[test]
    fn a_socket_with_little_space_is_emptied_often_and_a_stream_is_not() {
        assert_eq!(capacity(Some(0)), 1);
        let little = interval(4, BATCH_INTERVAL, false, capacity(Some(4608)));
        assert_eq!(little, Some(BATCH_INTERVAL / 4));
        let stream = interval(1000, BATCH_INTERVAL, false, capacity(None));
        assert_eq!(stream, Some(BATCH_INTERVAL));
    }
}
