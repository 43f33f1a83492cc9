// SPDX-License-Identifier: MPL-2.0
//! Flow returns of the consumers, for the log.

use gst::prelude::*;

use super::announce;
use super::thread::Control;
use crate::protocol::StreamId;
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::reports::TrackId;

impl Control {
    pub(super) fn flow(
        &mut self,
        element: &gst::Bin,
        id: TrackId,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
    ) {
        let Some(track) = self.track(id) else {
            return;
        };
        let (pad, stream) = (track.pad.clone(), track.pad.property::<String>("stream-id"));
        if let Err(error) = flow
            && !matches!(
                error,
                gst::FlowError::NotLinked | gst::FlowError::Flushing | gst::FlowError::Eos
            )
        {
            let message = format!(
                "what is linked to {} does not take its media ({error}); the other pads go on",
                pad.name()
            );
            announce::warn(element, Some(&StreamId(stream.clone())), &message);
        }
        let mut received = self.sessions.values().flat_map(|s| &s.tracks);
        let is_received = received.any(|track| track.id == id);
        if let Some(combiner) = self.flows.get_mut(&id.session)
            && is_received
        {
            combiner.add_pad(&pad);
            if combiner.update_pad_flow(&pad, flow) == Err(gst::FlowError::NotLinked) {
                gst::info!(CAT, obj = element, "Nothing consumes the media of {stream}");
            }
        }
    }
}
