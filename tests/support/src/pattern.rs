// SPDX-License-Identifier: MPL-2.0
//! The test picture and sound: a frame counter, a flash and a beep that survive encoding.
//!
//! The top of the picture holds two rows of twenty black or white blocks. The first row is the
//! frame's number in binary, the second its complement, shifted by seven columns, so that a
//! picture put together from two frames, or one that is not ours, is told apart. The rest is
//! grey with a moving bar; it turns white in the first tenth of every second of running time,
//! and the sound beeps for as long.

const BITS: usize = 20;
const ROWS: usize = 11;
const SHIFT: usize = 7;
const DARK: u8 = 16;
const GREY: u8 = 70;
const BAR: u8 = 110;
const BRIGHT: u8 = 235;
/// Length of flash and beep.
const SIGNAL: gst::ClockTime = gst::ClockTime::from_mseconds(100);
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

/// Draws frame `number` of a stream.
pub fn draw(plane: &mut Plane<&mut [u8]>, number: u32, flash: bool) {
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
            line.fill(if flash { BRIGHT } else { GREY });
            let end = (bar + 12).min(line.len());
            if !flash {
                line[bar..end].fill(BAR);
            }
        }
    }
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

    fn drawn(number: u32, flash: bool) -> Vec<u8> {
        let mut data = vec![0; 320 * 180];
        let mut plane = Plane {
            data: &mut data[..],
            stride: 320,
            width: 320,
            height: 180,
        };
        draw(&mut plane, number, flash);
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
            assert_eq!(read(&plane(&drawn(number, number % 2 == 0))), Some(number));
        }
    }

    #[test]
    fn a_picture_of_two_frames_has_no_number() {
        let mut data = drawn(4711, false);
        data[..8 * 320].copy_from_slice(&drawn(4712, false)[..8 * 320]);
        data[8 * 320..16 * 320].copy_from_slice(&drawn(4712, false)[8 * 320..16 * 320]);
        assert_eq!(read(&plane(&data)), None);
        assert_eq!(read(&plane(&[128; 320 * 180])), None);
    }

    #[test]
    fn only_a_flash_is_a_flash() {
        assert!(is_flash(&plane(&drawn(7, true))));
        assert!(!is_flash(&plane(&drawn(7, false))));
    }
}
