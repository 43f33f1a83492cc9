// SPDX-License-Identifier: MPL-2.0
//! Takes packets of media past a queue of webrtcbin.
//!
//! webrtcbin reads the socket in one thread, and puts each packet into a queue, from which a second
//! thread takes it to SRTP and the jitterbuffer, behind which a third one is. The queue is there to
//! keep packets until DTLS and the pads are ready. From then on it only wakes a thread for each packet,
//! which takes some 5 % of the processor time. So the thread that reads the socket takes media to SRTP
//! itself.
//!
//! It notes when each packet has arrived, and what it does in between makes the next one seem later. So
//! everything goes by the queue in the first seconds of each SSRC: then jitterbuffers and pads are made,
//! for which webrtcbin's lock is waited for, the timeline learns the delay of the network, and congestion
//! control measures it. Later on nothing up to the jitterbuffer waits, and the timeline goes by the
//! shortest delay of some seconds. DTLS, data channels and RTCP always go by the queue.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;

use crate::vdoroomsrc::media::Header;

/// The bin in webrtcbin (1.22 to 1.28) that has the queue.
const RECEIVER: &str = "TransportReceiveBin";

/// How long everything goes by the queue once an SSRC has begun. Chromium has then found how much it may
/// send.
const BEGINNING: Duration = Duration::from_secs(5);
/// SSRCs that are known at a time.
const MOST: usize = 64;

/// Shortens the way of what `webrtcbin` will receive.
pub(super) fn pass_queues(webrtcbin: &gst::Element) {
    if let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() {
        bin.connect_deep_element_added(|_, parent, element| {
            let is_queue = || element.factory().is_some_and(|f| f.name() == "queue");
            if parent.type_().name() == RECEIVER && is_queue() {
                pass(parent, element, BEGINNING);
            }
        });
    }
}

/// Has media pass `queue`, which is in `receiver`.
fn pass(receiver: &gst::Bin, queue: &gst::Element, beginning: Duration) {
    let (Some(into), Some(out)) = (queue.static_pad("sink"), queue.static_pad("src")) else {
        return;
    };
    let queued = Arc::new(AtomicUsize::new(0));
    let way = Way {
        receiver: receiver.downgrade(),
        queue: queue.downgrade(),
        out: out.clone(),
        next: OnceLock::new(),
        queued: queued.clone(),
        beginning,
        known: Mutex::default(),
    };
    out.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let _ = queued.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1));
        gst::PadProbeReturn::Ok
    });
    into.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let next = info.buffer().and_then(|buffer| way.past(buffer));
        let Some((next, buffer)) = next.zip(info.buffer().cloned()) else {
            way.queued.fetch_add(1, Relaxed);
            return gst::PadProbeReturn::Ok;
        };
        info.data = None;
        info.flow_res = next.chain(buffer);
        gst::PadProbeReturn::Handled
    });
}

/// The way of packets past a queue. The probe on the queue's pad holds it: no reference leads back there.
struct Way {
    receiver: glib::WeakRef<gst::Bin>,
    queue: glib::WeakRef<gst::Element>,
    out: gst::Pad,
    /// Where it leads, once that has opened.
    next: OnceLock<gst::Pad>,
    /// Packets in the queue, and those that it has dropped since it was last seen empty.
    queued: Arc<AtomicUsize>,
    beginning: Duration,
    known: Mutex<Known>,
}

impl Way {
    /// Where a packet goes to, if it need not wait in the queue.
    fn past(&self, packet: &gst::BufferRef) -> Option<&gst::Pad> {
        let header = Header::peek(packet).filter(|header| !header.is_rtcp())?;
        // webrtcbin blocks it while ICE is not connected, and while all media is inactive.
        if !self.is_settled(header.ssrc) || self.out.is_blocked() {
            return None;
        }
        let next = self.next.get().or_else(|| self.open())?;
        // A packet must not overtake those in the queue. It may overtake the one that the queue's thread is
        // about to hand on: the jitterbuffer puts both in order.
        if self.queued.load(Relaxed) > 0 {
            // A property costs a lock that all threads share: it is asked when there is reason to.
            let queue = self.queue.upgrade()?;
            if queue.property::<u32>("current-level-buffers") > 0 {
                return None;
            }
            self.queued.store(0, Relaxed);
        }
        Some(next)
    }

    /// Opens the way, if the next pad has its caps and segment, and nothing behind it blocks. From 1.28.5
    /// on the pads of the receiver do, until the publisher's certificate is known.
    fn open(&self) -> Option<&gst::Pad> {
        let mut pads = self.receiver.upgrade()?.src_pads().into_iter();
        let next = self.out.peer()?;
        let is_introduced = next.sticky_event::<gst::event::Segment>(0).is_some();
        let is_open = is_introduced && !pads.any(|pad| pad.is_blocked());
        is_open.then(|| self.next.get_or_init(|| next))
    }

    /// Whether this SSRC and all others are past their beginning.
    fn is_settled(&self, ssrc: u32) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let age = known.hear(ssrc, now);
        age.is_some_and(|age| age >= self.beginning)
    }
}

/// The SSRCs that have been seen.
#[derive(Default)]
struct Known {
    ssrcs: Vec<u32>,
    /// When the newest of them began.
    newest: Option<Instant>,
}

impl Known {
    /// Hears a packet: the age of the newest SSRC, unless it begins with this packet.
    fn hear(&mut self, ssrc: u32, now: Instant) -> Option<Duration> {
        if self.ssrcs.contains(&ssrc) {
            return self.newest.map(|newest| now.duration_since(newest));
        }
        // Nothing has been decrypted yet: anybody's packet may be the first of an SSRC.
        if self.ssrcs.len() == MOST {
            self.ssrcs.remove(0);
        }
        self.ssrcs.push(ssrc);
        self.newest = Some(now);
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(5);
    const RTP: u8 = 96;
    const RTCP: u8 = 200;

    struct Receiver {
        pipeline: gst::Pipeline,
        source: gst::Pad,
        out: gst::Pad,
        arrived: mpsc::Receiver<(u8, ThreadId)>,
    }

    /// A queue before a sink, as in webrtcbin's bin.
    fn receiver(beginning: Duration) -> Receiver {
        gst::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let bin = gst::Bin::new();
        let make = |name| gst::ElementFactory::make(name).build().unwrap();
        let (queue, sink) = (make("queue"), make("fakesink"));
        sink.set_property("async", false);
        bin.add_many([&queue, &sink]).unwrap();
        queue.link(&sink).unwrap();
        pipeline.add(&bin).unwrap();
        pass(&bin, &queue, beginning);
        let (told, arrived) = mpsc::channel();
        let end = sink.static_pad("sink").unwrap();
        end.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let packet = info.buffer().unwrap().map_readable().unwrap();
            let last = packet.get(11).copied().unwrap_or_default();
            told.send((last, thread::current().id())).unwrap();
            gst::PadProbeReturn::Ok
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        let source = gst::Pad::builder(gst::PadDirection::Src).build();
        source.link(&queue.static_pad("sink").unwrap()).unwrap();
        source.set_active(true).unwrap();
        source.push_event(gst::event::StreamStart::new("packets"));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        source.push_event(gst::event::Segment::new(&segment));
        let out = queue.static_pad("src").unwrap();
        Receiver {
            pipeline,
            source,
            out,
            arrived,
        }
    }

    impl Receiver {
        /// A packet with this in its second byte, and in its last one, which is the SSRC of RTP.
        fn push(&self, kind: u8, last: u8) {
            let packet = [128, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
            self.source.push(gst::Buffer::from_slice(packet)).unwrap();
        }

        /// The last byte of the next packet, and whether it came in this thread.
        fn next(&self) -> (u8, bool) {
            let (last, id) = self.arrived.recv_timeout(DEADLINE).unwrap();
            (last, id == thread::current().id())
        }

        /// What became of a packet of RTP.
        fn sent(&self, ssrc: u8) -> (u8, bool) {
            self.push(RTP, ssrc);
            self.next()
        }
    }

    impl Drop for Receiver {
        fn drop(&mut self) {
            self.pipeline.set_state(gst::State::Null).unwrap();
        }
    }

    fn block(pad: &impl IsA<gst::Pad>) -> gst::PadProbeId {
        let what = gst::PadProbeType::BLOCK | gst::PadProbeType::DATA_DOWNSTREAM;
        pad.add_probe(what, |_, _| gst::PadProbeReturn::Ok).unwrap()
    }

    #[test]
    fn media_passes_the_queue_once_its_ssrc_has_begun() {
        let receiver = receiver(Duration::ZERO);
        assert_eq!(receiver.sent(1), (1, false));
        assert_eq!(receiver.sent(1), (1, true));
        assert_eq!(receiver.sent(2), (2, false));
        receiver.push(RTCP, 1);
        assert_eq!(receiver.next(), (1, false));
        assert_eq!(receiver.sent(2), (2, true));
    }

    #[test]
    fn the_beginning_of_an_ssrc_goes_by_the_queue() {
        let receiver = receiver(Duration::from_secs(3600));
        for _ in 0..5 {
            assert_eq!(receiver.sent(1), (1, false));
        }
    }

    #[test]
    fn what_is_too_short_for_rtp_goes_by_the_queue() {
        let receiver = receiver(Duration::ZERO);
        receiver.sent(1);
        for length in 1..12 {
            let packet = vec![128; length];
            receiver
                .source
                .push(gst::Buffer::from_slice(packet))
                .unwrap();
            assert_eq!(receiver.next(), (0, false), "{length} bytes");
        }
    }

    #[test]
    fn the_age_is_that_of_the_newest_ssrc() {
        let (mut known, begin) = (Known::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        let age = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(known.hear(1, at(0)), None);
        assert_eq!(known.hear(1, at(7)), age(7));
        assert_eq!(known.hear(2, at(8)), None);
        assert_eq!(known.hear(1, at(9)), age(1));
        assert_eq!(known.hear(2, at(10)), age(2));
    }

    #[test]
    fn the_ssrcs_that_are_known_are_bounded() {
        let (mut known, now) = (Known::default(), Instant::now());
        for ssrc in 0..=MOST as u32 {
            assert_eq!(known.hear(ssrc, now), None);
        }
        assert_eq!(known.ssrcs.len(), MOST);
        assert_eq!(known.hear(1, now), Some(Duration::ZERO));
        assert_eq!(known.hear(0, now), None);
    }

    #[test]
    fn a_queue_that_is_blocked_keeps_everything_in_order() {
        let receiver = receiver(Duration::ZERO);
        receiver.sent(1);
        let block = block(&receiver.out);
        receiver.push(RTP, 1);
        receiver.push(RTCP, 2);
        receiver.push(RTP, 1);
        receiver.out.remove_probe(block);
        let came = [(); 3].map(|()| receiver.next());
        assert_eq!(came, [(1, false), (2, false), (1, false)]);
    }

    #[test]
    fn nothing_passes_while_a_pad_of_the_receiver_is_blocked() {
        let receiver = receiver(Duration::ZERO);
        let bin = receiver.out.parent_element().unwrap().parent().unwrap();
        let bin = bin.downcast::<gst::Bin>().unwrap();
        let pad = gst::GhostPad::new(gst::PadDirection::Src);
        bin.add_pad(&pad).unwrap();
        let block = block(&pad);
        assert_eq!(receiver.sent(1), (1, false));
        assert_eq!(receiver.sent(1), (1, false));
        pad.remove_probe(block);
        assert_eq!(receiver.sent(1), (1, true));
    }
}
