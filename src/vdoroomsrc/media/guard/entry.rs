// SPDX-License-Identifier: MPL-2.0
//! Which packets a depayloader gets, and with which sequence numbers.
//!
//! Packets without a payload are normal: libwebrtc sends them to probe the bandwidth. They are
//! dropped, and the sequence numbers behind them move up, so that they leave no hole. A packet that
//! breaks the rules of its payload format does leave one, as if it had been lost.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

use super::numbers::Numbers;
use super::sample::{Finding, Sample};
use crate::protocol::SessionId;
use crate::vdoroomsrc::media::codecs::Codec;
use crate::vdoroomsrc::media::frames::{Layers, Loss, begins_picture};
use crate::vdoroomsrc::media::header::Header;
use crate::vdoroomsrc::media::pad::Exit;
use crate::vdoroomsrc::media::payload::{Fault, Packet, Payload, Piece, Verdict};

/// A depayloader holds what it has of a frame, however long that lasts. The largest frames of 8K
/// video are smaller.
const LARGEST_FRAME: usize = 16 << 20;

/// Goes down the track with each sample that is undecodable.
const EVENT: &str = "vdoroom-undecodable";

/// All of it happens on one streaming thread, so nobody waits for the lock.
pub(crate) struct Guard {
    codec: &'static Codec,
    session: SessionId,
    state: Mutex<State>,
    layers: Arc<Layers>,
    /// A warning has been given: that packets are broken, or that the media cannot be decoded.
    has_told: AtomicBool,
}

#[derive(Debug)]
struct State {
    encoding_name: &'static str,
    is_video: bool,
    payload: Payload,
    numbers: Numbers,
    /// Bytes that the depayloader may hold.
    held: usize,
    /// A fragment without a beginning may belong to a broken one.
    follows_broken: bool,
    sample: Sample,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fate {
    /// Its sequence number from now on. None if it has never been, or if it is as good as lost.
    number: Option<u16>,
    begins_frame: bool,
    passes: bool,
    /// What is wrong with it, or with something before it.
    fault: Option<Fault>,
    /// What it carries of a picture.
    piece: Option<Piece>,
}

/// What has been found of a packet that is mapped, to be carried out when it is not mapped any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judgement {
    header: Header,
    fate: Fate,
    finding: Option<Finding>,
    /// Video lacks something from here on, and all was well before.
    pub begins_hole: bool,
}

const VANISHES: Fate = Fate {
    number: None,
    begins_frame: false,
    passes: false,
    fault: None,
    piece: None,
};

impl Guard {
    pub(crate) fn new(codec: &'static Codec, session: SessionId, layers: &Arc<Layers>) -> Self {
        Self {
            codec,
            session,
            state: Mutex::new(State::new(codec)),
            layers: layers.clone(),
            has_told: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done with a packet. `continues` says that it is not marked as the first one
    /// behind a discontinuity.
    pub(crate) fn judge(
        &self,
        header: Header,
        payload: &[u8],
        continues: bool,
        loss: &Loss,
    ) -> Judgement {
        let mut packet = Packet {
            timestamp: header.timestamp,
            marker: header.marker,
            payload,
            follows: continues,
        };
        let (fate, finding) = self.state().packet(header.seqnum, &mut packet);
        let number = fate.number.filter(|_| self.codec.video);
        let begins_hole =
            number.is_some_and(|number| loss.packet(number, &packet, fate.begins_frame));
        Judgement {
            header,
            fate,
            finding,
            begins_hole,
        }
    }

    /// Does that to a packet that comes to `entry`, and says whether it passes.
    pub(crate) fn carry_out(
        &self,
        judgement: Judgement,
        entry: &gst::Pad,
        buffer: &mut gst::Buffer,
        exit: &Exit,
    ) -> bool {
        let Judgement {
            header,
            fate,
            finding,
            ..
        } = judgement;
        if fate.fault.is_some() {
            exit.counters.broken_packets.fetch_add(1, Relaxed);
        }
        if let Some(finding) = finding {
            self.found(finding, entry, exit);
        }
        if !fate.passes {
            return false;
        }
        if let Some(piece) = fate.piece {
            self.layers.packet(piece, header.marker);
        }
        let number = fate.number.filter(|number| *number != header.seqnum);
        let layer_at = fate.piece.and_then(|piece| piece.layer_at);
        (number.is_none() && layer_at.is_none()) || rewrite(buffer, number, layer_at)
    }

    fn found(&self, finding: Finding, entry: &gst::Pad, exit: &Exit) {
        let codec = self.codec.encoding_name;
        let is_undecodable = finding == Finding::Undecodable;
        exit.counters.undecodable.store(is_undecodable, Relaxed);
        if is_undecodable {
            // Out of band: a parser keeps others until its next frame, and there may be none.
            let event = gst::Structure::new_empty(EVENT);
            entry.send_event(gst::event::CustomDownstreamOob::new(event));
        }
        if finding == Finding::Well || self.has_told.swap(true, Relaxed) {
            return;
        }
        match finding {
            Finding::Faulty(fault) => exit.warn(&format!(
                "has broken packets ({codec}): {fault}. They are dropped and count as lost; \
                 broken-packets in stats tells how many there are"
            )),
            _ => exit.undecodable(self.session, codec),
        }
    }

    /// The sequence number that a lost packet would have now.
    pub(crate) fn number_of_lost(&self, seqnum: u16) -> u16 {
        self.state().numbers.of_lost(seqnum)
    }
}

/// Gives a packet its number. Of a layer that is not the lowest of its picture it is said that it
/// depends on the one below (RFC 9628 section 4.2: D): rtpvp9depay (GStreamer 1.22) takes any other
/// for the beginning of a picture, and gives up what it has.
fn rewrite(buffer: &mut gst::Buffer, number: Option<u16>, layer_at: Option<usize>) -> bool {
    let buffer = buffer.make_mut();
    // There is no memory for a copy: as good as lost.
    if number.is_some_and(|number| !Header::renumber(buffer, number)) {
        return false;
    }
    let Some(at) = layer_at else {
        return true;
    };
    let Ok(mut rtp) = gst_rtp::RTPBuffer::from_buffer_writable(buffer) else {
        return false;
    };
    match rtp
        .payload_mut()
        .ok()
        .and_then(|payload| payload.get_mut(at))
    {
        Some(layer) => {
            *layer |= 1;
            true
        }
        None => false,
    }
}

impl State {
    fn new(codec: &Codec) -> Self {
        Self {
            encoding_name: codec.encoding_name,
            is_video: codec.video,
            payload: Payload::of(codec),
            numbers: Numbers::default(),
            held: 0,
            follows_broken: false,
            sample: Sample::default(),
        }
    }

    /// Completes what is known of the packet.
    fn packet(&mut self, seqnum: u16, packet: &mut Packet<'_>) -> (Fate, Option<Finding>) {
        let Some(follows) = self.numbers.arrive(seqnum) else {
            return (VANISHES, None);
        };
        if packet.payload.is_empty() {
            return (VANISHES, None);
        }
        packet.follows &= follows;
        let begins_frame = begins_picture(self.encoding_name, packet.payload);
        let mut verdict = self.payload.check(packet);
        if self.holds_too_much(packet, verdict, begins_frame) {
            verdict = Verdict::Broken("a frame of more than 16 MiB");
        }
        self.follows_broken = match verdict {
            Verdict::Good | Verdict::Cuts(_) => false,
            Verdict::Broken(_) => true,
            Verdict::Orphan => self.follows_broken,
        };
        let fault = match verdict {
            Verdict::Cuts(fault) | Verdict::Broken(fault) => Some(fault),
            Verdict::Good | Verdict::Orphan => None,
        };
        if fault.is_some() {
            self.numbers.skip();
        }
        let is_broken = matches!(verdict, Verdict::Broken(_));
        let ends_frame = packet.marker || !self.is_video;
        let finding = self
            .sample
            .packet(self.follows_broken, fault, ends_frame, &mut self.payload);
        let fate = Fate {
            number: (!is_broken).then(|| self.numbers.next()),
            begins_frame,
            passes: matches!(verdict, Verdict::Good | Verdict::Cuts(_)),
            fault,
            piece: self.payload.piece(),
        };
        (fate, finding)
    }

    /// What a depayloader has of a frame it keeps until that ends. After a hole it begins anew, but
    /// those of H.264 and H.265 keep the NAL units that are whole until another frame begins
    /// (`picture_adapter` in GStreamer 1.22).
    fn holds_too_much(&mut self, packet: &Packet<'_>, verdict: Verdict, begins: bool) -> bool {
        let begins_anew = match self.payload {
            Payload::H264(_) | Payload::H265(_) => begins,
            _ => !packet.follows || matches!(verdict, Verdict::Cuts(_)),
        };
        if begins_anew {
            self.held = 0;
        }
        if !matches!(verdict, Verdict::Good | Verdict::Cuts(_)) {
            return false;
        }
        self.held = self.held.saturating_add(packet.payload.len());
        if packet.marker {
            self.held = 0;
        }
        self.held > LARGEST_FRAME
    }
}
