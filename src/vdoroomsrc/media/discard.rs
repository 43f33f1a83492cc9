// SPDX-License-Identifier: MPL-2.0
//! How elements and pads go that nobody needs any more.

use gst::prelude::*;

/// An element that has stopped stays so.
pub(crate) fn stop(element: &gst::Element) {
    element.set_locked_state(true);
    let _ = element.set_state(gst::State::Null);
}

/// Takes an element out of its bin, which may have let go of it already.
pub(crate) fn take_out(element: &gst::Element, bin: &gst::Bin) {
    element.set_locked_state(true);
    if element.parent().as_ref() == Some(bin.upcast_ref()) {
        let _ = bin.remove(element);
    }
}

/// Lets a pad of webrtcbin run into nothing: one that is not linked would end the connection.
pub(crate) fn refuse(pad: &gst::Pad, block: gst::PadProbeId) {
    pad.add_probe(
        gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
        |_, _| gst::PadProbeReturn::Handled,
    );
    pad.remove_probe(block);
}
