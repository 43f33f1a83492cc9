// SPDX-License-Identifier: MPL-2.0
//! Keeps media from webrtcbin that it could not assign to an m-line.
//!
//! webrtcbin (`on_rtpbin_pad_added`, in 1.22 as in 1.29) looks for the m-line of each new pad of
//! rtpbin, and ends the process if that has no media: the offer names another SSRC and
//! its first m-line is a data channel; it names the SSRC in an m-line that was refused; or rtpbin
//! has forgotten the SSRC meanwhile. Any guest can cause that. So the same check is done here, one
//! element before.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst_webrtc::WebRTCRTPTransceiver;

use crate::protocol::{Event, SessionId};
use crate::vdoroomsrc::connection::sdp::{Named, follow, replaces};
use crate::vdoroomsrc::media::Header;
use crate::vdoroomsrc::reports::{Command, Reports};

/// SSRCs that rtpbin may know at once, from RTP and RTCP. It forgets who is silent.
const MAX_KNOWN: usize = 256;

/// RFC 3550 section 12.1.
const BYE: u8 = 203;

/// What webrtcbin knows of the SSRCs of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedSsrcs(Arc<Mutex<Ssrcs>>);

#[derive(Debug, Default)]
struct Ssrcs {
    /// As in webrtcbin: the m-line that was the first to name it; none if it sent before that.
    lines: HashMap<u32, Option<u32>>,
    /// What offers have named so far.
    named: Named,
    transceivers: Vec<glib::WeakRef<WebRTCRTPTransceiver>>,
    is_reported: bool,
}

impl SharedSsrcs {
    fn lock(&self) -> MutexGuard<'_, Ssrcs> {
        // What is in there is complete at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a track of an offer has another SSRC than before.
    pub(crate) fn are_replaced_by(&self, named: &Named) -> bool {
        replaces(named, &self.lock().named)
    }

    /// webrtcbin has taken an offer.
    pub(crate) fn offered(&self, named: Named) {
        let mut ssrcs = self.lock();
        for (ssrc, line) in &named {
            ssrcs.lines.entry(*ssrc).or_insert(Some(*line));
        }
        let before = std::mem::take(&mut ssrcs.named);
        ssrcs.named = follow(before, named);
    }

    /// GStreamer before 1.24 says so with webrtcbin's lock held.
    pub(crate) fn note_transceiver(&self, transceiver: &WebRTCRTPTransceiver) {
        self.lock().transceivers.push(transceiver.downgrade());
    }

    /// Learns what rtpbin tells webrtcbin, after webrtcbin.
    pub(crate) fn follow(&self, rtpbin: &gst::Element, id: SessionId, reports: &Reports) {
        let (ssrcs, to) = (self.clone(), reports.clone());
        rtpbin.connect("on-new-ssrc", false, move |values| {
            let ssrc = values.get(2)?.get::<u32>().ok().filter(|ssrc| *ssrc != 0)?;
            let known = {
                let mut ssrcs = ssrcs.lock();
                ssrcs.lines.entry(ssrc).or_insert(None);
                ssrcs.lines.len()
            };
            if known > MAX_KNOWN {
                let reason = format!("it sends from more than {MAX_KNOWN} sources");
                ssrcs.abused(id, &to, reason);
            }
            None
        });
        for forgotten in [
            "on-bye-ssrc",
            "on-bye-timeout",
            "on-sender-timeout",
            "on-timeout",
        ] {
            let ssrcs = self.clone();
            rtpbin.connect(forgotten, false, move |values| {
                let ssrc = values.get(2)?.get::<u32>().ok()?;
                ssrcs.lock().lines.remove(&ssrc);
                None
            });
        }
        rtpbin.connect_pad_added(|_, pad| {
            if pad.name().starts_with("recv_rtcp_sink") {
                ignore_goodbyes(pad);
            }
        });
    }

    /// Lets pass what webrtcbin can place of the media of one SSRC.
    pub(crate) fn guard(
        &self,
        jitterbuffer: &gst::Element,
        (session, ssrc): (u32, u32),
        id: SessionId,
        reports: &Reports,
    ) {
        let Some(pad) = jitterbuffer.static_pad("src") else {
            return;
        };
        let (ssrcs, to) = (self.clone(), reports.clone());
        // Payload types for which rtpbin has a pad already.
        let placed = [const { AtomicBool::new(false) }; 128];
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            // rtpjitterbuffer gives out nothing that is no packet.
            let header = info.buffer().and_then(|buffer| Header::peek(buffer));
            let placed = header.and_then(|header| placed.get(usize::from(header.payload_type)));
            if let Some(placed) = placed.filter(|placed| !placed.load(Relaxed)) {
                if !ssrcs.has_place(session, ssrc) {
                    ssrcs.refuse(id, ssrc, &to);
                    return gst::PadProbeReturn::Handled;
                }
                placed.store(true, Relaxed);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Whether webrtcbin finds the m-line of this SSRC, and media there.
    fn has_place(&self, session: u32, ssrc: u32) -> bool {
        let (line, transceivers) = {
            let ssrcs = self.lock();
            let line = ssrcs.lines.get(&ssrc).copied().flatten();
            (line.unwrap_or(session), ssrcs.transceivers.clone())
        };
        let mut transceivers = transceivers.iter().filter_map(glib::WeakRef::upgrade);
        transceivers.any(|transceiver| {
            let transport = transceiver
                .receiver()
                .and_then(|receiver| receiver.transport());
            transceiver.mlineindex() == line
                && transport.is_some_and(|transport| transport.session_id() == session)
        })
    }

    /// An honest publisher whose SSRC was forgotten begins anew at once, others do later.
    fn refuse(&self, id: SessionId, ssrc: u32, to: &Reports) {
        let is_named = self.lock().named.iter().any(|(named, _)| *named == ssrc);
        if !is_named {
            self.abused(id, to, "it sends media that is not in its offer".into());
        } else if self.is_first_report() {
            to.command(Command::Failed {
                session: id,
                reason: "its media cannot be placed any more".into(),
            });
        }
    }

    fn abused(&self, id: SessionId, to: &Reports, reason: String) {
        if self.is_first_report() {
            let session = id;
            to.events.send(Event::PeerAbuses { session, reason });
        }
    }

    fn is_first_report(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_reported, true)
    }
}

/// A goodbye makes webrtcbin forget the m-line at a moment that its sender chooses: between our
/// look and webrtcbin's. Publishers say goodbye on the channel, and whoever falls silent is
/// noticed anyway.
fn ignore_goodbyes(pad: &gst::Pad) {
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(mask, |_, info| match &mut info.data {
        Some(gst::PadProbeData::Buffer(buffer)) if says_goodbye(buffer) => {
            gst::PadProbeReturn::Handled
        }
        Some(gst::PadProbeData::BufferList(list)) => {
            list.make_mut().foreach_mut(|buffer, _| {
                std::ops::ControlFlow::Continue((!says_goodbye(&buffer)).then_some(buffer))
            });
            gst::PadProbeReturn::Ok
        }
        _ => gst::PadProbeReturn::Ok,
    });
}

/// Whether a compound packet (RFC 3550 section 6.1) has a BYE.
fn says_goodbye(buffer: &gst::BufferRef) -> bool {
    let Ok(map) = buffer.map_readable() else {
        return false;
    };
    let mut rest = map.as_slice();
    while let [_, kind, high, low, ..] = *rest {
        if kind == BYE {
            return true;
        }
        let length = 4 * (1 + usize::from(u16::from_be_bytes([high, low])));
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goodbyes_are_found_wherever_they_are() {
        let report = [0x80, 201, 0, 1, 0, 0, 0, 7];
        let goodbye = [0x81, BYE, 0, 1, 0, 0, 0, 7];
        let says = |packets: &[u8]| {
            gst::init().unwrap();
            says_goodbye(&gst::Buffer::from_slice(packets.to_vec()))
        };
        assert!(says(&goodbye));
        assert!(says(&[report, goodbye].concat()));
        assert!(!says(&[report, report].concat()));
        assert!(!says(&[0x80, 201, 0xff, 0xff, 0x81, BYE, 0, 0]));
        assert!(!says(&[]));
    }

    #[test]
    fn who_named_an_ssrc_first_has_it_until_it_is_forgotten() {
        let ssrcs = SharedSsrcs::default();
        ssrcs.lock().lines.insert(7, None);
        ssrcs.offered(vec![(7, 1), (8, 1), (8, 2)]);
        assert_eq!(ssrcs.lock().lines[&7], None);
        assert_eq!(ssrcs.lock().lines[&8], Some(1));
    }

    #[test]
    fn an_m_line_that_names_other_ssrcs_than_before_replaces_them() {
        let ssrcs = SharedSsrcs::default();
        assert!(!ssrcs.are_replaced_by(&vec![(7, 1)]), "none were named");
        ssrcs.offered(vec![(7, 1), (8, 1)]);
        for kept in [vec![(8, 1)], vec![(7, 1), (9, 2)], vec![]] {
            assert!(!ssrcs.are_replaced_by(&kept), "{kept:?}");
        }
        assert!(ssrcs.are_replaced_by(&vec![(9, 1)]));
    }

    #[test]
    fn an_m_line_that_names_none_for_a_while_may_go_on_with_those_that_it_had() {
        let ssrcs = SharedSsrcs::default();
        for named in [vec![(7, 1), (5, 2)], vec![(5, 2)], vec![]] {
            ssrcs.offered(named);
        }
        assert!(!ssrcs.are_replaced_by(&vec![(7, 1), (5, 2)]));
        assert!(ssrcs.are_replaced_by(&vec![(9, 1), (5, 2)]));
    }
}
