// SPDX-License-Identifier: MPL-2.0
//! How long the I/O thread rests after it has received media. Waking for each packet costs as much
//! again as what is done with it.

use std::time::Duration;

/// The longest rest of the I/O thread: a packet may be given out so much later than it has come.
pub const REST: Duration = Duration::from_millis(20);

/// While a publisher connects: a handshake takes several turns.
const CONNECTING: Duration = Duration::from_millis(2);

/// What the kernel counts for a packet of video is some 2,300 bytes, and 800 for one of audio. There is
/// space for twice as many: keyframes come at once.
const BYTES: usize = 5000;

/// As many packets may wait in sockets for each of which the kernel keeps so many bytes. `None` if there
/// is no such socket: a stream over TCP loses nothing.
pub(crate) fn room(kept: Option<usize>) -> u32 {
    let packets = kept.and_then(|kept| u32::try_from(kept / BYTES).ok());
    packets.unwrap_or(u32::MAX).max(1)
}

/// After so many packets of media have come `within` this time, into sockets with `room` for some.
/// None if it need not rest: then the next datagram wakes it.
pub(crate) fn rest(
    media: u32,
    within: Duration,
    is_connecting: bool,
    room: u32,
) -> Option<Duration> {
    let usual = if is_connecting { CONNECTING } else { REST };
    let until_full = within.saturating_mul(room).checked_div(media)?;
    Some(usual.min(until_full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_while_media_flows_and_less_the_more_there_is() {
        let ms = Duration::from_millis;
        // What Linux gives by its default settings.
        let room = room(Some(425_984));
        assert_eq!(room, 85);
        assert_eq!(rest(0, ms(20), false, room), None);
        assert_eq!(rest(1, ms(20), false, room), Some(REST));
        assert_eq!(rest(room, ms(20), false, room), Some(REST));
        assert_eq!(rest(2 * room, ms(20), false, room), Some(ms(10)));
        assert_eq!(rest(room, ms(5), false, room), Some(ms(5)), "as many again");
        assert_eq!(rest(1, ms(20), true, room), Some(CONNECTING));
    }

    #[test]
    fn a_socket_with_little_space_is_emptied_often_and_a_stream_is_not() {
        assert_eq!(room(Some(0)), 1);
        assert_eq!(rest(4, REST, false, room(Some(4608))), Some(REST / 4));
        assert_eq!(rest(1000, REST, false, room(None)), Some(REST));
    }
}
