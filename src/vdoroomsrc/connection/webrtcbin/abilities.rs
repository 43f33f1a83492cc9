// SPDX-License-Identifier: MPL-2.0
//! What a webrtcbin can do: versions differ, and a version says less than the element itself.

use gst::glib::subclass::SignalId;
use gst::prelude::*;

use crate::protocol::Abilities;

/// GStreamer's commit 77e01571c8 lets webrtcbin follow an offer that changes a direction, and nothing
/// else of it is to be seen. This signal is in each release with that commit, 1.23.1 and later, and
/// in none before it. From a build between the two commits the publisher gets a new connection once
/// webrtcbin has refused its own answer.
const SINCE_DIRECTIONS_CHANGE: &str = "add-ice-candidate-full";

pub(super) fn abilities(webrtcbin: &gst::Element) -> Abilities {
    let signal = SignalId::lookup(SINCE_DIRECTIONS_CHANGE, webrtcbin.type_());
    Abilities {
        direction_changes: signal.is_some(),
        // Up to main it takes such an offer, and does nothing of it.
        ice_restarts: false,
    }
}
