// SPDX-License-Identifier: MPL-2.0
//! A publisher that takes more than it needs: data channels, and sources of media.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use gst::{glib, prelude::*};
use gst_rtp::RTPBuffer;
use gst_webrtc::WebRTCDataChannel;

/// Packets in a row from one SSRC: a receiver ignores who sends fewer (RFC 3550 appendix A.1).
const RUN: u32 = 4;

#[derive(Clone, Copy, Debug, Default)]
pub struct Greed {
    pub channels: u32,
    pub ssrcs: u32,
}

impl Greed {
    /// Opens channels beside the usual one, as if many files were sent (protocol 5.1).
    pub fn open_channels(self, webrtcbin: &gst::Element) {
        for number in 0..self.channels {
            webrtcbin.emit_by_name::<Option<WebRTCDataChannel>>(
                "create-data-channel",
                &[&format!("file{number}"), &None::<gst::Structure>],
            );
        }
    }

    /// Has every few packets come from another SSRC, until all have had their turn.
    pub fn multiply_ssrcs(self, rtpbin: &gst::Element) {
        let count = self.ssrcs;
        if count == 0 {
            return;
        }
        rtpbin.connect_pad_added(move |_, pad| {
            if pad.name().starts_with("send_rtp_src") {
                multiply(pad, count);
            }
        });
    }
}

fn multiply(pad: &gst::Pad, count: u32) {
    let (first, next) = (glib::random_int(), AtomicU32::new(0));
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(mask, move |_, info| {
        let change = |buffer: &mut gst::BufferRef| {
            if let Ok(mut packet) = RTPBuffer::from_buffer_writable(buffer) {
                let turn = next.fetch_add(1, Relaxed) / RUN % count;
                packet.set_ssrc(first.wrapping_add(turn));
            }
        };
        if let Some(buffer) = info.buffer_mut() {
            change(buffer.make_mut());
        } else if let Some(gst::PadProbeData::BufferList(list)) = &mut info.data {
            list.make_mut().foreach_mut(|mut buffer, _| {
                change(buffer.make_mut());
                std::ops::ControlFlow::Continue(Some(buffer))
            });
        }
        gst::PadProbeReturn::Ok
    });
}
