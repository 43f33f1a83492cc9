// SPDX-License-Identifier: MPL-2.0
//! Sequence numbers for a depayloader: removed packets leave no gap, lost ones do.

/// rtpjitterbuffer gives out packets in order. GStreamer's depayloaders drop what is so much older
/// than expected, and take anything else for a new beginning
/// (`gst_rtp_base_depayload_handle_buffer`).
const MAX_REORDER: u16 = 100;

/// A step of more than half of all numbers would be one back.
const LARGEST_HOLE: u16 = 0x4000;

#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// Of the newest packet, as it was sent.
    last: Option<u16>,
    /// Of the next one, as it goes on, if nothing is missing before it.
    next: u16,
    missing: u16,
}

impl Numbers {
    /// A packet comes; whether it follows one that has gone on. None if it is too old.
    pub(crate) fn arrive(&mut self, seqnum: u16) -> Option<bool> {
        let Some(last) = self.last.replace(seqnum) else {
            self.next = seqnum;
            return Some(false);
        };
        let lost = match seqnum.wrapping_sub(last) {
            0 => None,
            step if step > u16::MAX - MAX_REORDER => None,
            // Sent anew from another number on.
            step if step > u16::MAX / 2 => Some(1),
            step => Some(step - 1),
        };
        let Some(lost) = lost else {
            self.last = Some(last);
            return None;
        };
        self.miss(lost);
        Some(self.missing == 0)
    }

    /// One is as good as lost.
    pub(crate) fn skip(&mut self) {
        self.miss(1);
    }

    fn miss(&mut self, count: u16) {
        self.missing = self.missing.saturating_add(count).min(LARGEST_HOLE);
    }

    /// The number of the packet that has come.
    pub(crate) fn next(&mut self) -> u16 {
        let number = self.next.wrapping_add(std::mem::take(&mut self.missing));
        self.next = number.wrapping_add(1);
        number
    }

    /// The number that a packet would have which is expected, and lost.
    pub(crate) fn of_lost(&self, seqnum: u16) -> u16 {
        match self.last {
            Some(last) => {
                let ahead = seqnum.wrapping_sub(last).wrapping_sub(1);
                self.next.wrapping_add(self.missing).wrapping_add(ahead)
            }
            None => seqnum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    enum Sent {
        Media(u16),
        Padding(u16),
        Broken(u16),
    }
    use Sent::*;

    /// The numbers that go on.
    fn numbered(sent: &[Sent]) -> Vec<u16> {
        let mut numbers = Numbers::default();
        let mut given = vec![];
        for packet in sent {
            let (Media(seqnum) | Padding(seqnum) | Broken(seqnum)) = *packet;
            if numbers.arrive(seqnum).is_none() {
                continue;
            }
            match packet {
                Media(_) => given.push(numbers.next()),
                Padding(_) => {}
                Broken(_) => numbers.skip(),
            }
        }
        given
    }

    #[test]
    fn numbers_stay_as_they_are_as_long_as_nothing_vanishes() {
        assert_eq!(
            numbered(&[Media(65534), Media(65535), Media(0), Media(3)]),
            [65534, 65535, 0, 3]
        );
    }

    #[test]
    fn padding_leaves_no_hole() {
        let sent = [Media(7), Padding(8), Padding(9), Media(10), Media(11)];
        assert_eq!(numbered(&sent), [7, 8, 9]);
    }

    #[test]
    fn what_is_lost_beside_padding_leaves_its_hole() {
        let sent = [Media(7), Padding(8), Media(10), Padding(12), Media(13)];
        assert_eq!(numbered(&sent), [7, 9, 11]);
    }

    #[test]
    fn a_broken_packet_leaves_a_hole() {
        assert_eq!(numbered(&[Media(7), Broken(8), Media(9)]), [7, 9]);
    }

    #[test]
    fn an_old_packet_is_none() {
        let sent = [
            Media(7),
            Padding(8),
            Media(9),
            Media(9),
            Media(8),
            Media(10),
        ];
        assert_eq!(numbered(&sent), [7, 8, 9]);
    }

    #[test]
    fn a_sender_that_counts_anew_leaves_a_hole() {
        let sent = [Media(60000), Media(50000), Media(50001)];
        assert_eq!(numbered(&sent), [60000, 60002, 60003]);
    }

    #[test]
    fn a_long_row_of_broken_packets_is_no_step_back() {
        let mut numbers = Numbers::default();
        for seqnum in 0..=u16::MAX {
            numbers.arrive(seqnum);
            numbers.skip();
        }
        numbers.arrive(0);
        assert!(numbers.next() < u16::MAX / 2);
    }

    #[test]
    fn a_lost_packet_has_the_number_that_it_would_have() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.of_lost(40), 40);
        numbers.arrive(7);
        numbers.next();
        numbers.arrive(8);
        assert_eq!(numbers.of_lost(9), 8);
        assert_eq!(numbers.of_lost(10), 9);
    }
}
