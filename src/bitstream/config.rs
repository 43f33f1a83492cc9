// SPDX-License-Identifier: MPL-2.0
//! Parameter sets outside of the frames: decoder configuration records (ISO/IEC 14496-15 sections
//! 5.3.3.1 and 8.3.3.1), which caps have as `codec_data`.

use super::standard::Standard;

/// NAL unit type of an SPS.
const AVC_SPS: u8 = 7;
const HEVC_SPS: u8 = 33;

pub(crate) struct Config<'a> {
    standard: Standard,
    record: &'a [u8],
}

impl<'a> Config<'a> {
    pub(crate) fn new(standard: Standard, record: &'a [u8]) -> Self {
        Self { standard, record }
    }

    /// The first sequence parameter set.
    pub(crate) fn sps(&self) -> Option<&'a [u8]> {
        match self.standard {
            Standard::H264 => {
                let sets = self.record.get(5)? & 0x1f;
                let (sps, _) = unit(self.record.get(6..)?)?;
                (sets > 0 && sps.first()? & 0x1f == AVC_SPS).then_some(sps)
            }
            Standard::H265 => {
                let arrays = *self.record.get(22)?;
                let mut rest = self.record.get(23..)?;
                for _ in 0..arrays {
                    let (head, units) = rest.split_at_checked(3)?;
                    rest = units;
                    for _ in 0..u16::from_be_bytes([head[1], head[2]]) {
                        let (nal, after) = unit(rest)?;
                        if head[0] & 0x3f == HEVC_SPS {
                            return Some(nal);
                        }
                        rest = after;
                    }
                }
                None
            }
        }
    }
}

/// A NAL unit behind two bytes of length, and what follows.
fn unit(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sps_is_found_in_both_records() {
        let avc = [
            1, 0x64, 0, 0x0d, 0xff, 0xe1, 0, 2, 0x67, 0x64, 1, 0, 1, 0x68,
        ];
        let sps = Config::new(Standard::H264, &avc).sps();
        assert_eq!(sps, Some(&[0x67, 0x64][..]));
        let mut hevc = vec![0; 22];
        hevc.extend([2, 0x20, 0, 1, 0, 1, 0x40, 0x21, 0, 1, 0, 2, 0x42, 1]);
        let sps = Config::new(Standard::H265, &hevc).sps();
        assert_eq!(sps, Some(&[0x42, 1][..]));
    }

    #[test]
    fn a_record_that_ends_early_has_none() {
        let avc = [1, 0x64, 0, 0x0d, 0xff, 0xe1, 0, 200, 0x67];
        for length in 0..avc.len() {
            assert_eq!(Config::new(Standard::H264, &avc[..length]).sps(), None);
            assert_eq!(Config::new(Standard::H265, &avc[..length]).sps(), None);
        }
    }
}
