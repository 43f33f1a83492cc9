// SPDX-License-Identifier: MPL-2.0
//! Which packets a depayloader gets, and with which sequence numbers.
//!
//! What carries nothing is normal: libwebrtc pads to find out how much a way takes. It vanishes,
//! and the packets behind it move up, so that it leaves no hole. What breaks the rules of its
//! payload does leave one, as if it had been lost.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::codecs::Codec;
use super::exit::Exit;
use super::layers::Layers;
use super::loss::{Loss, begins_picture};
use super::numbers::Numbers;
use super::payload::{Packet, Payload, Piece, Verdict};

/// A depayloader holds what it has of a frame, however long that lasts. The largest frames of 8K
/// video are smaller.
const LARGEST_FRAME: usize = 16 << 20;

/// Of so many packets so many are broken: no accident.
const SAMPLE: u32 = 100;
const UNDECODABLE: u32 = 30;

/// All of it happens on one streaming thread, so nobody waits for the lock.
pub(super) struct Guard {
    codec: &'static Codec,
    state: Mutex<State>,
    layers: Arc<Layers>,
    has_told_undecodable: AtomicBool,
}

#[derive(Debug)]
struct State {
    encoding_name: &'static str,
    payload: Payload,
    numbers: Numbers,
    /// Bytes that the depayloader may hold.
    held: usize,
    /// A fragment without a beginning may belong to a broken one.
    follows_broken: bool,
    /// Of the packets since the last full sample.
    seen: u32,
    broken: u32,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fate {
    /// Its sequence number from now on. None if it has never been, or if it is as good as lost.
    number: Option<u16>,
    begins_frame: bool,
    passes: bool,
    /// What is wrong with it, or with something before it.
    fault: Option<&'static str>,
    /// What it carries of a picture.
    piece: Option<Piece>,
}

const VANISHES: Fate = Fate {
    number: None,
    begins_frame: false,
    passes: false,
    fault: None,
    piece: None,
};

impl Guard {
    pub(super) fn new(codec: &'static Codec, layers: &Arc<Layers>) -> Self {
        Self {
            codec,
            state: Mutex::new(State::new(codec)),
            layers: layers.clone(),
            has_told_undecodable: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a packet passes. `begins_hole` becomes true if video lacks something from here on,
    /// and all was well before.
    pub(super) fn packet(
        &self,
        buffer: &mut gst::Buffer,
        loss: &Loss,
        exit: &Exit,
        begins_hole: &mut bool,
    ) -> bool {
        let is_discont = buffer.flags().contains(gst::BufferFlags::DISCONT);
        let Ok(rtp) = gst_rtp::RTPBuffer::from_buffer_readable(buffer) else {
            self.is_broken("a header that ends behind the packet", exit);
            return false;
        };
        let seqnum = rtp.seq();
        let mut packet = Packet {
            timestamp: rtp.timestamp(),
            marker: rtp.is_marker(),
            payload: rtp.payload().unwrap_or_default(),
            follows: !is_discont,
        };
        let (fate, is_undecodable) = {
            let mut state = self.state();
            (state.packet(seqnum, &mut packet), state.is_undecodable())
        };
        if let Some(number) = fate.number.filter(|_| self.codec.video) {
            *begins_hole |= loss.packet(number, &packet, fate.begins_frame);
        }
        let marker = packet.marker;
        drop(rtp);
        if let Some(fault) = fate.fault {
            self.is_broken(fault, exit);
        }
        if let Some(is_undecodable) = is_undecodable {
            self.is_undecodable(is_undecodable, exit);
        }
        if !fate.passes {
            return false;
        }
        if let Some(piece) = fate.piece {
            self.layers.packet(piece, marker);
        }
        let number = fate.number.filter(|number| *number != seqnum);
        let layer_at = fate.piece.and_then(|piece| piece.layer_at);
        (number.is_none() && layer_at.is_none()) || rewrite(buffer, number, layer_at)
    }

    fn is_broken(&self, fault: &str, exit: &Exit) {
        if exit.counters.broken_packets.fetch_add(1, Relaxed) == 0 {
            let codec = self.codec.encoding_name;
            exit.warn(&format!(
                "has broken packets ({codec}): {fault}. They are dropped and count as lost; \
                 broken-packets in stats tells how many there are"
            ));
        }
    }

    fn is_undecodable(&self, is_undecodable: bool, exit: &Exit) {
        exit.counters.undecodable.store(is_undecodable, Relaxed);
        if is_undecodable && !self.has_told_undecodable.swap(true, Relaxed) {
            let codec = self.codec.encoding_name;
            exit.warn(&format!(
                "cannot be decoded: most of what comes is not {codec}. Perhaps it is encrypted from \
                 end to end (&e2ee); what is recorded of it does not play"
            ));
        }
    }

    /// The sequence number that a lost packet would have now.
    pub(super) fn number_of_lost(&self, seqnum: u16) -> u16 {
        self.state().numbers.of_lost(seqnum)
    }
}

/// Gives a packet its number. Of a layer that is not the lowest of its picture it is said that it
/// depends on the one below (RFC 9628 section 4.2: D): rtpvp9depay (GStreamer 1.22) takes any other
/// for the beginning of a picture, and gives up what it has.
fn rewrite(buffer: &mut gst::Buffer, number: Option<u16>, layer_at: Option<usize>) -> bool {
    let Ok(mut rtp) = gst_rtp::RTPBuffer::from_buffer_writable(buffer.make_mut()) else {
        // There is no memory for a copy: as good as lost.
        return false;
    };
    if let Some(number) = number {
        rtp.set_seq(number);
    }
    let Some(at) = layer_at else {
        return true;
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
            payload: Payload::of(codec),
            numbers: Numbers::default(),
            held: 0,
            follows_broken: false,
            seen: 0,
            broken: 0,
        }
    }

    /// Completes what is known of the packet.
    fn packet(&mut self, seqnum: u16, packet: &mut Packet<'_>) -> Fate {
        let Some(follows) = self.numbers.arrive(seqnum) else {
            return VANISHES;
        };
        if packet.payload.is_empty() {
            return VANISHES;
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
        self.seen += 1;
        self.broken += u32::from(self.follows_broken);
        let fault = match verdict {
            Verdict::Cuts(fault) | Verdict::Broken(fault) => Some(fault),
            Verdict::Good | Verdict::Orphan => None,
        };
        if fault.is_some() {
            self.numbers.skip();
        }
        let is_broken = matches!(verdict, Verdict::Broken(_));
        Fate {
            number: (!is_broken).then(|| self.numbers.next()),
            begins_frame,
            passes: matches!(verdict, Verdict::Good | Verdict::Cuts(_)),
            fault,
            piece: self.payload.piece(),
        }
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

    /// Told with each full sample.
    fn is_undecodable(&mut self) -> Option<bool> {
        if self.seen < SAMPLE {
            return None;
        }
        self.seen = 0;
        Some(std::mem::take(&mut self.broken) >= UNDECODABLE)
    }
}
