// SPDX-License-Identifier: MPL-2.0
//! How long the I/O thread rests after it has received media. Waking for each packet costs as much
//! again as what is done with it.

use std::time::Duration;

const USUAL: Duration = Duration::from_millis(20);

/// While a publisher connects: a handshake takes several turns.
const CONNECTING: Duration = Duration::from_millis(2);

/// What the kernel counts for a packet of video is some 2,300 bytes, and 800 for one of audio. The
/// rest is for packets that come at once.
const BYTES: usize = 3300;

/// As many packets may wait in a socket for which the kernel keeps so many bytes.
pub(crate) fn room(kept: usize) -> u32 {
    u32::try_from(kept / BYTES).unwrap_or(u32::MAX).max(1)
}

/// After so many packets of media have come `within` this time, into sockets with `room` for some.
/// None if it need not rest: then the next datagram wakes it.
pub(crate) fn rest(
    media: u32,
    within: Duration,
    is_connecting: bool,
    room: u32,
) -> Option<Duration> {
    let usual = if is_connecting { CONNECTING } else { USUAL };
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
        let room = room(425_984);
        assert_eq!(room, 129);
        assert_eq!(rest(0, ms(20), false, room), None);
        assert_eq!(rest(1, ms(20), false, room), Some(USUAL));
        assert_eq!(rest(room, ms(20), false, room), Some(USUAL));
        assert_eq!(rest(2 * room, ms(20), false, room), Some(ms(10)));
        assert_eq!(rest(room, ms(5), false, room), Some(ms(5)), "as many again");
        assert_eq!(rest(1, ms(20), true, room), Some(CONNECTING));
    }

    #[test]
    fn a_socket_with_little_space_is_emptied_often() {
        assert_eq!(room(0), 1);
        assert_eq!(rest(4, USUAL, false, room(4608)), Some(USUAL / 4));
    }
}
