// SPDX-License-Identifier: MPL-2.0
//! What a webrtcbin and the elements in it are set to.

use gst::glib;
use gst::prelude::*;

use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::settings::IceServers;

pub(super) fn configure_ice(webrtcbin: &gst::Element, ice: &IceServers) {
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

/// How much of a connection's rate RTCP may take follows from the rate of its media (RFC 3550
/// section 6.2), for which rtpsession takes 64 kbit/s. Between two packets it then waits for half a
/// second and more: retransmission is requested when it is too late.
///
/// rtpsession also tells congestion control after each frame what has come, which takes a sixth of the
/// processor time. Browsers tell it every tenth of a second.
pub(super) fn pace_feedback(rtpbin: &gst::Element) {
    const MEDIA_RATE: f64 = 4_000_000.0;
    const INTERVAL: gst::ClockTime = gst::ClockTime::from_mseconds(100);
    if let Some(rtpbin) = rtpbin.downcast_ref::<gst::Bin>() {
        rtpbin.connect_element_added(|_, element| {
            if element
                .factory()
                .is_none_or(|factory| factory.name() != "rtpsession")
            {
                return;
            }
            element.set_property("bandwidth", MEDIA_RATE);
            let session = element.property::<Option<glib::Object>>("internal-session");
            let name = "twcc-feedback-interval";
            if let Some(session) = session
                && session.has_property_with_type(name, u64::static_type())
            {
                session.set_property(name, INTERVAL.nseconds());
            }
        });
    }
}

/// Has feedback go without a report before it, or with one. webrtcbin (1.22 to 1.28) does so
/// itself, but only if the first m-line of a bundle is media: VDO.Ninja's is the data channel.
pub(super) fn reduce_feedback(webrtcbin: &gst::Element, reduced: bool) {
    let bin = webrtcbin.downcast_ref::<gst::Bin>();
    let sessions = bin.map(|bin| bin.iterate_all_by_element_factory_name("rtpsession"));
    for session in sessions.into_iter().flatten().flatten() {
        if let Some(session) = session.property::<Option<glib::Object>>("internal-session") {
            session.set_property("rtcp-reduced-size", reduced);
        }
    }
}

/// A publisher without RTX repeats a lost packet as it was. SRTP takes those that are older than the
/// newest 128 for replayed ones (GStreamer 1.22), which good video sends in a quarter of a second.
pub(super) fn take_late_repeats(webrtcbin: &gst::Element) {
    const PACKETS: u32 = 4096;
    if let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() {
        bin.connect_deep_element_added(|_, _, element| {
            if element.has_property_with_type("replay-window-size", u32::static_type()) {
                element.set_property("replay-window-size", PACKETS);
            }
        });
    }
}

/// Has the pad of a medium that its publisher stops to send wait until it begins again. Otherwise
/// webrtcbin ends it, and from 1.29.2 on lets nothing into it any more. Before 1.25.1 it cannot be told
/// so: there `keep_open` of `media` keeps the end away.
pub(super) fn reuse_pads(webrtcbin: &gst::Element) {
    if webrtcbin.has_property_with_type("reuse-source-pads", bool::static_type()) {
        webrtcbin.set_property("reuse-source-pads", true);
    }
}

/// rtpjitterbuffer guesses when the next packet should arrive. If it comes later than `latency`
/// after that, it is taken for lost and dropped although nothing was lost (1.22 to
/// 1.28): after every pause of a shared screen, and whenever a camera stalls. Holes between packets
/// are still asked for.
pub(super) fn wait_for_pauses(jitterbuffer: &gst::Element) {
    if jitterbuffer.has_property("rtx-next-seqnum") {
        jitterbuffer.set_property("rtx-next-seqnum", false);
    }
}

/// rtpjitterbuffer keeps the first packet for `latency`, lest it has overtaken another. Where it has,
/// a keyframe is asked for; everybody else's recording begins that much sooner.
pub(super) fn begin_at_once(jitterbuffer: &gst::Element) {
    if jitterbuffer.has_property("faststart-min-packets") {
        jitterbuffer.set_property("faststart-min-packets", 1u32);
    }
}

/// A packet that has not come may only have been overtaken, so rtpjitterbuffer asks for it after
/// twice the jitter: on an unsteady line when there is no time left for a second attempt. This is
/// what it waits as long as it knows no jitter. A request too many costs one packet.
pub(super) fn ask_at_once(jitterbuffer: &gst::Element) {
    const OVERTAKEN: i32 = 20;
    if jitterbuffer.has_property("rtx-delay") {
        jitterbuffer.set_property("rtx-delay", OVERTAKEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn congestion_control_is_told_ten_times_a_second() {
        gst::init().unwrap();
        let rtpbin = gst::ElementFactory::make("rtpbin").build().unwrap();
        pace_feedback(&rtpbin);
        let _pad = rtpbin.request_pad_simple("recv_rtp_sink_0").unwrap();
        let session = rtpbin.emit_by_name::<glib::Object>("get-internal-session", &[&0u32]);
        let interval = session.property::<u64>("twcc-feedback-interval");
        assert_eq!(gst::ClockTime::from_nseconds(interval).mseconds(), 100);
    }
}
