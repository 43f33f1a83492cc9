// SPDX-License-Identifier: MPL-2.0
//! How a webrtcbin is made, and what its callbacks report.
//!
//! The callbacks send a command or an event and return: webrtcbin calls them from threads on which
//! nothing may wait, and on which webrtcbin itself must not change its state (GStreamer 1.22
//! deadlocks).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use gst::glib;
use gst::prelude::*;
use gst_webrtc::{WebRTCDataChannel, WebRTCRTPTransceiver};

use super::block::Block;
use super::channel::{SharedChannel, connect_channel};
use super::ssrcs::SharedSsrcs;
use super::statistics::WebrtcNumbers;
use super::{association, direct, states, tuning};
use crate::protocol::{Event, SessionId};
use crate::vdoroomsrc::connection::link::Transport;
use crate::vdoroomsrc::connection::sdp::Order;
use crate::vdoroomsrc::media::{SharedTimeline, keep_open, replace_rtpbin_sync};
use crate::vdoroomsrc::reports::{Backlog, Command, Reports};

/// A guest sends a few tracks and their retransmissions; each SSRC costs us threads.
const MAX_SSRCS: u32 = 32;

/// Channels that a guest may open in one connection, in all: each one costs us elements. It needs
/// one; files that it sends to everybody come in channels of their own (protocol 5.1).
const MAX_CHANNELS: u32 = 64;

/// What is known of one connection.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub timeline: &'a SharedTimeline,
    pub ssrcs: &'a SharedSsrcs,
    pub bundle: &'a Order,
    pub channel: &'a Arc<SharedChannel>,
    pub numbers: &'a Arc<WebrtcNumbers>,
}

/// Makes a webrtcbin for a session whose elements' names begin with `prefix`.
pub(super) fn make(
    prefix: &str,
    id: SessionId,
    transport: &Transport<'_>,
    known: Known<'_>,
    reports: &Reports,
) -> Result<gst::Element, glib::BoolError> {
    let webrtcbin = gst::ElementFactory::make("webrtcbin")
        .name(format!("{prefix}webrtcbin"))
        .property_from_str("bundle-policy", "max-bundle")
        .property("latency", transport.latency)
        .property("ice-transport-policy", transport.ice.policy)
        .build()?;
    tuning::configure_ice(&webrtcbin, transport.ice);
    tuning::reuse_pads(&webrtcbin);
    association::number(&webrtcbin);
    states::connect(&webrtcbin, id, reports);
    connect(&webrtcbin, id, transport.retransmission, known, reports);
    Ok(webrtcbin)
}

fn connect(
    webrtcbin: &gst::Element,
    id: SessionId,
    retransmission: bool,
    Known {
        timeline,
        ssrcs,
        bundle,
        channel: shared,
        numbers,
    }: Known<'_>,
    reports: &Reports,
) {
    let (to, bundle) = (reports.clone(), bundle.clone());
    webrtcbin.connect("on-ice-candidate", false, move |values| {
        let sdp_mline_index = bundle.translate(values.get(1)?.get().ok()?);
        let candidate = values.get(2)?.get::<Option<String>>().ok()??;
        // GStreamer from 1.23 on marks the end by an empty one: no address has been found by that.
        if candidate.is_empty() {
            return None;
        }
        to.command(Command::Gathered {
            session: id,
            sdp_mline_index,
            candidate,
        });
        None
    });
    // GStreamer before 1.24 emits this with a lock held: only these two may be set here.
    let noted = ssrcs.clone();
    webrtcbin.connect("on-new-transceiver", false, move |values| {
        let transceiver = values.get(1)?.get::<WebRTCRTPTransceiver>().ok()?;
        transceiver.set_property("do-nack", retransmission);
        noted.note_transceiver(&transceiver);
        None
    });
    let to = reports.clone();
    let backlog = Backlog::default();
    let opened = AtomicU32::new(0);
    let shared = Arc::downgrade(shared);
    webrtcbin.connect("on-data-channel", false, move |values| {
        let channel = values.get(1)?.get::<WebRTCDataChannel>().ok()?;
        match opened.fetch_add(1, Relaxed) {
            0..MAX_CHANNELS => {
                let shared = shared.upgrade()?;
                connect_channel(id, &channel, &shared, &backlog, &to);
            }
            MAX_CHANNELS => to.events.send(Event::PeerAbuses {
                session: id,
                reason: format!("it opens more than {MAX_CHANNELS} data channels"),
            }),
            _ => {}
        }
        None
    });
    let to = reports.clone();
    let timeline_of_pads = timeline.clone();
    webrtcbin.connect_pad_added(move |_, pad| {
        let (to, timeline) = (to.clone(), timeline_of_pads.clone());
        let said = AtomicBool::new(false);
        keep_open(pad);
        // Blocked until the control thread has built what the pad leads to.
        pad.add_probe(
            gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
            move |pad, info| {
                if let Some(buffer) = info.buffer() {
                    timeline.expect(pad, buffer);
                }
                // Called again whenever something else happens to the pad.
                if !said.swap(true, Relaxed)
                    && let Some(block) = info.id.take()
                {
                    let pad = pad.clone();
                    let hold = Box::new(Block {
                        pad: pad.clone(),
                        id: block,
                    });
                    to.command(Command::Pad {
                        session: id,
                        pad,
                        hold,
                    });
                }
                gst::PadProbeReturn::Ok
            },
        );
    });
    let to = reports.clone();
    if let Some(rtpbin) = webrtcbin
        .downcast_ref::<gst::Bin>()
        .and_then(|bin| bin.by_name("rtpbin"))
    {
        if rtpbin.has_property("max-streams") {
            rtpbin.set_property("max-streams", MAX_SSRCS);
        }
        tuning::pace_feedback(&rtpbin);
        tuning::take_late_repeats(webrtcbin);
        direct::pass_queues(webrtcbin);
        replace_rtpbin_sync(&rtpbin);
        timeline.request_reports(&rtpbin);
        ssrcs.follow(&rtpbin, id, reports);
        let (timeline, ssrcs, numbers) = (timeline.clone(), ssrcs.clone(), numbers.clone());
        rtpbin.connect("new-jitterbuffer", false, move |values| {
            let jitterbuffer = values.get(1)?.get::<gst::Element>().ok()?;
            let (session, ssrc) = (values.get(2)?.get().ok()?, values.get(3)?.get().ok()?);
            timeline.listen(&jitterbuffer, ssrc);
            ssrcs.guard(&jitterbuffer, (session, ssrc), id, &to);
            tuning::wait_for_pauses(&jitterbuffer);
            tuning::begin_at_once(&jitterbuffer);
            tuning::ask_at_once(&jitterbuffer);
            numbers.add(ssrc, &jitterbuffer);
            None
        });
    }
}
