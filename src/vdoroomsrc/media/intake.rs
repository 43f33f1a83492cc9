// SPDX-License-Identifier: MPL-2.0
//! The one probe before a track's depayloader: each packet is mapped once, and what is read of it is
//! told to the steps in their order.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use gst::prelude::*;

use super::watches::{BUFFERS, keep_buffers};
use crate::vdoroomsrc::media::frames::Loss;
use crate::vdoroomsrc::media::guard::Guard;
use crate::vdoroomsrc::media::header::Header;
use crate::vdoroomsrc::media::pad::Exit;
use crate::vdoroomsrc::media::place::Placing;

/// The steps.
pub(super) struct Intake {
    /// Without a connection nothing is placed.
    pub placing: Option<Placing>,
    pub guard: Guard,
    pub loss: Arc<Loss>,
    pub exit: Arc<Exit>,
}

impl Intake {
    /// Lets into the depayloader what it can take. At a hole in video a keyframe is asked for at once.
    pub(super) fn watch(self, entry: &gst::Pad) {
        let types = BUFFERS | gst::PadProbeType::EVENT_DOWNSTREAM;
        entry.add_probe(types, move |entry, info| {
            if let Some(gst::PadProbeData::Event(event)) = &mut info.data {
                self.event(event);
                return gst::PadProbeReturn::Ok;
            }
            let mut begins_hole = false;
            let passes = keep_buffers(info, |buffer| self.packet(entry, buffer, &mut begins_hole));
            if begins_hole && !self.exit.is_paused() {
                let event = gst_video::UpstreamForceKeyUnitEvent::builder();
                if entry.push_event(event.all_headers(true).build()) {
                    self.exit.lost();
                }
            }
            match passes {
                true => gst::PadProbeReturn::Ok,
                false => gst::PadProbeReturn::Handled,
            }
        });
    }

    /// Whether a packet passes. `begins_hole` becomes true if video lacks something from here on, and
    /// all was well before.
    fn packet(&self, entry: &gst::Pad, buffer: &mut gst::Buffer, begins_hole: &mut bool) -> bool {
        let continues = !buffer.flags().contains(gst::BufferFlags::DISCONT);
        let arrival = buffer.dts_or_pts();
        let Ok(rtp) = gst_rtp::RTPBuffer::from_buffer_readable(buffer) else {
            self.exit.counters.broken_packets.fetch_add(1, Relaxed);
            return false;
        };
        let header = Header::of(&rtp);
        // Also of what is dropped: its sender has captured it.
        let placed = self.placing.as_ref().zip(arrival);
        let placed = placed.map(|(placing, arrival)| (placing, placing.place(&header, arrival)));
        let payload = rtp.payload().unwrap_or_default();
        let judgement = self.guard.judge(header, payload, continues, &self.loss);
        drop(rtp);
        *begins_hole |= judgement.begins_hole;
        let passes = self.guard.carry_out(judgement, entry, buffer, &self.exit);
        if passes && let Some((placing, place)) = placed {
            placing.write(place, buffer.make_mut());
        }
        passes
    }

    fn event(&self, event: &mut gst::Event) {
        if let gst::EventView::Caps(caps) = event.view()
            && let Some(placing) = &self.placing
        {
            placing.caps(caps.caps());
        }
        if let Some(lost) = self.renumbered(event) {
            *event = lost;
        }
    }

    /// A lost packet is told with the number that it would have behind the guard.
    ///
    /// The elements before it still hold the event that tells of it, so it is a copy that gets
    /// another number.
    fn renumbered(&self, event: &gst::EventRef) -> Option<gst::Event> {
        let lost = event.structure()?;
        if lost.name() != "GstRTPPacketLost" {
            return None;
        }
        let mut copy = lost.to_owned();
        if let Ok(seqnum) = lost.get::<u32>("seqnum") {
            let number = self.guard.number_of_lost(seqnum as u16);
            copy.set("seqnum", u32::from(number));
        }
        let copy = gst::event::CustomDownstream::builder(copy);
        Some(copy.seqnum(event.seqnum()).build())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;
    use std::time::Instant;

    use gst_rtp::{RTPBuffer, prelude::RTPBufferExt};

    use super::super::packets::introduction;
    use super::*;
    use crate::protocol::SessionId;
    use crate::vdoroomsrc::media::SharedTimeline;
    use crate::vdoroomsrc::media::codecs::Codec;
    use crate::vdoroomsrc::media::pad::Kind;
    use crate::vdoroomsrc::reports::TrackId;

    const MS: gst::ClockTime = gst::ClockTime::MSECOND;

    /// The `n`th packet of audio, 20 ms after the one before. It leaves the jitterbuffer ever later.
    fn packet(n: u16, payload: &[u8]) -> gst::Buffer {
        let mut buffer = gst::Buffer::new_rtp_with_sizes(payload.len() as u32, 0, 0).unwrap();
        let writable = buffer.make_mut();
        writable.set_dts((30 + 23 * u64::from(n)) * MS);
        let mut rtp = RTPBuffer::from_buffer_writable(writable).unwrap();
        rtp.set_seq(n);
        rtp.set_timestamp(960 * u32::from(n));
        rtp.payload_mut().unwrap().copy_from_slice(payload);
        drop(rtp);
        buffer
    }

    #[test]
    fn packets_get_their_place_and_their_number_alone_or_in_lists() {
        gst::init().unwrap();
        let codec = Codec::by_name("OPUS").unwrap();
        let session = SessionId(1);
        let exit = Arc::new(Exit::new(
            TrackId { session, index: 0 },
            Kind::Audio,
            codec.forms(),
            introduction(Kind::Audio, codec),
            channel().0,
            Default::default(),
            Instant::now(),
        ));
        let taken = Arc::<Mutex<Vec<(u16, Option<gst::ClockTime>)>>>::default();
        let note = {
            let taken = taken.clone();
            move |packet: &gst::Buffer| {
                let rtp = RTPBuffer::from_buffer_readable(packet).unwrap();
                taken.lock().unwrap().push((rtp.seq(), packet.pts()));
            }
        };
        let note_list = note.clone();
        let entry = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, packet| {
                note(&packet);
                Ok(gst::FlowSuccess::Ok)
            })
            // As depayloaders have it. GStreamer's own would show each packet to the probe again.
            .chain_list_function(move |_, _, list| {
                list.iter_owned().for_each(|packet| note_list(&packet));
                Ok(gst::FlowSuccess::Ok)
            })
            .build();
        let source = gst::Pad::builder(gst::PadDirection::Src).build();
        source.link(&entry).unwrap();
        entry.set_active(true).unwrap();
        source.set_active(true).unwrap();
        let caps = gst::Caps::builder("application/x-rtp").field("clock-rate", 48_000);
        let caps = caps.field("ssrc", 7_u32).build();
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        source.push_event(gst::event::StreamStart::new("x"));
        source.push_event(gst::event::Caps::new(&caps));
        source.push_event(gst::event::Segment::new(&segment));
        let intake = Intake {
            placing: Placing::of(&SharedTimeline::default(), &source),
            guard: Guard::new(codec, session, &Arc::default()),
            loss: Arc::default(),
            exit: exit.clone(),
        };
        intake.watch(&entry);
        // A frame of 20 ms.
        let frame = [0xf8, 1, 2, 3];
        source.push(packet(0, &frame)).unwrap();
        source.push(packet(1, &[])).unwrap();
        let list = [packet(2, &frame), packet(3, &[]), packet(4, &frame)];
        source.push_list(list.into_iter().collect()).unwrap();
        // One that ends before its frame.
        source.push(packet(5, &[0xfa, 200])).unwrap();
        source.push(packet(6, &frame)).unwrap();
        let places = [(0, 30), (1, 70), (2, 110), (4, 150)];
        let places = places.map(|(number, ms)| (number, Some(ms * MS)));
        assert_eq!(*taken.lock().unwrap(), places);
        assert_eq!(exit.counters.broken_packets.load(Relaxed), 1);
    }
}
