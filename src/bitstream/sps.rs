// SPDX-License-Identifier: MPL-2.0
//! How many frames may precede one that is shown earlier, by the sequence parameter set
//! (H.264 section E.2.1, H.265 section 7.4.3.2.1).

use super::bits::Bits;
use super::standard::Standard;

/// More frames no decoder holds (H.264 section A.3.1, H.265 section A.4.2).
pub(super) const MAX_DEPTH: usize = 16;
/// What encoders use that do not tell: B-frames, and some of them as references.
const USUAL_DEPTH: usize = 2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reordering {
    /// Frames that a decoder holds before it shows one.
    pub depth: usize,
    /// The stream does not tell: it may be more.
    pub is_guess: bool,
}

impl Reordering {
    /// What an SPS with its NAL unit header says.
    pub(crate) fn of(standard: Standard, sps: &[u8]) -> Option<Self> {
        let reordering = match standard {
            Standard::H264 => avc(sps)?,
            Standard::H265 => Self::told(hevc(sps)?),
        };
        Some(reordering)
    }

    fn told(depth: u32) -> Self {
        Self {
            depth: (depth as usize).min(MAX_DEPTH),
            is_guess: false,
        }
    }
}

/// H.264 section 7.3.2.1.1.
fn avc(nal: &[u8]) -> Option<Reordering> {
    let mut sps = Bits::new(nal.get(1..)?);
    let profile = sps.number(8)?;
    let constraints = sps.number(8)?;
    let is_intra = constraints & 0x10 != 0 && matches!(profile, 44 | 86 | 100 | 110 | 122 | 244);
    // Baseline has no B slices.
    if profile == 66 || is_intra {
        return Some(Reordering::told(0));
    }
    sps.skip(8)?;
    sps.exp_golomb()?;
    if matches!(
        profile,
        44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244
    ) {
        skip_chroma(&mut sps)?;
    }
    sps.exp_golomb()?;
    let order_type = sps.exp_golomb()?;
    skip_order(&mut sps, order_type)?;
    let references = sps.exp_golomb()? as usize;
    sps.skip(1)?;
    sps.exp_golomb()?;
    sps.exp_golomb()?;
    if !sps.flag()? {
        sps.skip(1)?;
    }
    sps.skip(1)?;
    if sps.flag()? {
        skip_numbers(&mut sps, 4)?;
    }
    let told = match sps.flag()? {
        true => restriction(&mut sps)?,
        false => None,
    };
    Some(match told {
        Some(depth) => Reordering::told(depth),
        // Frames are shown as they are decoded (section 8.2.1.3).
        None if order_type == 2 => Reordering::told(0),
        None => Reordering {
            depth: references.min(USUAL_DEPTH),
            is_guess: true,
        },
    })
}

fn skip_numbers(sps: &mut Bits<'_>, count: u32) -> Option<()> {
    for _ in 0..count {
        sps.exp_golomb()?;
    }
    Some(())
}

fn skip_chroma(sps: &mut Bits<'_>) -> Option<()> {
    let format = sps.exp_golomb()?;
    if format == 3 {
        sps.skip(1)?;
    }
    skip_numbers(sps, 2)?;
    sps.skip(1)?;
    if !sps.flag()? {
        return Some(());
    }
    for list in 0..if format == 3 { 12 } else { 8 } {
        if sps.flag()? {
            skip_scaling_list(sps, if list < 6 { 16 } else { 64 })?;
        }
    }
    Some(())
}

/// H.264 section 7.3.2.1.1.1.
fn skip_scaling_list(sps: &mut Bits<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            next = (last + sps.signed_exp_golomb()?).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

fn skip_order(sps: &mut Bits<'_>, order_type: u32) -> Option<()> {
    match order_type {
        0 => skip_numbers(sps, 1),
        1 => {
            sps.skip(1)?;
            skip_numbers(sps, 2)?;
            let cycle = sps.exp_golomb()?;
            skip_numbers(sps, cycle.min(255))
        }
        _ => Some(()),
    }
}

/// `max_num_reorder_frames` of the VUI (H.264 section E.1.1), if it is there.
fn restriction(vui: &mut Bits<'_>) -> Option<Option<u32>> {
    const EXTENDED_SAR: u32 = 255;
    if vui.flag()? && vui.number(8)? == EXTENDED_SAR {
        vui.skip(32)?;
    }
    if vui.flag()? {
        vui.skip(1)?;
    }
    if vui.flag()? {
        vui.skip(4)?;
        if vui.flag()? {
            vui.skip(24)?;
        }
    }
    if vui.flag()? {
        skip_numbers(vui, 2)?;
    }
    if vui.flag()? {
        vui.skip(65)?;
    }
    let mut has_hrd = false;
    for _ in 0..2 {
        if vui.flag()? {
            has_hrd = true;
            skip_hrd(vui)?;
        }
    }
    if has_hrd {
        vui.skip(1)?;
    }
    vui.skip(1)?;
    if !vui.flag()? {
        return Some(None);
    }
    vui.skip(1)?;
    skip_numbers(vui, 4)?;
    Some(Some(vui.exp_golomb()?))
}

/// H.264 section E.1.2.
fn skip_hrd(vui: &mut Bits<'_>) -> Option<()> {
    let count = vui.exp_golomb()?.min(31) + 1;
    vui.skip(8)?;
    for _ in 0..count {
        skip_numbers(vui, 2)?;
        vui.skip(1)?;
    }
    vui.skip(20)
}

/// `sps_max_num_reorder_pics` of all layers (H.265 section 7.3.2.2.1).
fn hevc(nal: &[u8]) -> Option<u32> {
    let mut sps = Bits::new(nal.get(2..)?);
    sps.skip(4)?;
    let sub_layers = sps.number(3)?;
    sps.skip(1)?;
    skip_profile(&mut sps, sub_layers)?;
    sps.exp_golomb()?;
    if sps.exp_golomb()? == 3 {
        sps.skip(1)?;
    }
    skip_numbers(&mut sps, 2)?;
    if sps.flag()? {
        skip_numbers(&mut sps, 4)?;
    }
    skip_numbers(&mut sps, 3)?;
    let each = sps.flag()?;
    let mut depth = 0;
    for _ in 0..if each { sub_layers + 1 } else { 1 } {
        sps.exp_golomb()?;
        depth = sps.exp_golomb()?;
        sps.exp_golomb()?;
    }
    Some(depth)
}

/// H.265 section 7.3.3.
fn skip_profile(sps: &mut Bits<'_>, sub_layers: u32) -> Option<()> {
    const PROFILE: u32 = 88;
    const LEVEL: u32 = 8;
    sps.skip(PROFILE + LEVEL)?;
    let mut bits = 0;
    for _ in 0..sub_layers {
        bits += if sps.flag()? { PROFILE } else { 0 };
        bits += if sps.flag()? { LEVEL } else { 0 };
    }
    if sub_layers > 0 {
        sps.skip(2 * (8 - sub_layers))?;
    }
    sps.skip(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    /// Of x264, main profile, with B-frames that none refers to.
    const B_FRAMES: [u8; 29] = [
        0x67, 0x4d, 0x40, 0x15, 0xe9, 0x82, 0x83, 0x3f, 0x3e, 0x02, 0xd4, 0x18, 0x18, 0x1a, 0x94,
        0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf2, 0x3c, 0x58, 0xb4, 0xe0,
    ];

    fn depth(standard: Standard, sps: &[u8]) -> Option<(usize, bool)> {
        Reordering::of(standard, sps).map(|r| (r.depth, r.is_guess))
    }

    #[test]
    fn h264_tells_its_depth_behind_all_else() {
        let pyramid = [
            0x67, 0x64, 0x00, 0x14, 0xac, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x6a, 0x0c, 0x0c,
            0x0d, 0x4a, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x79, 0x1e, 0x28,
            0x53, 0x2c,
        ];
        let none = [
            0x67, 0x4d, 0x40, 0x15, 0xda, 0x05, 0x06, 0x7e, 0x7c, 0x05, 0xa8, 0x30, 0x30, 0x35,
            0x28, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03, 0x01, 0xe4, 0x78, 0xb1, 0x75,
        ];
        let with_buffer_model = [
            0x67, 0x64, 0x00, 0x14, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x6a, 0x0c, 0x0c,
            0x0d, 0x4a, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x79, 0xe0, 0x40,
            0xfa, 0x00, 0x02, 0x57, 0x9d, 0x16, 0x98, 0x03, 0xc5, 0x0a, 0x65, 0x80,
        ];
        let of = |sps| depth(Standard::H264, sps);
        assert_eq!(of(&pyramid), Some((2, false)));
        assert_eq!(of(&B_FRAMES), Some((1, false)));
        assert_eq!(of(&none), Some((0, false)));
        assert_eq!(of(&with_buffer_model), Some((2, false)));
    }

    #[test]
    fn h264_that_does_not_tell_is_guessed_by_profile_and_order() {
        // Level 3.1, 1280x720, no VUI: profile, order type 0 or 2, two reference frames.
        let baseline = [0x67, 0x42, 0xc0, 0x1f, 0xf4, 0x0a, 0x01, 0x6e, 0x40];
        assert_eq!(depth(Standard::H264, &baseline), Some((0, false)));
        // ue: 0 0 0 0, then 2 references, no gaps, 80 by 45, frames only, direct, no crop, no VUI.
        let main = [0x67, 0x4d, 0x00, 0x1f, 0xf6, 0x02, 0x80, 0x2d, 0xc8];
        assert_eq!(depth(Standard::H264, &main), Some((2, true)));
        // The same with order type 2.
        let in_order = [0x67, 0x4d, 0x00, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe4];
        assert_eq!(depth(Standard::H264, &in_order), Some((0, false)));
    }

    #[test]
    fn h265_tells_its_depth_always() {
        let pyramid = [
            0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00,
            0x00, 0x03, 0x00, 0x3f, 0xa0, 0x0a, 0x08, 0x0c, 0x1f, 0x3e, 0x59, 0x59, 0x52, 0x93,
            0x0b, 0xff, 0xc0, 0x00, 0x40, 0x00, 0x5a, 0x83, 0x03, 0x03, 0x02, 0x00, 0x00, 0x03,
            0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x10,
        ];
        let none = [
            0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00,
            0x00, 0x03, 0x00, 0x3f, 0xa0, 0x0a, 0x08, 0x0c, 0x1f, 0x3e, 0x5b, 0xa4, 0xa4, 0xc2,
            0xff, 0xf0, 0x00, 0x10, 0x00, 0x16, 0xa0, 0xc0, 0xc0, 0xc0, 0x80, 0x00, 0x00, 0x03,
            0x00, 0x80, 0x00, 0x00, 0x0f, 0x04,
        ];
        assert_eq!(depth(Standard::H265, &pyramid), Some((2, false)));
        assert_eq!(depth(Standard::H265, &none), Some((0, false)));
    }

    #[test]
    fn a_set_that_ends_early_tells_nothing() {
        for length in 0..B_FRAMES.len() - 4 {
            assert_eq!(depth(Standard::H264, &B_FRAMES[..length]), None, "{length}");
            depth(Standard::H265, &B_FRAMES[..length]);
        }
    }
}
