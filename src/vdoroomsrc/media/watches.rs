// SPDX-License-Identifier: MPL-2.0
//! Probes on the pads of a track's chain, which watch and correct its media.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gst::prelude::*;

use crate::protocol::SessionId;
use crate::vdoroomsrc::media::codecs::Codec;
use crate::vdoroomsrc::media::frames::{Keyframes, Loss, Mark};
use crate::vdoroomsrc::media::pad::Exit;
use crate::vdoroomsrc::media::payload::is_vp9_keyframe;
use crate::vdoroomsrc::media::place::{OUTDATED, Timestamps};

/// A probe that can be taken away again.
pub(crate) struct Watch {
    pad: gst::Pad,
    id: gst::PadProbeId,
}

impl Watch {
    pub(crate) fn end(self) {
        self.pad.remove_probe(self.id);
    }
}

/// Lets nothing out of a pad of the connection.
pub(crate) fn keep_packets(source_pad: &gst::Pad) -> Option<Watch> {
    let id = source_pad.add_probe(BUFFERS, |_, _| gst::PadProbeReturn::Handled)?;
    let pad = source_pad.clone();
    Some(Watch { pad, id })
}

/// A publisher that closes its connection makes rtpbin send EOS to all pads of webrtcbin. Where EOS
/// is due is ours to say, in order and for one session; this one only tells that the connection is
/// over.
pub(crate) fn watch_connection(
    source_pad: &gst::Pad,
    session: SessionId,
    exit: &Arc<Exit>,
) -> Option<Watch> {
    let ghost = source_pad.downcast_ref::<gst::GhostPad>()?;
    // What webrtcbin ends by itself does not come this way.
    let rtpbin_pad = ghost.target();
    let exit = exit.clone();
    keep_eos(rtpbin_pad.as_ref().unwrap_or(source_pad), move || {
        exit.connection_closed(session);
    })
}

/// webrtcbin ends the pad of a medium that its publisher stops to send, up to 1.24; later versions are told
/// not to. The pad would take nothing when the publisher begins again. What was still under way when it
/// stopped would be refused, and that ends all media of the connection (GStreamer's commit
/// 4a9f84fedc).
pub(crate) fn keep_open(source_pad: &gst::Pad) {
    let ghost = source_pad.downcast_ref::<gst::GhostPad>();
    if let Some(entry) = ghost.and_then(|ghost| ghost.internal()) {
        keep_eos(entry.upcast_ref(), || {});
    }
}

/// Lets no EOS into a pad, or out of it, and tells of it.
fn keep_eos(pad: &gst::Pad, told: impl Fn() + Send + Sync + 'static) -> Option<Watch> {
    let id = pad.add_probe(
        gst::PadProbeType::EVENT_DOWNSTREAM,
        move |_, info| match info.event() {
            Some(event) if event.type_() == gst::EventType::Eos => {
                told();
                // Dropped: after `Drop`, GStreamer 1.22 takes a reference away from nothing, since
                // the bindings have taken the event out.
                gst::PadProbeReturn::Handled
            }
            _ => gst::PadProbeReturn::Ok,
        },
    )?;
    let pad = pad.clone();
    Some(Watch { pad, id })
}

/// webrtcbin (1.22) reads the data channel's m-line, `webrtc-datachannel`, as payload type 0, and
/// takes what it says for that of PCMU where it comes first.
pub(crate) fn mend_caps(entry: &gst::Pad, codec: &'static Codec) {
    let lacks_name = |caps: &gst::CapsRef| {
        let rtp = caps.structure(0);
        rtp.is_some_and(|rtp| !rtp.has_field("encoding-name"))
    };
    entry.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view())
            && lacks_name(event.caps())
        {
            let mut caps = event.caps().to_owned();
            let media = if codec.video { "video" } else { "audio" };
            caps.make_mut().set("media", media);
            caps.make_mut().set("encoding-name", codec.encoding_name);
            let mended = gst::event::Caps::builder(&caps).seqnum(event.seqnum());
            info.data = Some(gst::PadProbeData::Event(mended.build()));
        }
        gst::PadProbeReturn::Ok
    });
    // An element in between asks before the event comes.
    entry.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, move |_, info| {
        if let Some(gst::QueryViewMut::AcceptCaps(query)) =
            info.query_mut().map(|query| query.view_mut())
            && lacks_name(query.caps())
        {
            query.set_result(true);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
}

/// rtpvp9depay (GStreamer before 1.26.8) takes another event for this one, which may be none
/// (`gst_rtp_vp9_depay_packet_lost`): two critical warnings for each packet that is lost within a
/// frame. It tells a hole by the sequence numbers, too.
pub(crate) fn keep_lost_packets(entry: &gst::Pad) {
    entry.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        let lost = info.event().and_then(|event| event.structure());
        match lost.is_some_and(|lost| lost.name() == "GstRTPPacketLost") {
            // As in `watch_connection`.
            true => gst::PadProbeReturn::Handled,
            false => gst::PadProbeReturn::Ok,
        }
    });
}

/// vp9parse ends the connection if its first frame is none that it can begin with. rtpvp9depay takes
/// the descriptor's word for what a keyframe is.
pub(crate) fn begin_with_keyframe(depayloaded: &gst::Pad) {
    let has_begun = AtomicBool::new(false);
    depayloaded.add_probe(BUFFERS, move |_, info| {
        let passes = keep_buffers(info, |buffer| {
            let is_key = || buffer.map_readable().is_ok_and(|map| is_vp9_keyframe(&map));
            let passes = has_begun.load(Relaxed) || is_key();
            has_begun.store(passes, Relaxed);
            passes
        });
        match passes {
            true => gst::PadProbeReturn::Ok,
            false => gst::PadProbeReturn::Handled,
        }
    });
}

/// Watches what leaves the depayloader: when it comes, is decoded and shown.
///
/// Frames that were sent again long after their time are left out: those that follow are no continuation of
/// them. This is not done with packets, which would be missed.
pub(crate) fn add_timestamps(source: &gst::Pad, codec: &Codec, loss: &Arc<Loss>, exit: &Arc<Exit>) {
    let (loss, exit) = (loss.clone(), exit.clone());
    let timestamps = Timestamps::new(codec.standard());
    source.add_probe(
        BUFFERS | gst::PadProbeType::EVENT_DOWNSTREAM,
        move |_, info| {
            if let Some(event) = info.event() {
                if let gst::EventView::Caps(caps) = event.view() {
                    timestamps.caps(caps.caps());
                }
                return gst::PadProbeReturn::Ok;
            }
            let passes = keep_buffers(info, |buffer| {
                let is_old = buffer.pts() == Some(OUTDATED);
                if is_old {
                    exit.counters.dropped.fetch_add(1, Relaxed);
                }
                !is_old
            });
            if !passes {
                return gst::PadProbeReturn::Handled;
            }
            // In a pause as well: its publisher keeps sending.
            exit.arrived();
            if exit.is_paused() {
                return gst::PadProbeReturn::Handled;
            }
            each_buffer(info, |buffer| {
                let (pts, dts) = timestamps.fix(buffer.pts());
                let buffer = buffer.make_mut();
                buffer.set_pts(pts);
                buffer.set_dts(dts);
                loss.unpacked(pts);
            });
            gst::PadProbeReturn::Ok
        },
    );
}

/// Behind the parser: marks what suffers from a loss, and counts keyframes. A depayloader does not
/// always tell those (`rtpav1depay`).
pub(crate) fn mark_damage(
    parsed: &gst::Pad,
    codec: &'static Codec,
    loss: &Arc<Loss>,
    exit: &Arc<Exit>,
) {
    let (loss, exit) = (loss.clone(), exit.clone());
    let keyframes = Keyframes::new(codec);
    parsed.add_probe(BUFFERS, move |pad, info| {
        each_buffer(info, |buffer| {
            keyframes.judge(pad, buffer);
            let is_keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            let flag = match loss.judge(buffer.pts(), is_keyframe) {
                Mark::Good => None,
                Mark::Damaged => Some(gst::BufferFlags::CORRUPTED),
                Mark::Mended => Some(gst::BufferFlags::DISCONT),
            };
            if let Some(flag) = flag {
                buffer.make_mut().set_flags(flag);
            }
            exit.parsed(buffer.flags());
        });
        gst::PadProbeReturn::Ok
    });
}

pub(super) const BUFFERS: gst::PadProbeType =
    gst::PadProbeType::BUFFER.union(gst::PadProbeType::BUFFER_LIST);

fn each_buffer(info: &mut gst::PadProbeInfo<'_>, mut change: impl FnMut(&mut gst::Buffer)) {
    match &mut info.data {
        Some(gst::PadProbeData::Buffer(buffer)) => change(buffer),
        Some(gst::PadProbeData::BufferList(list)) => {
            let changed = list.iter_owned().map(|mut buffer| {
                change(&mut buffer);
                buffer
            });
            *list = changed.collect();
        }
        _ => {}
    }
}

/// Removes buffers that are not to be kept. False if none is left.
pub(super) fn keep_buffers(
    info: &mut gst::PadProbeInfo<'_>,
    mut keeps: impl FnMut(&mut gst::Buffer) -> bool,
) -> bool {
    match &mut info.data {
        Some(gst::PadProbeData::Buffer(buffer)) => keeps(buffer),
        Some(gst::PadProbeData::BufferList(list)) => {
            let buffers = list.iter_owned();
            *list = buffers
                .filter_map(|mut buffer| keeps(&mut buffer).then_some(buffer))
                .collect();
            !list.is_empty()
        }
        _ => true,
    }
}

pub(crate) fn report_leaks(queue: &gst::Element, exit: &Arc<Exit>) {
    let exit = exit.clone();
    queue.connect("overrun", false, move |_| {
        exit.queue_leaked();
        None
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc::channel;
    use std::time::Instant;

    use super::super::packets::introduction;
    use super::*;
    use crate::vdoroomsrc::media::pad::Kind;
    use crate::vdoroomsrc::reports::{Command, TrackId};

    #[test]
    fn a_pad_that_webrtcbin_ends_goes_on_and_the_end_of_a_connection_is_told() {
        gst::init().unwrap();
        let codec = Codec::by_name("VP8").unwrap();
        let session = SessionId(1);
        let (commands, told) = channel();
        let exit = Arc::new(Exit::new(
            TrackId { session, index: 0 },
            Kind::Video,
            codec.forms(),
            introduction(Kind::Video, codec),
            commands,
            Default::default(),
            Instant::now(),
        ));
        let rtpbin_pad = gst::Pad::builder(gst::PadDirection::Src).build();
        let source_pad = gst::GhostPad::with_target(&rtpbin_pad).unwrap();
        let taken = Arc::new(AtomicUsize::new(0));
        let count = taken.clone();
        let consumer = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, _| {
                count.fetch_add(1, Relaxed);
                Ok(gst::FlowSuccess::Ok)
            })
            .build();
        consumer.set_active(true).unwrap();
        source_pad.link(&consumer).unwrap();
        source_pad.set_active(true).unwrap();
        rtpbin_pad.set_active(true).unwrap();
        keep_open(source_pad.upcast_ref());
        watch_connection(source_pad.upcast_ref(), session, &exit);
        rtpbin_pad.push_event(gst::event::StreamStart::new("x"));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        rtpbin_pad.push_event(gst::event::Segment::new(&segment));
        // As webrtcbin sends it.
        let entry = rtpbin_pad.peer().unwrap();
        assert!(entry.send_event(gst::event::Eos::new()));
        assert!(told.try_recv().is_err());
        let pushed = rtpbin_pad.push(gst::Buffer::new());
        assert_eq!(pushed, Ok(gst::FlowSuccess::Ok));
        assert_eq!(taken.load(Relaxed), 1);
        rtpbin_pad.push_event(gst::event::Eos::new());
        let command = told.try_recv();
        assert!(matches!(command, Ok(Command::Failed { .. })), "{command:?}");
    }
}
