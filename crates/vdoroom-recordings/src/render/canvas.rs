// SPDX-License-Identifier: MPL-2.0
//! Frames that are made here: black, a still, and everybody in a grid.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::timeline::{Cell, VideoFormat, cell};

use super::reader::{Kind, Reader};

/// How many are kept.
const CONVERTERS: usize = 64;

/// Scales into a frame of this size, with borders where the shape differs.
pub fn fitting((width, height): (u32, u32)) -> String {
    format!(
        "videoconvert ! videoflip video-direction=auto ! videoscale add-borders=true \
         ! video/x-raw,format=I420,width={width},height={height},pixel-aspect-ratio=1/1,\
         colorimetry=bt709"
    )
}

/// Frames as they are, upright.
pub const UPRIGHT: &str =
    "videoconvert ! videoflip video-direction=auto ! video/x-raw,format=I420,colorimetry=bt709";

pub fn info((width, height): (u32, u32)) -> Result<gst_video::VideoInfo, String> {
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height);
    let info = info.colorimetry(&gst_video::VideoColorimetry::new(
        gst_video::VideoColorRange::Range16_235,
        gst_video::VideoColorMatrix::Bt709,
        gst_video::VideoTransferFunction::Bt709,
        gst_video::VideoColorPrimaries::Bt709,
    ));
    info.build().map_err(|e| e.to_string())
}

/// What is shown where nobody is to be seen: a still that was asked for, or black.
pub fn empty(still: Option<&Path>, info: &gst_video::VideoInfo) -> Result<gst::Buffer, String> {
    match still {
        Some(file) => read_still(file, info),
        None => black(info),
    }
}

fn read_still(file: &Path, info: &gst_video::VideoInfo) -> Result<gst::Buffer, String> {
    let failed = |error: &str| format!("{}: {error}", file.display());
    let tail = fitting((info.width(), info.height()));
    let reader = Reader::decoded(file, Kind::Video, &tail).map_err(|e| failed(&e))?;
    let sample = reader
        .next(&AtomicBool::new(false))
        .map_err(|e| failed(&e))?;
    let buffer = sample.and_then(|sample| sample.buffer_owned());
    buffer.ok_or_else(|| failed("there is no image in it"))
}

fn black(info: &gst_video::VideoInfo) -> Result<gst::Buffer, String> {
    let buffer = gst::Buffer::with_size(info.size()).map_err(|e| e.to_string())?;
    let mut frame = writable(buffer, info)?;
    for plane in 0..info.n_planes() {
        let data = frame.plane_data_mut(plane).map_err(|e| e.to_string())?;
        data.fill(if plane == 0 { 16 } else { 128 });
    }
    Ok(frame.into_buffer())
}

fn writable(
    buffer: gst::Buffer,
    info: &gst_video::VideoInfo,
) -> Result<gst_video::VideoFrame<gst_video::video_frame::Writable>, String> {
    let frame = gst_video::VideoFrame::from_buffer_writable(buffer, info);
    frame.map_err(|_| "a frame cannot be written".into())
}

/// Draws people into the cells of a grid.
pub struct Grid {
    info: gst_video::VideoInfo,
    background: gst::Buffer,
    /// For a frame of this kind in this cell.
    converters: Vec<(gst_video::VideoInfo, [u32; 4], gst_video::VideoConverter)>,
}

impl Grid {
    pub fn new(info: gst_video::VideoInfo, background: gst::Buffer) -> Self {
        Self {
            info,
            background,
            converters: Vec::new(),
        }
    }

    /// The frames of those who are there, in their order.
    pub fn draw(&mut self, frames: &[gst::Sample]) -> Result<gst::Buffer, String> {
        if frames.is_empty() {
            return Ok(self.background.clone());
        }
        let copy = self.background.copy_deep().map_err(|e| e.to_string())?;
        let mut canvas = writable(copy, &self.info)?;
        let format = VideoFormat {
            width: self.info.width(),
            height: self.info.height(),
            rate: 0,
        };
        let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
        for (index, sample) in (0..count).zip(frames) {
            self.put(sample, cell(index, count, format), &mut canvas)?;
        }
        Ok(canvas.into_buffer())
    }

    fn put(
        &mut self,
        sample: &gst::Sample,
        cell: Cell,
        canvas: &mut gst_video::VideoFrame<gst_video::video_frame::Writable>,
    ) -> Result<(), String> {
        let (Some(buffer), Some(caps)) = (sample.buffer_owned(), sample.caps()) else {
            return Ok(());
        };
        let info = without_rate(caps)?;
        let cell = cell.fit(shape(&info));
        // Colours have half as many pixels.
        let cell = [cell.x, cell.y, cell.width.max(2), cell.height.max(2)].map(|side| side & !1);
        let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info);
        let frame = frame.map_err(|_| "a frame cannot be read".to_owned())?;
        self.converter(&info, cell)?.frame(&frame, canvas);
        Ok(())
    }

    fn converter(
        &mut self,
        from: &gst_video::VideoInfo,
        cell: [u32; 4],
    ) -> Result<&gst_video::VideoConverter, String> {
        let known = |(info, place, _): &(_, [u32; 4], _)| info == from && *place == cell;
        let index = match self.converters.iter().position(known) {
            Some(index) => index,
            None => {
                // People come and go, and sizes change: what is not needed any more goes.
                if self.converters.len() >= CONVERTERS {
                    self.converters.clear();
                }
                let new = converter(from, &self.info, cell)?;
                self.converters.push((from.clone(), cell, new));
                self.converters.len() - 1
            }
        };
        Ok(&self.converters[index].2)
    }
}

/// A converter converts no frame rates, and takes only equal ones.
fn without_rate(caps: &gst::CapsRef) -> Result<gst_video::VideoInfo, String> {
    let mut caps = caps.to_owned();
    caps.make_mut().set("framerate", gst::Fraction::new(0, 1));
    gst_video::VideoInfo::from_caps(&caps).map_err(|e| e.to_string())
}

/// Width and height as they are shown.
fn shape(info: &gst_video::VideoInfo) -> (u32, u32) {
    let par = info.par();
    let (n, d) = (
        par.numer().unsigned_abs().max(1),
        par.denom().unsigned_abs().max(1),
    );
    let width = u64::from(info.width()) * u64::from(n) / u64::from(d);
    (
        u32::try_from(width).unwrap_or(u32::MAX).max(1),
        info.height(),
    )
}

fn converter(
    from: &gst_video::VideoInfo,
    to: &gst_video::VideoInfo,
    [x, y, width, height]: [u32; 4],
) -> Result<gst_video::VideoConverter, String> {
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let mut config = gst_video::VideoConverterConfig::new();
    config.set_dest_x(side(x));
    config.set_dest_y(side(y));
    config.set_dest_width(Some(side(width)));
    config.set_dest_height(Some(side(height)));
    config.set_fill_border(false);
    let converter = gst_video::VideoConverter::new(from, to, Some(config));
    converter.map_err(|e| e.to_string())
}
