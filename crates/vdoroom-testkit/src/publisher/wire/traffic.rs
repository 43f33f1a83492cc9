// SPDX-License-Identifier: MPL-2.0
//! What leaves a publisher, counted where it has passed all that could hold it back.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use gst::prelude::*;
use gst_rtp::RTPBuffer;

use crate::publisher::{
    status::Status,
    time::reports::{self, Ssrcs},
};

/// RTP so far, in bytes, without what SRTP adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Of cameras and screens, without their retransmissions.
    pub video: u64,
    pub others: u64,
}

pub(crate) fn count_what_leaves(rtpbin: &gst::Element, video_ssrcs: &Ssrcs, status: &Arc<Status>) {
    let (video_ssrcs, status) = (video_ssrcs.clone(), status.clone());
    rtpbin.connect_pad_added(move |_, pad| {
        if !pad.name().starts_with("send_rtp_src") {
            return;
        }
        let (video_ssrcs, status) = (video_ssrcs.clone(), status.clone());
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.add_probe(mask, move |_, info| {
            let count = |buffer: &gst::BufferRef| {
                let packet = RTPBuffer::from_buffer_readable(buffer);
                let ssrc = packet.map_or(0, |packet| packet.ssrc());
                let is_video = reports::lock(&video_ssrcs).contains(&ssrc);
                let counter = match is_video {
                    true => &status.video_bytes,
                    false => &status.other_bytes,
                };
                counter.fetch_add(buffer.size() as u64, Relaxed);
            };
            if let Some(buffer) = info.buffer() {
                count(buffer);
            } else if let Some(list) = info.buffer_list() {
                list.iter().for_each(count);
            }
            gst::PadProbeReturn::Ok
        });
    });
}
