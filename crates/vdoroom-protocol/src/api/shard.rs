// SPDX-License-Identifier: MPL-2.0
//! Which of several recorders plays a stream; each of them computes it alone.
//!
//! Rendezvous hashing: every shard is hashed with the stream ID, and the highest hash wins. So a
//! stream stays where it is unless its shard goes or a new one outbids it: from N to N + 1 shards
//! about one stream in N + 1 moves, each of them to the new shard, and back the same ones return.

use sha2::{Digest, Sha256};

use super::ids::StreamId;

/// One of `count` recorders that divide a room's streams among themselves; by default the only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl Shard {
    /// The highest number of shards. Each new stream costs one hash for each of them.
    pub const MAX: u32 = 1024;

    /// `None` unless `index` is below `count`, and `count` no more than [`Shard::MAX`].
    pub fn new(index: u32, count: u32) -> Option<Self> {
        (index < count && count <= Self::MAX).then_some(Self { index, count })
    }

    /// Whether this shard is the one that plays the stream.
    pub fn owns(self, stream: &StreamId) -> bool {
        let own = bid(self.index, stream);
        let loses = |other: u32| {
            let bid = bid(other, stream);
            // No two bids were ever seen to be the same; if so, the lower index would win.
            bid < own || (bid == own && other >= self.index)
        };
        (0..self.count).all(loses)
    }
}

/// SHA-256 of the shard's index in decimal, a slash, and the stream ID: `2/alice`. Compared byte by
/// byte, as one compares the hexadecimal digits.
fn bid(shard: u32, stream: &StreamId) -> [u8; 32] {
    Sha256::digest(format!("{shard}/{stream}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The only shard of `count` that plays the stream.
    fn owner(stream: &StreamId, count: u32) -> u32 {
        let shards = (0..count).filter(|index| Shard::new(*index, count).unwrap().owns(stream));
        let owners: Vec<u32> = shards.collect();
        assert_eq!(owners.len(), 1, "{stream} with {count} shards: {owners:?}");
        owners[0]
    }

    fn named(name: impl Into<String>) -> StreamId {
        StreamId(name.into())
    }

    proptest! {
        #[test]
        fn every_stream_has_exactly_one_shard(name in "[A-Za-z0-9_]{1,64}", count in 1u32..40) {
            owner(&named(name), count);
        }

        #[test]
        fn one_more_shard_takes_streams_and_moves_none_between_the_others(
            name in "[A-Za-z0-9_]{1,64}",
            count in 1u32..40,
        ) {
            let stream = named(name);
            let (before, after) = (owner(&stream, count), owner(&stream, count + 1));
            prop_assert!(after == before || after == count, "{before} to {after} of {count}");
        }
    }

    #[test]
    fn a_new_shard_gets_its_fair_share() {
        let streams: Vec<StreamId> = (0..2000).map(|n| named(format!("guest_{n}"))).collect();
        for count in [1, 2, 3, 9] {
            let moved = streams
                .iter()
                .filter(|stream| owner(stream, count + 1) == count);
            let (moved, fair) = (moved.count(), streams.len() / (count as usize + 1));
            assert!(
                moved.abs_diff(fair) < fair / 4,
                "{moved} to shard {count}, not {fair}"
            );
        }
    }

    /// `for shard in 0 1 2; do printf '%s/alice' $shard | sha256sum; done` begins with 0d2a56,
    /// 8c6ac8 and 83d1e4.
    #[test]
    fn everybody_else_computes_the_same() {
        for (stream, expected) in [("erin", 0), ("alice", 1), ("bob", 2), ("Room_cam_1", 2)] {
            assert_eq!(owner(&named(stream), 3), expected, "{stream}");
        }
    }

    #[test]
    fn an_index_counts_from_0_and_ends_below_the_count() {
        assert_eq!(Shard::new(0, 1), Some(Shard::default()));
        assert!(Shard::new(2, 3).is_some());
        assert_eq!(Shard::new(3, 3), None);
        assert_eq!(Shard::new(0, 0), None);
        assert_eq!(Shard::new(0, Shard::MAX + 1), None);
    }
}
