// SPDX-License-Identifier: MPL-2.0
//! Between GStreamer and a session's [`Timeline`]: sender reports and the arrivals of packets go in.
//! What comes out of it is told to `placing`.
//!
//! libwebrtc sends its first audio report after 2.5 s. It sends one at once when it is asked by
//! a rapid resynchronisation request (RFC 6051, 3.2), offered or not. rtpsession (GStreamer 1.22)
//! cannot ask, so the request is appended to its own packets. Only libwebrtc is asked:
//! a GStreamer that sends media deadlocks when it gets such a request (1.22 to
//! 1.28, `rtp_session_process_sr_req`).
//!
//! Lock: the session's state, held for arithmetic and copies only. Packets that arrive take it, all on
//! the thread of their transport; those that leave do if their track does not know their place.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

use super::arrivals::Packet;
use super::timeline::Timeline;
use crate::prefix::prefix;
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::media::header::Header;

/// Requests without an answer, after which a sender is not asked again.
const MOST_REQUESTS: u32 = 10;

/// Extension that libwebrtc offers for video, and GStreamer and libdatachannel do not.
const LIBWEBRTC_MARK: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

/// The timeline of one session, as its streaming threads share it.
#[derive(Clone, Default)]
pub(crate) struct SharedTimeline(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// That of the timeline, for whoever does not hold the lock.
    generation: AtomicU64,
}

#[derive(Default)]
struct State {
    timeline: Timeline,
    /// Media of which reports are expected, and how often they were asked for.
    expected: Vec<(u32, u32)>,
    /// The sender is one that may be asked.
    is_libwebrtc: bool,
}

impl SharedTimeline {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As long as it is the same, what the timeline has told of places holds.
    pub(super) fn generation(&self) -> u64 {
        self.0.generation.load(Relaxed)
    }

    /// Does something to the timeline, or asks it something, with the lock held.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Timeline) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state.timeline);
        let generation = state.timeline.generation();
        if generation != self.generation() {
            self.0.generation.store(generation, Relaxed);
        }
        result
    }

    /// Whether a sender report has told the place of this pad's media.
    pub(crate) fn knows(&self, source_pad: &gst::Pad) -> bool {
        let ssrc = number(source_pad, "ssrc");
        ssrc.is_some_and(|ssrc| self.lock().timeline.knows(ssrc))
    }

    /// Whether enough has come of this pad's media to know that its first frame is no old one.
    pub(crate) fn is_under_way(&self, source_pad: &gst::Pad) -> bool {
        let ssrc = number(source_pad, "ssrc");
        ssrc.is_none_or(|ssrc| self.lock().timeline.is_under_way(ssrc))
    }

    /// Whether this pad's media has B-frames.
    pub(crate) fn has_reordered(&self, source_pad: &gst::Pad) -> bool {
        let ssrc = number(source_pad, "ssrc");
        ssrc.is_some_and(|ssrc| self.lock().timeline.has_reordered(ssrc))
    }

    /// Sees when packets of `ssrc` arrive: what waits to be given out has arrived long ago.
    fn watch_arrivals(&self, jitterbuffer: &gst::Element, ssrc: u32) {
        let timeline = self.clone();
        let Some(pad) = jitterbuffer.static_pad("sink") else {
            return;
        };
        let types = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.add_probe(types, move |pad, info| {
            let segment = pad.sticky_event::<gst::event::Segment<_>>(0);
            let running_time = |buffer: &gst::BufferRef| {
                let segment = segment.as_ref()?.segment();
                let segment = segment.downcast_ref::<gst::ClockTime>()?;
                segment.to_running_time(buffer.dts_or_pts())
            };
            let note = |buffer: &gst::BufferRef| {
                // What was lost and comes again says nothing of the way.
                let again = gst_rtp::RTPBufferFlags::RETRANSMISSION.bits();
                if buffer.flags().bits() & again == 0
                    && let Some(arrival) = running_time(buffer)
                    && let Some(packet) = packet(buffer, arrival)
                {
                    timeline.change(|timeline| timeline.arrive(ssrc, packet));
                }
            };
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => note(buffer),
                Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(note),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Hears of the sender reports that come for `ssrc`, and of its packets.
    pub(crate) fn listen(&self, jitterbuffer: &gst::Element, ssrc: u32) {
        self.lock().expected.push((ssrc, 0));
        self.watch_arrivals(jitterbuffer, ssrc);
        let timeline = self.clone();
        jitterbuffer.connect("handle-sync", false, move |values| {
            let report = values.get(1)?.get::<gst::Structure>().ok()?;
            let clock_rate = report.get("clock-rate").ok()?;
            let ntp = report.get("sr-ntpnstime").ok()?;
            // rtpjitterbuffer writes this for a report that is far ahead of the media.
            let rtp = report.get::<u64>("sr-ext-rtptime").ok()?;
            if rtp != u64::MAX {
                gst::log!(CAT, "SR of {ssrc:08x}: {ntp} ns is RTP {rtp}");
                timeline.change(|timeline| timeline.report(ssrc, clock_rate, ntp, rtp as u32));
            }
            None
        });
    }

    /// The first packet of `ssrc` has arrived. For connections without a rtpjitterbuffer.
    #[cfg(feature = "native")]
    pub(crate) fn begins(
        &self,
        ssrc: u32,
        clock_rate: u32,
        header: &Header,
        arrival: gst::ClockTime,
    ) {
        let packet = packet_of(header, arrival);
        self.change(|timeline| timeline.expect(ssrc, clock_rate, packet));
    }

    /// Another packet of `ssrc` has arrived. For connections without a rtpjitterbuffer.
    #[cfg(feature = "native")]
    pub(crate) fn arrived(&self, ssrc: u32, header: &Header, arrival: gst::ClockTime) {
        let packet = packet_of(header, arrival);
        self.change(|timeline| timeline.arrive(ssrc, packet));
    }

    /// A sender report of `ssrc` has come: its clock, in nanoseconds, and the RTP timestamp at that time.
    /// For connections without a rtpjitterbuffer.
    #[cfg(feature = "native")]
    pub(crate) fn reported(&self, ssrc: u32, clock_rate: u32, ntp: u64, rtp: u32) {
        gst::log!(CAT, "SR of {ssrc:08x}: {ntp} ns is RTP {rtp}");
        self.change(|timeline| timeline.report(ssrc, clock_rate, ntp, rtp));
    }

    /// Who sends, as far as its offer shows.
    pub(crate) fn note_offer(&self, sdp: &str) {
        if sdp.contains(LIBWEBRTC_MARK) {
            self.lock().is_libwebrtc = true;
        }
    }

    /// Asks for the reports that have not come yet, behind whatever rtpbin sends.
    pub(crate) fn request_reports(&self, rtpbin: &gst::Element) {
        let timeline = self.clone();
        rtpbin.connect_pad_added(move |_, pad| {
            if !pad.name().starts_with("send_rtcp_src") {
                return;
            }
            let timeline = timeline.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                if let Some(buffer) = info.buffer_mut() {
                    timeline.append_requests(buffer);
                }
                gst::PadProbeReturn::Ok
            });
        });
    }

    fn append_requests(&self, compound: &mut gst::Buffer) {
        let Some([_, _, _, _, own_ssrc @ ..]) = prefix::<8>(compound) else {
            return;
        };
        for ssrc in self.unreported() {
            let request = report_request(own_ssrc, ssrc);
            let compound = compound.make_mut();
            compound.append_memory(gst::Memory::from_slice(request));
        }
    }

    fn unreported(&self) -> Vec<u32> {
        let mut state = self.lock();
        if !state.is_libwebrtc {
            return Vec::new();
        }
        let State {
            timeline, expected, ..
        } = &mut *state;
        let silent = expected.iter_mut();
        let silent =
            silent.filter(|(ssrc, asked)| *asked < MOST_REQUESTS && !timeline.knows(*ssrc));
        silent
            .map(|(ssrc, asked)| {
                *asked += 1;
                *ssrc
            })
            .collect()
    }

    /// The first packet of this pad waits until the pad is exposed.
    pub(crate) fn expect(&self, source_pad: &gst::Pad, buffer: &gst::Buffer) {
        let (ssrc, rate) = (number(source_pad, "ssrc"), number(source_pad, "clock-rate"));
        let packet = buffer.dts_or_pts().and_then(|at| packet(buffer, at));
        if let (Some(ssrc), Some(rate), Some(packet)) = (ssrc, rate, packet) {
            self.change(|timeline| timeline.expect(ssrc, rate, packet));
        }
    }
}

/// RFC 6051, 3.2: a transport layer feedback message of type 5.
fn report_request(own_ssrc: [u8; 4], ssrc: u32) -> [u8; 12] {
    let mut request = [0x80 | 5, 205, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0];
    request[4..8].copy_from_slice(&own_ssrc);
    request[8..].copy_from_slice(&ssrc.to_be_bytes());
    request
}

/// rtpbin's own synchronisation rests: it moves no medium by less than this.
pub(crate) fn replace_rtpbin_sync(rtpbin: &gst::Element) {
    rtpbin.set_property("min-ts-offset", u64::MAX);
}

/// rtpsession has let nothing through that is no packet.
fn packet(buffer: &gst::BufferRef, arrival: gst::ClockTime) -> Option<Packet> {
    let header = Header::peek(buffer)?;
    Some(packet_of(&header, arrival))
}

pub(super) fn packet_of(header: &Header, arrival: gst::ClockTime) -> Packet {
    Packet {
        seqnum: header.seqnum,
        rtp: header.timestamp,
        arrival: i128::from(arrival.nseconds()),
    }
}

/// What the caps of a pad say.
pub(super) fn number(pad: &gst::Pad, name: &str) -> Option<u32> {
    field(&*pad.current_caps()?, name)
}

pub(super) fn field(caps: &gst::CapsRef, name: &str) -> Option<u32> {
    let structure = caps.structure(0)?;
    let unsigned = structure.get::<u32>(name).ok();
    unsigned.or_else(|| u32::try_from(structure.get::<i32>(name).ok()?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVER_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 9];

    /// What leaves after a medium with SSRC 7 has come, behind a receiver report.
    fn sent(timeline: &SharedTimeline) -> Vec<u8> {
        let mut buffer = gst::Buffer::from_slice(RECEIVER_REPORT);
        timeline.append_requests(&mut buffer);
        let map = buffer.map_readable().unwrap();
        map.to_vec()
    }

    fn waiting(offer: &str) -> SharedTimeline {
        gst::init().unwrap();
        let timeline = SharedTimeline::default();
        timeline.note_offer(offer);
        timeline.lock().expected.push((7, 0));
        timeline
    }

    #[test]
    fn libwebrtc_is_asked_until_it_has_reported() {
        let timeline = waiting(&format!("a=extmap:5 {LIBWEBRTC_MARK}\r\n"));
        let request = [0x85, 205, 0, 2, 0, 0, 0, 9, 0, 0, 0, 7];
        assert_eq!(sent(&timeline), [&RECEIVER_REPORT[..], &request].concat());
        let packet = Packet {
            seqnum: 0,
            rtp: 0,
            arrival: 0,
        };
        timeline.lock().timeline.expect(7, 48_000, packet);
        timeline.lock().timeline.report(7, 48_000, u64::MAX / 8, 0);
        assert_eq!(sent(&timeline), RECEIVER_REPORT);
    }

    #[test]
    fn who_does_not_answer_is_asked_ten_times() {
        let timeline = waiting(LIBWEBRTC_MARK);
        let asked = (0..100).filter(|_| sent(&timeline) != RECEIVER_REPORT);
        assert_eq!(asked.count(), MOST_REQUESTS as usize);
    }

    #[test]
    fn nobody_else_is_asked() {
        let timeline = waiting("a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
        assert_eq!(sent(&timeline), RECEIVER_REPORT);
    }
}
