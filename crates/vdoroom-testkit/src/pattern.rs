// SPDX-License-Identifier: MPL-2.0
//! The test video and audio: a frame counter, a flash and a beep that survive encoding.
//!
//! The top of the frame holds two rows of twenty black or white blocks. The first row is the
//! frame's number in binary, the second its complement, shifted by seven columns, so that a
//! frame put together from two frames, or one that is not ours, is told apart. The rest is
//! grey with a moving bar; it turns white in the first tenth of every second of running time,
//! and the audio beeps for as long.

const BITS: usize = 20;
const ROWS: usize = 11;
const SHIFT: usize = 7;
const DARK: u8 = 16;
const GREY: u8 = 70;
const BAR: u8 = 110;
const BRIGHT: u8 = 235;
/// Length of flash and beep.
const SIGNAL: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// Side of the blocks that are compared, and how far apart their pixels may be on the average.
const SMEAR: usize = 8;
const BLUR: u64 = 24;
/// Side of the blocks of a busy frame.
const BLOCK: usize = 16;
const BEEP_HZ: f64 = 1000.0;

/// A luma plane.
pub struct Plane<D> {
    pub data: D,
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

/// Whether flash and beep are on at this running time.
pub fn signal_at(time: gst::ClockTime) -> bool {
    time.nseconds() % gst::ClockTime::SECOND.nseconds() < SIGNAL.nseconds()
}

fn bit(number: u32, row: usize, column: usize) -> bool {
    match row {
        0 => number >> (BITS - 1 - column) & 1 == 1,
        _ => !bit(number, 0, (column + SHIFT) % BITS),
    }
}

/// What a frame shows below the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// White.
    Flash,
    /// A moving bar, which is next to nothing for an encoder.
    Bar,
    /// Blocks of which none looks as in the frame before.
    Busy,
}

/// Draws frame `number` of a stream.
pub fn draw(plane: &mut Plane<&mut [u8]>, number: u32, content: Content) {
    let (block_width, block_height) = (plane.width / BITS, plane.height / ROWS);
    let bar = (number as usize * 4) % plane.width;
    for y in 0..plane.height {
        let line = &mut plane.data[y * plane.stride..][..plane.width];
        let row = y / block_height;
        if row < 2 {
            for (x, luma) in line.iter_mut().enumerate() {
                let column = (x / block_width).min(BITS - 1);
                *luma = if bit(number, row, column) {
                    BRIGHT
                } else {
                    DARK
                };
            }
        } else {
            match content {
                Content::Flash => line.fill(BRIGHT),
                Content::Bar => {
                    line.fill(GREY);
                    let end = (bar + 12).min(line.len());
                    line[bar..end].fill(BAR);
                }
                Content::Busy => {
                    for (x, block) in line.chunks_mut(BLOCK).enumerate() {
                        block.fill(grey(number, x, y / BLOCK));
                    }
                }
            }
        }
    }
}

/// Of a block of a busy frame.
fn grey(number: u32, x: usize, y: usize) -> u8 {
    let mixed = (number as usize).wrapping_mul(0x9e37_79b1) ^ x.wrapping_mul(0x85eb_ca6b);
    let mixed = (mixed ^ y.wrapping_mul(0xc2b2_ae35)).wrapping_mul(0x27d4_eb2f);
    DARK + 24 + ((mixed >> 15) % usize::from(BAR - DARK)) as u8
}

/// The number of a decoded frame, if it carries one.
pub fn read(plane: &Plane<&[u8]>) -> Option<u32> {
    let (block_width, block_height) = (plane.width / BITS, plane.height / ROWS);
    if block_width < 4 || block_height < 4 {
        return None;
    }
    let bright = |row: usize, column: usize| {
        let (x, y) = (column * block_width, row * block_height);
        let (w, h) = (block_width / 2, block_height / 2);
        mean(plane, x + block_width / 4, y + block_height / 4, w, h) > 128
    };
    let row: Vec<bool> = (0..BITS).map(|column| bright(0, column)).collect();
    let number = row
        .iter()
        .fold(0, |number, bit| number << 1 | u32::from(*bit));
    let whole = (0..BITS).all(|column| bright(1, column) == bit(number, 1, column));
    whole.then_some(number)
}

/// Whether a decoded frame is white below the counter.
pub fn is_flash(plane: &Plane<&[u8]>) -> bool {
    let top = plane.height / 4;
    mean(plane, 0, top, plane.width, plane.height - top) > 170
}

/// Whether a decoded frame differs anywhere from all that can have been drawn as `number`, by more
/// than an encoder blurs: blocks that were moved from a frame that is not there.
pub fn is_smeared(plane: &Plane<&[u8]>, number: u32) -> bool {
    let contents = [Content::Flash, Content::Bar, Content::Busy];
    contents
        .iter()
        .all(|content| differs(plane, number, *content))
}

fn differs(plane: &Plane<&[u8]>, number: u32, content: Content) -> bool {
    let mut data = vec![0; plane.stride * plane.height];
    let mut truth = Plane {
        data: &mut data[..],
        stride: plane.stride,
        width: plane.width,
        height: plane.height,
    };
    draw(&mut truth, number, content);
    let (across, down) = (plane.width / SMEAR, plane.height / SMEAR);
    let mut blocks = (0..down).flat_map(|y| (0..across).map(move |x| (x * SMEAR, y * SMEAR)));
    blocks.any(|(x, y)| {
        let lines = (y..y + SMEAR).map(|y| y * plane.stride + x);
        let apart = |start: usize| {
            let pairs = plane.data[start..][..SMEAR].iter().zip(&data[start..]);
            pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>()
        };
        lines.map(apart).sum::<u64>() > (SMEAR * SMEAR) as u64 * BLUR
    })
}

fn mean(plane: &Plane<&[u8]>, x: usize, y: usize, width: usize, height: usize) -> u64 {
    let lines = (y..y + height).map(|y| &plane.data[y * plane.stride + x..][..width]);
    let sum: u64 = lines.flatten().map(|luma| u64::from(*luma)).sum();
    sum / (width * height).max(1) as u64
}

/// Writes the beep, or silence, into interleaved 16-bit samples that begin at `start`.
pub fn beep(samples: &mut [i16], channels: usize, rate: u32, start: gst::ClockTime, mute: bool) {
    for (index, frame) in samples.chunks_mut(channels).enumerate() {
        let offset = index as u64 * 1_000_000_000 / u64::from(rate);
        let time = start + gst::ClockTime::from_nseconds(offset);
        let phase = time.nseconds() as f64 / 1e9 * BEEP_HZ * std::f64::consts::TAU;
        let on = signal_at(time) && !mute;
        frame.fill(if on {
            (phase.sin() * 16_000.0) as i16
        } else {
            0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(number: u32, content: Content) -> Vec<u8> {
        let mut data = vec![0; 320 * 180];
        let mut plane = Plane {
            data: &mut data[..],
            stride: 320,
            width: 320,
            height: 180,
        };
        draw(&mut plane, number, content);
        data
    }

    fn plane(data: &[u8]) -> Plane<&[u8]> {
        Plane {
            data,
            stride: 320,
            width: 320,
            height: 180,
        }
    }

    #[test]
    fn a_number_that_was_drawn_can_be_read() {
        for number in [0, 1, 2, 29, 4711, 1_048_575] {
            let content = [Content::Flash, Content::Bar, Content::Busy][number as usize % 3];
            assert_eq!(read(&plane(&drawn(number, content))), Some(number));
        }
    }

    #[test]
    fn a_mix_of_two_frames_has_no_number() {
        let mut data = drawn(4711, Content::Bar);
        data[..8 * 320].copy_from_slice(&drawn(4712, Content::Bar)[..8 * 320]);
        data[8 * 320..16 * 320].copy_from_slice(&drawn(4712, Content::Bar)[8 * 320..16 * 320]);
        assert_eq!(read(&plane(&data)), None);
        assert_eq!(read(&plane(&[128; 320 * 180])), None);
    }

    #[test]
    fn a_block_of_another_frame_is_a_smear() {
        let mut data = drawn(20, Content::Bar);
        assert!(!is_smeared(&plane(&data), 20));
        let other = drawn(30, Content::Bar);
        for y in 96..112 {
            let block = y * 320 + 112..y * 320 + 144;
            data[block.clone()].copy_from_slice(&other[block]);
        }
        assert!(is_smeared(&plane(&data), 20));
    }

    #[test]
    fn only_a_flash_is_a_flash() {
        assert!(is_flash(&plane(&drawn(7, Content::Flash))));
        assert!(!is_flash(&plane(&drawn(7, Content::Busy))));
    }
}
