// SPDX-License-Identifier: MPL-2.0
//! How long the I/O thread rests after it has received media. Waking for each packet costs as much
//! again as what is done with it.

use std::time::Duration;

const USUAL: Duration = Duration::from_millis(10);

/// While a publisher connects: a handshake takes several turns.
const CONNECTING: Duration = Duration::from_millis(2);

/// As much is received in one go without a danger that sockets overflow: the kernel keeps 212,992
/// bytes by default, and counts some 800 for a packet of audio, 2,300 for one of video.
const PACKETS: u32 = 64;

/// After so many packets of media have come `within` this time. None if it need not rest: then the
/// next datagram wakes it.
pub(crate) fn rest(media: u32, within: Duration, is_connecting: bool) -> Option<Duration> {
    let usual = if is_connecting { CONNECTING } else { USUAL };
    let until_full = (within * PACKETS).checked_div(media)?;
    Some(usual.min(until_full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_while_media_flows_and_less_the_more_there_is() {
        let ms = Duration::from_millis;
        assert_eq!(rest(0, ms(10), false), None);
        assert_eq!(rest(1, ms(10), false), Some(USUAL));
        assert_eq!(rest(64, ms(10), false), Some(USUAL));
        assert_eq!(rest(128, ms(10), false), Some(ms(5)));
        assert_eq!(rest(64, ms(5), false), Some(ms(5)), "as many again");
        assert_eq!(rest(1, ms(10), true), Some(CONNECTING));
    }
}
