// SPDX-License-Identifier: MPL-2.0
//! Messages of a TURN server in a stream of bytes (RFC 8656 section 12.5). turn-client-proto has
//! this too, but knows no padding, which servers send and expect.

/// Where a message says how long it is.
const HEAD: usize = 4;

/// Of a message of STUN, which its length does not count.
const STUN_HEADER: usize = 20;

/// Whose server does not speak TURN.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rubbish;

/// The beginning of a message that has not come whole. It is never longer than one.
#[derive(Debug, Default)]
pub(super) struct Frames {
    rest: Vec<u8>,
}

impl Frames {
    /// Gives the messages that are whole to `take`, one by one.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Rubbish> {
        self.rest.extend_from_slice(bytes);
        let mut left = &self.rest[..];
        let outcome = loop {
            match length(left) {
                Ok(Some(length)) => match left.split_at_checked(length) {
                    Some((message, after)) => {
                        take(message);
                        left = after;
                    }
                    None => break Ok(()),
                },
                Ok(None) => break Ok(()),
                Err(rubbish) => {
                    left = &[];
                    break Err(rubbish);
                }
            }
        };
        let taken = self.rest.len() - left.len();
        self.rest.drain(..taken);
        outcome
    }
}

/// Of the message that begins here, with its padding.
fn length(bytes: &[u8]) -> Result<Option<usize>, Rubbish> {
    let [first, _, high, low] = match bytes.first_chunk::<HEAD>() {
        Some(head) => *head,
        None => return Ok(None),
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    match first >> 6 {
        0 => Ok(Some(STUN_HEADER + length)),
        1 => Ok(Some((HEAD + length).next_multiple_of(4))),
        _ => Err(Rubbish),
    }
}

/// As a stream carries it.
pub(super) fn padded(mut message: Vec<u8>) -> Vec<u8> {
    message.resize(message.len().next_multiple_of(4), 0);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(data: &[u8]) -> Vec<u8> {
        let mut message = vec![0x40, 1];
        message.extend((data.len() as u16).to_be_bytes());
        message.extend(data);
        message
    }

    fn stun(attributes: &[u8]) -> Vec<u8> {
        let mut message = vec![1, 1];
        message.extend((attributes.len() as u16).to_be_bytes());
        message.extend([0x21, 0x12, 0xa4, 0x42]);
        message.extend([9; 12]);
        message.extend(attributes);
        message
    }

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let messages = [
            channel(b"a"),
            stun(&[]),
            channel(b""),
            stun(&[7; 8]),
            channel(&[5; 1001]),
        ];
        let stream: Vec<u8> = messages.iter().cloned().flat_map(padded).collect();
        for cut in 1..=stream.len() {
            let mut frames = Frames::default();
            let mut taken = Vec::new();
            for part in stream.chunks(cut) {
                frames
                    .feed(part, |message| taken.push(message.to_vec()))
                    .unwrap();
            }
            assert_eq!(taken.len(), messages.len(), "cut after {cut}");
            for (taken, message) in taken.iter().zip(&messages) {
                assert!(taken.starts_with(message));
            }
            assert!(frames.rest.is_empty());
        }
    }

    #[test]
    fn what_is_no_message_is_not_kept() {
        let mut frames = Frames::default();
        let page = b"HTTP/1.1 400 Bad Request\r\n";
        let fed = frames.feed(&page.map(|byte| byte | 0x80), |_| panic!("a message"));
        assert_eq!(fed, Err(Rubbish));
    }

    #[test]
    fn no_more_is_kept_than_the_longest_message() {
        let mut frames = Frames::default();
        let longest = padded(channel(&[3; u16::MAX as usize]));
        for part in longest.chunks(1000).cycle().take(1000) {
            frames.feed(part, |_| ()).unwrap();
            assert!(frames.rest.len() <= STUN_HEADER + usize::from(u16::MAX));
        }
    }
}
