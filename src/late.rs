// SPDX-License-Identifier: MPL-2.0
//! Properties that are set too late to count.

use gst::glib;
use gst::prelude::*;

/// Posts a warning if a property that is settled in READY has just been set on an element that runs.
/// Called on the thread that sets it, without a lock.
pub(crate) fn warn_if_late(element: &impl IsA<gst::Element>, property: &glib::ParamSpec) {
    let element = element.as_ref();
    let counts = property.flags().contains(gst::PARAM_FLAG_MUTABLE_PLAYING);
    if counts || element.current_state() <= gst::State::Ready {
        return;
    }
    let name = property.name();
    gst::element_warning!(
        element,
        gst::ResourceError::Settings,
        ("the property {name} was set while the element runs: it counts from its next start, in READY")
    );
}
