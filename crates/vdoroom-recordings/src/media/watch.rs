// SPDX-License-Identifier: MPL-2.0
//! Who sees every frame while a file is decoded.

use gst::ClockTime;

/// Decoded audio: interleaved samples.
#[derive(Clone, Copy, Debug)]
pub struct AudioSamples<'a> {
    pub samples: &'a [i16],
    pub channels: u32,
    /// Hertz.
    pub rate: u32,
}

/// Sees every frame of the first video track and of the first audio track. Called on GStreamer's
/// threads, by one at a time.
pub trait Watch: Default + Send + 'static {
    /// Called before anything flows.
    fn begin(&mut self, _pipeline: &gst::Pipeline) {}

    /// A frame in grey (`GRAY8`), at its running time.
    fn frame(&mut self, _at: ClockTime, _frame: &gst_video::VideoFrameRef<&gst::BufferRef>) {}

    /// A stretch of audio that begins at this running time.
    fn audio(&mut self, _at: ClockTime, _audio: AudioSamples) {}
}

/// Nobody watches.
impl Watch for () {}
