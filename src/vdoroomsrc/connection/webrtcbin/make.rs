// SPDX-License-Identifier: MPL-2.0
//! How a webrtcbin is made, and what its callbacks report.
//!
//! The callbacks send a command or an event and return: webrtcbin calls them from threads on which
//! nothing may wait, and on which webrtcbin itself must not change its state (GStreamer 1.22
//! deadlocks).

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use gst::glib;
use gst::prelude::*;
use gst_webrtc::{WebRTCDataChannel, WebRTCDataChannelState, WebRTCRTPTransceiver};

use crate::vdoroomsrc::reports::CAT;
use super::association;
use crate::vdoroomsrc::connection::sdp::Order;
use crate::vdoroomsrc::reports::Command;
use crate::vdoroomsrc::reports::{Backlog, Reports};
use crate::vdoroomsrc::settings::IceServers;
use crate::vdoroomsrc::media::{SharedTimeline, replace_rtpbin_sync};
use super::ssrcs::SharedSsrcs;
use super::states;
use crate::protocol::limits::cut;
use crate::protocol::{Event, SessionId};

/// Protocol 5.1: the one channel on which a publisher speaks.
const CHANNEL_LABEL: &str = "sendChannel";

/// A guest sends a few tracks and their retransmissions; each SSRC costs us threads.
const MAX_SSRCS: u32 = 32;

/// Channels that a guest may open in one connection, in all: each one costs us elements. It needs
/// one; files that it sends to everybody come in channels of their own (protocol 5.1).
const MAX_CHANNELS: u32 = 64;

/// What is the same for each connection.
pub(crate) struct Transport<'a> {
    pub ice: &'a IceServers,
    /// Of the jitterbuffer, in milliseconds.
    pub latency: u32,
    pub retransmission: bool,
}

/// What is known of the media of one connection.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub timeline: &'a SharedTimeline,
    pub ssrcs: &'a SharedSsrcs,
    pub bundle: &'a Order,
}

/// Makes a webrtcbin for a session whose elements' names begin with `prefix`.
pub(crate) fn make(
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
    configure_ice(&webrtcbin, transport.ice);
    association::number(&webrtcbin);
    states::connect(&webrtcbin, id, reports);
    connect(&webrtcbin, id, transport.retransmission, known, reports);
    Ok(webrtcbin)
}

fn configure_ice(webrtcbin: &gst::Element, ice: &IceServers) {
    if let Some(stun) = &ice.stun {
        webrtcbin.set_property("stun-server", stun);
    }
    for turn in &ice.turn {
        if !webrtcbin.emit_by_name::<bool>("add-turn-server", &[&turn.0]) {
            gst::warning!(CAT, obj = webrtcbin, "webrtcbin does not take {turn:?}");
        }
    }
    // Sockets that a receiver of UDP does not need: 21 descriptors become 7.
    let agent = webrtcbin.property::<Option<gst::Object>>("ice-agent");
    let set_off = |object: &gst::Object, name: &str| {
        if object.has_property_with_type(name, bool::static_type()) {
            object.set_property(name, false);
        }
    };
    if let Some(agent) = agent {
        set_off(&agent, "ice-tcp");
        if !ice.ports.is_any() && agent.has_property_with_type("min-rtp-port", u32::static_type()) {
            agent.set_property("min-rtp-port", u32::from(ice.ports.min));
            agent.set_property("max-rtp-port", u32::from(ice.ports.max));
        }
        if agent.has_property("agent")
            && let Some(nice) = agent.property::<Option<glib::Object>>("agent")
            && nice.has_property_with_type("upnp", bool::static_type())
        {
            nice.set_property("upnp", false);
        }
    }
}

fn connect(
    webrtcbin: &gst::Element,
    id: SessionId,
    retransmission: bool,
    Known {
        timeline,
        ssrcs,
        bundle,
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
            candidate: candidate.clone(),
        });
        to.events.send(Event::LocalCandidate {
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
    webrtcbin.connect("on-data-channel", false, move |values| {
        let channel = values.get(1)?.get::<WebRTCDataChannel>().ok()?;
        match opened.fetch_add(1, Relaxed) {
            0..MAX_CHANNELS => connect_channel(id, &channel, &backlog, &to),
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
                    to.command(Command::Pad {
                        session: id,
                        pad: pad.clone(),
                        block,
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
        hasten_feedback(&rtpbin);
        take_late_repeats(webrtcbin);
        replace_rtpbin_sync(&rtpbin);
        timeline.request_reports(&rtpbin);
        ssrcs.follow(&rtpbin, id, reports);
        let (timeline, ssrcs) = (timeline.clone(), ssrcs.clone());
        rtpbin.connect("new-jitterbuffer", false, move |values| {
            let jitterbuffer = values.get(1)?.get::<gst::Element>().ok()?;
            let (session, ssrc) = (values.get(2)?.get().ok()?, values.get(3)?.get().ok()?);
            timeline.listen(&jitterbuffer, ssrc);
            ssrcs.guard(&jitterbuffer, (session, ssrc), id, &to);
            wait_for_pauses(&jitterbuffer);
            begin_at_once(&jitterbuffer);
            ask_at_once(&jitterbuffer);
            to.command(Command::Jitterbuffer {
                session: id,
                ssrc,
                jitterbuffer: jitterbuffer.downgrade(),
            });
            None
        });
    }
}

/// How much of a connection's rate RTCP may take follows from the rate of its media (RFC 3550
/// section 6.2), for which rtpsession takes 64 kbit/s. Between two packets it then waits for half a
/// second and more: retransmission is requested when it is too late.
fn hasten_feedback(rtpbin: &gst::Element) {
    const MEDIA_RATE: f64 = 4_000_000.0;
    if let Some(rtpbin) = rtpbin.downcast_ref::<gst::Bin>() {
        rtpbin.connect_element_added(|_, element| {
            if element
                .factory()
                .is_some_and(|factory| factory.name() == "rtpsession")
            {
                element.set_property("bandwidth", MEDIA_RATE);
            }
        });
    }
}

/// A publisher without RTX repeats a lost packet as it was. SRTP takes those that are older than the
/// newest 128 for replayed ones (GStreamer 1.22), which good video sends in a quarter of a second.
fn take_late_repeats(webrtcbin: &gst::Element) {
    const PACKETS: u32 = 4096;
    if let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() {
        bin.connect_deep_element_added(|_, _, element| {
            if element.has_property_with_type("replay-window-size", u32::static_type()) {
                element.set_property("replay-window-size", PACKETS);
            }
        });
    }
}

/// rtpjitterbuffer guesses when the next packet should arrive. If it comes later than `latency`
/// after that, it is taken for lost and dropped although nothing was lost (1.22 to
/// 1.28): after every pause of a shared screen, and whenever a camera stalls. Holes between packets
/// are still asked for.
fn wait_for_pauses(jitterbuffer: &gst::Element) {
    if jitterbuffer.has_property("rtx-next-seqnum") {
        jitterbuffer.set_property("rtx-next-seqnum", false);
    }
}

/// rtpjitterbuffer keeps the first packet for `latency`, lest it has overtaken another. Where it has,
/// a keyframe is asked for; everybody else's recording begins that much sooner.
fn begin_at_once(jitterbuffer: &gst::Element) {
    if jitterbuffer.has_property("faststart-min-packets") {
        jitterbuffer.set_property("faststart-min-packets", 1u32);
    }
}

/// A packet that has not come may only have been overtaken, so rtpjitterbuffer asks for it after
/// twice the jitter: on an unsteady line when there is no time left for a second attempt. This is
/// what it waits as long as it knows no jitter. A request too many costs one packet.
fn ask_at_once(jitterbuffer: &gst::Element) {
    const OVERTAKEN: i32 = 20;
    if jitterbuffer.has_property("rtx-delay") {
        jitterbuffer.set_property("rtx-delay", OVERTAKEN);
    }
}

/// Text of a stranger: the property and the signal promise UTF-8, GStreamer does not check it, and
/// reading it as a string would then panic.
fn checked(value: &glib::Value) -> Option<String> {
    let bytes = value.get::<Option<PathBuf>>().ok()??;
    bytes.into_os_string().into_string().ok()
}

fn connect_channel(
    id: SessionId,
    channel: &WebRTCDataChannel,
    backlog: &Backlog,
    reports: &Reports,
) {
    if checked(&channel.property_value("label")).as_deref() != Some(CHANNEL_LABEL) {
        // Protocol 5.1: file transfers and the like.
        return;
    }
    let to = reports.clone();
    let backlog = backlog.clone();
    let warned = AtomicBool::new(false);
    channel.connect("on-message-string", false, move |values| {
        let text = cut(checked(values.get(1)?)?);
        match backlog.admit(text.len()) {
            Some(ticket) => to.command(Command::ChannelText {
                session: id,
                text,
                ticket,
            }),
            None => {
                to.events.count_dropped();
                if !warned.swap(true, Relaxed) {
                    gst::warning!(
                        CAT,
                        "Session {} sends messages faster than they are handled: some are dropped",
                        id.0
                    );
                }
            }
        }
        None
    });
    let to = reports.clone();
    let said = AtomicBool::new(false);
    let open = Arc::new(move |channel: &WebRTCDataChannel| {
        if !said.swap(true, Relaxed) {
            to.command(Command::ChannelOpen {
                session: id,
                channel: channel.clone(),
            });
        }
    });
    let when_open = open.clone();
    channel.connect_on_open(move |channel| when_open(channel));
    // It may have opened before anybody could listen.
    if channel.ready_state() == WebRTCDataChannelState::Open {
        open(channel);
    }
}

pub(crate) fn outcome(
    reply: Result<Option<&gst::StructureRef>, gst::PromiseError>,
) -> Result<(), String> {
    match reply {
        Ok(None) => Ok(()),
        Ok(Some(reply)) if !reply.has_field("error") => Ok(()),
        Ok(Some(reply)) => Err(error_of(reply)),
        Err(error) => Err(format!("{error:?}")),
    }
}

pub(crate) fn error_of(reply: &gst::StructureRef) -> String {
    match reply.get::<glib::Error>("error") {
        Ok(error) => error.message().to_owned(),
        Err(_) => format!("webrtcbin said {reply}"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn text_that_is_not_utf8_is_no_text() {
        let value = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec())).to_value();
        assert_eq!(checked(&value(b"caf\xc3\xa9")).as_deref(), Some("café"));
        assert_eq!(checked(&value(b"\xff\xfe")), None);
        assert_eq!(checked(&None::<String>.to_value()), None);
    }
}
