// SPDX-License-Identifier: MPL-2.0
//! Holds back what comes out of webrtcbin's pads: on the thread that brings it.

use gst::prelude::*;

use crate::vdoroomsrc::media::refuse;
use crate::vdoroomsrc::reports::Hold;

/// A blocked pad.
#[derive(Debug)]
pub(super) struct Block {
    pub pad: gst::Pad,
    pub id: gst::PadProbeId,
}

impl Block {
    pub(super) fn new(pad: &gst::Pad) -> Option<Self> {
        let data = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        let id = pad.add_probe(gst::PadProbeType::BLOCK | data, |_, _| {
            gst::PadProbeReturn::Ok
        })?;
        let pad = pad.clone();
        Some(Self { pad, id })
    }
}

impl Hold for Block {
    fn release(self: Box<Self>) {
        self.pad.remove_probe(self.id);
    }

    fn refuse(self: Box<Self>) {
        refuse(&self.pad, self.id);
    }
}
