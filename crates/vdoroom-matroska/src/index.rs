// SPDX-License-Identifier: MPL-2.0
//! What makes a file seekable: cues behind the last cluster, a SeekHead in the room at the beginning,
//! and the duration in the room at the end of Info.

use crate::ebml::Elements;
use crate::ids;

/// Room for the SeekHead, which is known only at the end.
pub const SEEK_HEAD_ROOM: usize = 120;
/// A Duration element: ID, size and a double. Until it is known a Void stands there: it must be more
/// than zero (RFC 9559 section 5.1.2.10).
pub const DURATION_ROOM: usize = 11;

/// A place to seek to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cue {
    /// In units of the segment's timestamps.
    pub time: u64,
    /// Number of the track, from 1.
    pub track: u64,
    /// Position of the cluster in the segment.
    pub cluster: u64,
}

/// The element Cues. Without an entry it is not allowed (RFC 9559 section 5.1.5).
pub fn cues(cues: &[Cue]) -> Vec<u8> {
    let mut e = Elements::default();
    if cues.is_empty() {
        return e.0;
    }
    e.master(ids::CUES, |e| {
        for cue in cues {
            e.master(ids::CUE_POINT, |e| {
                e.uint(ids::CUE_TIME, cue.time);
                e.master(ids::CUE_TRACK_POSITIONS, |e| {
                    e.uint(ids::CUE_TRACK, cue.track);
                    e.uint(ids::CUE_CLUSTER_POSITION, cue.cluster);
                });
            });
        }
    });
    e.0
}

/// A SeekHead and a Void behind it, together of `room` bytes. `targets` are IDs and their positions in
/// the segment. `None` if the room does not suffice.
pub fn seek_head(targets: &[(u32, u64)], room: usize) -> Option<Vec<u8>> {
    let mut e = Elements::default();
    e.master(ids::SEEK_HEAD, |e| {
        for (id, at) in targets {
            e.master(ids::SEEK, |e| {
                e.binary(ids::SEEK_ID, &id.to_be_bytes());
                e.uint(ids::SEEK_POSITION, *at);
            });
        }
    });
    let rest = room.checked_sub(e.0.len())?;
    match rest {
        0 => {}
        1 => return None,
        2..9 => {
            e.short_void(rest);
        }
        _ => {
            e.void(rest);
        }
    }
    Some(e.0)
}

/// Of [`DURATION_ROOM`] bytes, in units of the segment's timestamps.
pub fn duration(duration: f64) -> Vec<u8> {
    let mut e = Elements::default();
    e.float(ids::DURATION, duration);
    e.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seek_head_fills_its_room_or_is_refused() {
        let targets = [(ids::INFO, 120), (ids::CUES, 1 << 40)];
        let needs = seek_head(&targets, 200).unwrap();
        assert_eq!(needs.len(), 200);
        let bare = (0..200).find_map(|room| seek_head(&targets, room)).unwrap();
        let least = bare.len();
        for room in least + 2..least + 20 {
            assert_eq!(seek_head(&targets, room).unwrap().len(), room);
        }
        assert_eq!(seek_head(&targets, least + 1), None, "no Void of one byte");
        assert_eq!(seek_head(&targets, least - 1), None);
    }

    #[test]
    fn a_duration_fills_its_room() {
        assert_eq!(duration(1.5).len(), DURATION_ROOM);
    }

    #[test]
    fn an_index_without_entries_is_none() {
        assert!(cues(&[]).is_empty());
    }
}
