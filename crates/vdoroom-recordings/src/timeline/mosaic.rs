// SPDX-License-Identifier: MPL-2.0
//! Where each person is in a frame that shows all of them.

use super::format::VideoFormat;

/// A part of the frame, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// Cell `index` of `count` equal ones, row by row, in a grid that is as square as they allow.
pub fn cell(index: u32, count: u32, format: VideoFormat) -> Cell {
    let columns = (1..).find(|n| n * n >= count).unwrap_or(1);
    let rows = count.div_ceil(columns).max(1);
    let (width, height) = (format.width / columns, format.height / rows);
    Cell {
        x: index % columns * width,
        y: index / columns * height,
        width,
        height,
    }
}

impl Cell {
    /// The largest video of this shape in the middle of the cell.
    pub fn fit(self, (width, height): (u32, u32)) -> Self {
        let scaled = |side: u32, by: u32, of: u32| {
            let exact = u64::from(side) * u64::from(by) / u64::from(of.max(1));
            u32::try_from(exact).unwrap_or(u32::MAX)
        };
        let full_width = scaled(self.height, width, height);
        let (w, h) = match full_width <= self.width {
            true => (full_width, self.height),
            false => (self.width, scaled(self.width, height, width)),
        };
        let (w, h) = (w.max(1), h.max(1));
        Self {
            x: self.x + (self.width - w) / 2,
            y: self.y + (self.height - h) / 2,
            width: w,
            height: h,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: VideoFormat = VideoFormat {
        width: 640,
        height: 360,
        rate: 30,
    };

    fn at(x: u32, y: u32, width: u32, height: u32) -> Cell {
        Cell {
            x,
            y,
            width,
            height,
        }
    }

    #[test]
    fn cells_fill_the_frame_and_do_not_overlap() {
        assert_eq!(cell(0, 1, FORMAT), at(0, 0, 640, 360));
        assert_eq!(cell(1, 2, FORMAT), at(320, 0, 320, 360));
        assert_eq!(cell(2, 3, FORMAT), at(0, 180, 320, 180));
        assert_eq!(cell(4, 5, FORMAT), at(213, 180, 213, 180));
    }

    #[test]
    fn a_video_keeps_its_shape_in_the_middle_of_its_cell() {
        let cell = at(320, 0, 320, 360);
        assert_eq!(cell.fit((640, 360)), at(320, 90, 320, 180));
        // A phone that is held upright.
        assert_eq!(at(0, 0, 320, 180).fit((360, 640)), at(109, 0, 101, 180));
        assert_eq!(cell.fit((1, u32::MAX)), at(479, 0, 1, 360));
    }
}
