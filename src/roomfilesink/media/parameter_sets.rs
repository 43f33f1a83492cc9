// SPDX-License-Identifier: MPL-2.0
//! Parameter sets of H.264 and H.265 in byte-stream. Plain Rust.
//!
//! Many cameras send them once, at the beginning: then the second part of a recording could not be
//! decoded. They are kept and inserted into each keyframe without them.

use super::container::Codec;
use crate::bitstream::Bits;

/// More of them, or larger ones, no encoder sends.
const MAX_SETS: usize = 64;
const MAX_BYTES: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Access unit delimiter: comes before all others.
    Delimiter,
    Vps,
    Sps,
    Pps,
    /// A slice of the frame: no parameter set follows.
    Slice,
    Other,
}

#[derive(Debug)]
struct Set {
    kind: Kind,
    id: u32,
    /// The NAL unit without start code.
    nal: Vec<u8>,
}

/// Where in a frame bytes are missing, and which.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub at: usize,
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct ParameterSets {
    codec: Codec,
    sets: Vec<Set>,
}

impl ParameterSets {
    /// `codec` is H.264 or H.265.
    pub(crate) fn new(codec: Codec) -> Self {
        let sets = Vec::new();
        Self { codec, sets }
    }

    /// The first sequence parameter set that is known.
    pub(crate) fn sps(&self) -> Option<&[u8]> {
        let sps = self.sets.iter().find(|set| set.kind == Kind::Sps)?;
        Some(&sps.nal)
    }

    /// Remembers the sets in a frame; says what a keyframe lacks.
    pub(crate) fn frame(&mut self, data: &[u8], is_keyframe: bool) -> Option<Missing> {
        let (mut has_sps, mut at) = (false, 0);
        let mut next = start_code(data, 0).map(|code| code + 3);
        while let Some(start) = next {
            let kind = kind(self.codec, data.get(start).copied());
            // It may be long, and its end is not needed.
            if kind == Kind::Slice {
                break;
            }
            let code = start_code(data, start);
            let nal = without_zeros(&data[start..code.unwrap_or(data.len())]);
            match kind {
                Kind::Delimiter => at = start + nal.len(),
                Kind::Vps | Kind::Sps | Kind::Pps => {
                    has_sps |= kind == Kind::Sps;
                    self.remember(kind, nal);
                }
                Kind::Slice | Kind::Other => {}
            }
            next = code.map(|code| code + 3);
        }
        if !is_keyframe || has_sps || self.sets.is_empty() {
            return None;
        }
        let with_start_code = |set: &Set| [&[0, 0, 0, 1], set.nal.as_slice()].concat();
        let bytes = self.sets.iter().flat_map(with_start_code).collect();
        Some(Missing { at, bytes })
    }

    fn remember(&mut self, kind: Kind, nal: &[u8]) {
        let id = id(self.codec, kind, nal);
        let key = |set: &Set| (set.kind, set.id);
        let nal = nal.to_vec();
        match self.sets.binary_search_by_key(&(kind, id), key) {
            Ok(known) => self.sets[known].nal = nal,
            Err(at) if self.sets.len() < MAX_SETS && nal.len() <= MAX_BYTES => {
                self.sets.insert(at, Set { kind, id, nal });
            }
            Err(_) => {}
        }
    }
}

/// ITU-T H.264 table 7-1, H.265 table 7-1.
fn kind(codec: Codec, first: Option<u8>) -> Kind {
    let Some(first) = first else {
        return Kind::Other;
    };
    if codec == Codec::H265 {
        match first >> 1 & 0x3f {
            0..=31 => Kind::Slice,
            32 => Kind::Vps,
            33 => Kind::Sps,
            34 => Kind::Pps,
            35 => Kind::Delimiter,
            _ => Kind::Other,
        }
    } else {
        match first & 0x1f {
            1..=5 => Kind::Slice,
            7 => Kind::Sps,
            8 => Kind::Pps,
            9 => Kind::Delimiter,
            _ => Kind::Other,
        }
    }
}

/// The number of a set. That of an H.265 SPS comes after fields of varying length: there is one.
fn id(codec: Codec, kind: Kind, nal: &[u8]) -> u32 {
    let number = |at: usize| {
        let rest = nal.get(at..).unwrap_or_default();
        Bits::new(rest).exp_golomb().unwrap_or(0)
    };
    match (codec, kind) {
        (Codec::H265, Kind::Vps) => nal.get(2).map_or(0, |byte| u32::from(byte >> 4)),
        (Codec::H265, Kind::Pps) => number(2),
        (Codec::H264, Kind::Sps) => number(4),
        (Codec::H264, Kind::Pps) => number(1),
        _ => 0,
    }
}

/// Zeros at the end of a NAL unit belong to the start code that follows.
fn without_zeros(nal: &[u8]) -> &[u8] {
    let last = nal.iter().rposition(|byte| *byte != 0);
    nal.get(..=last.unwrap_or(0)).unwrap_or_default()
}

/// Where the next start code of a byte stream is (H.264 annex B).
fn start_code(data: &[u8], from: usize) -> Option<usize> {
    let found = data.get(from..)?.windows(3).position(|w| w == [0, 0, 1])?;
    Some(from + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: &[u8] = &[0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x0d, 0x8c, 0x11];
    const PPS: &[u8] = &[0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80];
    const AUD: &[u8] = &[0, 0, 0, 1, 0x09, 0x10];
    const IDR: &[u8] = &[0, 0, 1, 0x65, 0x88, 0x84];

    fn sets() -> ParameterSets {
        let mut sets = ParameterSets::new(Codec::H264);
        assert_eq!(sets.frame(&[SPS, PPS, IDR].concat(), true), None);
        sets
    }

    #[test]
    fn a_keyframe_without_sets_lacks_those_that_came_before() {
        let bytes = [SPS, PPS].concat();
        assert_eq!(sets().frame(IDR, true), Some(Missing { at: 0, bytes }));
    }

    #[test]
    fn a_delimiter_stays_in_front() {
        let missing = sets().frame(&[AUD, IDR].concat(), true).unwrap();
        assert_eq!(missing.at, AUD.len());
    }

    #[test]
    fn what_is_no_keyframe_or_has_its_sets_lacks_nothing() {
        assert_eq!(sets().frame(&[0, 0, 1, 0x41, 0x9a], false), None);
        assert_eq!(sets().frame(&[AUD, SPS, PPS, IDR].concat(), true), None);
    }

    #[test]
    fn a_set_replaces_the_one_with_its_number() {
        let mut sets = sets();
        let changed = [0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x90];
        let second = [0, 0, 0, 1, 0x68, 0x4e, 0x3c, 0x80];
        let slice = [0, 0, 1, 0x41, 0x9a];
        sets.frame(&[&changed, &second[..], &slice].concat(), false);
        let missing = sets.frame(IDR, true).unwrap();
        assert_eq!(missing.bytes, [SPS, &changed, &second].concat());
    }

    #[test]
    fn h265_has_a_third_kind() {
        let vps = [0, 0, 0, 1, 0x40, 1, 0x0c, 1];
        let sps = [0, 0, 0, 1, 0x42, 1, 1, 1];
        let pps = [0, 0, 0, 1, 0x44, 1, 0xc1, 0x73];
        let slice = [0, 0, 1, 0x26, 1, 0xaf];
        let mut sets = ParameterSets::new(Codec::H265);
        let all = [vps, sps, pps].concat();
        assert_eq!(sets.frame(&[&all[..], &slice].concat(), true), None);
        assert_eq!(sets.frame(&slice, true).unwrap().bytes, all);
    }

    #[test]
    fn noise_lacks_nothing_that_matters() {
        let mut sets = sets();
        for length in 0..64_u32 {
            let noise: Vec<u8> = (0..length).map(|n| (n * length % 7) as u8 / 3).collect();
            sets.frame(&noise, length % 2 == 0);
        }
        assert!(sets.sets.len() <= MAX_SETS);
    }
}
