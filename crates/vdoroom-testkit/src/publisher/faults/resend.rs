// SPDX-License-Identifier: MPL-2.0
//! A publisher without RTX (RFC 4588) that sends a packet that was lost once more as it was, as
//! libdatachannel does and what is built on it.

use std::collections::VecDeque;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed};

use gst::prelude::*;
use gst_rtp::RTPBuffer;

use crate::publisher::status::Status;

/// Sent packets that are kept.
const KEPT: usize = 2000;

/// What tells packets apart: sequence number and SSRC.
type Key = (u16, u32);
type Packets = Arc<Mutex<VecDeque<(Key, gst::Buffer)>>>;

/// Goes into the caps of the payloader: NACK is offered although there is no RTX.
pub const OFFER: &str = ",rtcp-fb-nack=(boolean)true,rtcp-fb-nack-pli=(boolean)true";

/// Answers all requests.
pub fn on(webrtcbin: &gst::Element, status: &Arc<Status>) {
    let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() else {
        return;
    };
    let status = status.clone();
    bin.connect_deep_element_added(move |_, _, element| {
        // SRTP would not encrypt a packet again.
        if element.has_property_with_type("allow-repeat-tx", bool::static_type()) {
            element.set_property("allow-repeat-tx", true);
        }
        // It takes all requests for itself, also those that it cannot answer.
        let factory = element.factory();
        if factory.is_some_and(|factory| factory.name() == "rtprtxsend")
            && let Some(exit) = element.static_pad("src")
        {
            answer(&exit, status.clone());
        }
    });
}

fn answer(exit: &gst::Pad, status: Arc<Status>) {
    let packets = Packets::default();
    let kept = packets.clone();
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    exit.add_probe(mask, move |_, info| {
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => keep(&kept, buffer.clone()),
            Some(gst::PadProbeData::BufferList(list)) => {
                list.iter_owned().for_each(|buffer| keep(&kept, buffer));
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    let requests = resender(exit, packets, status);
    exit.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if let Some(key) = info.event().and_then(|event| requested(event)) {
            // Its thread ends with the pad.
            let _ = requests.send(key);
        }
        gst::PadProbeReturn::Ok
    });
}

fn requested(event: &gst::EventRef) -> Option<Key> {
    let request = event.structure()?;
    let is_one = request.name() == "GstRTPRetransmissionRequest";
    let number = |name| request.get::<u32>(name).ok();
    is_one.then_some((number("seqnum")? as u16, number("ssrc")?))
}

/// A thread of its own: requests come on one of rtpsession's, in the midst of its work.
fn resender(exit: &gst::Pad, packets: Packets, status: Arc<Status>) -> Sender<Key> {
    let (requests, wanted) = channel::<Key>();
    let exit = exit.downgrade();
    std::thread::spawn(move || {
        for key in wanted {
            let packet = {
                let packets = packets.lock().unwrap_or_else(PoisonError::into_inner);
                let found = packets.iter().rev().find(|(of, _)| *of == key);
                found.map(|(_, packet)| packet.clone())
            };
            let entry = exit.upgrade().and_then(|exit| exit.peer());
            if let (Some(entry), Some(packet)) = (entry, packet) {
                status.resent_packets.fetch_add(1, Relaxed);
                // Fails while the viewer's pipeline goes down.
                let _ = entry.chain(packet);
            }
        }
    });
    requests
}

fn keep(packets: &Packets, packet: gst::Buffer) {
    let header = RTPBuffer::from_buffer_readable(&packet);
    let Ok(key) = header.map(|header| (header.seq(), header.ssrc())) else {
        return;
    };
    let mut packets = packets.lock().unwrap_or_else(PoisonError::into_inner);
    packets.push_back((key, packet));
    if packets.len() > KEPT {
        packets.pop_front();
    }
}
