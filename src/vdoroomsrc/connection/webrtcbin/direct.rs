// SPDX-License-Identifier: MPL-2.0
//! Takes packets of media past a queue of webrtcbin.
//!
//! webrtcbin reads the socket in one thread, and puts each packet into a queue, from which a second
//! thread takes it to SRTP and the jitterbuffer, behind which a third one is. The queue is there to
//! keep packets until DTLS and the pads are ready. From then on it only wakes a thread for each packet,
//! which takes a tenth of the processor time. So the thread that reads the socket takes media to SRTP
//! itself: nothing up to the jitterbuffer waits. DTLS and data channels keep their way by the queue.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use gst::glib;
use gst::prelude::*;

/// The bin in webrtcbin (1.16 to 1.30) that has the queue.
const RECEIVER: &str = "TransportReceiveBin";

/// Shortens the way of what `webrtcbin` will receive.
pub(super) fn pass_queues(webrtcbin: &gst::Element) {
    if let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() {
        bin.connect_deep_element_added(|_, parent, element| {
            let is_queue = || element.factory().is_some_and(|f| f.name() == "queue");
            if parent.type_().name() == RECEIVER && is_queue() {
                pass(parent, element);
            }
        });
    }
}

/// Has media pass `queue`, which is in `receiver`.
fn pass(receiver: &gst::Bin, queue: &gst::Element) {
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
}

impl Way {
    /// Where a packet goes to, if it need not wait in the queue.
    fn past(&self, packet: &gst::BufferRef) -> Option<&gst::Pad> {
        // webrtcbin blocks it while ICE is not connected, and while all media is inactive.
        if !is_media(packet) || self.out.is_blocked() {
            return None;
        }
        let next = self.next.get().or_else(|| self.open())?;
        // What came before goes before. The one packet that the thread of the queue has taken, and not
        // handed on, may be overtaken: the jitterbuffer orders them.
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
}

/// Whether a packet is RTP or RTCP (RFC 7983 section 7).
fn is_media(packet: &gst::BufferRef) -> bool {
    let mut first = [0];
    packet.copy_to_slice(0, &mut first).is_ok() && (128..192).contains(&first[0])
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};
    use std::time::Duration;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(5);
    const RTP: u8 = 128;
    const DTLS: u8 = 22;

    struct Receiver {
        pipeline: gst::Pipeline,
        source: gst::Pad,
        out: gst::Pad,
        arrived: mpsc::Receiver<(u8, ThreadId)>,
    }

    /// A queue before a sink, as in webrtcbin's bin.
    fn receiver() -> Receiver {
        gst::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let bin = gst::Bin::new();
        let make = |name| gst::ElementFactory::make(name).build().unwrap();
        let (queue, sink) = (make("queue"), make("fakesink"));
        sink.set_property("async", false);
        bin.add_many([&queue, &sink]).unwrap();
        queue.link(&sink).unwrap();
        pipeline.add(&bin).unwrap();
        pass(&bin, &queue);
        let (told, arrived) = mpsc::channel();
        let end = sink.static_pad("sink").unwrap();
        end.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let mut first = [0];
            info.buffer().unwrap().copy_to_slice(0, &mut first).unwrap();
            told.send((first[0], thread::current().id())).unwrap();
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
        fn push(&self, first: u8) {
            let packet = gst::Buffer::from_slice([first, 0, 0, 0]);
            self.source.push(packet).unwrap();
        }

        /// The next packet, and whether it came in this thread.
        fn next(&self) -> (u8, bool) {
            let (first, id) = self.arrived.recv_timeout(DEADLINE).unwrap();
            (first, id == thread::current().id())
        }
    }

    impl Drop for Receiver {
        fn drop(&mut self) {
            self.pipeline.set_state(gst::State::Null).unwrap();
        }
    }

    #[test]
    fn media_passes_the_queue_once_it_is_open() {
        let receiver = receiver();
        receiver.push(DTLS);
        assert_eq!(receiver.next(), (DTLS, false));
        receiver.push(RTP);
        assert_eq!(receiver.next(), (RTP, true));
        receiver.push(DTLS);
        assert_eq!(receiver.next(), (DTLS, false));
    }

    #[test]
    fn a_queue_that_is_blocked_keeps_everything_in_order() {
        let receiver = receiver();
        receiver.push(DTLS);
        receiver.next();
        let block = receiver.out.add_probe(
            gst::PadProbeType::BLOCK | gst::PadProbeType::DATA_DOWNSTREAM,
            |_, _| gst::PadProbeReturn::Ok,
        );
        let packets = [RTP, RTP + 1, DTLS, RTP + 2];
        for first in packets {
            receiver.push(first);
        }
        receiver.out.remove_probe(block.unwrap());
        let came = packets.map(|_| receiver.next());
        assert_eq!(came, packets.map(|first| (first, false)));
    }

    #[test]
    fn nothing_passes_while_a_pad_of_the_receiver_is_blocked() {
        let receiver = receiver();
        let bin = receiver.out.parent_element().unwrap().parent().unwrap();
        let bin = bin.downcast::<gst::Bin>().unwrap();
        let pad = gst::GhostPad::new(gst::PadDirection::Src);
        bin.add_pad(&pad).unwrap();
        let block = pad.add_probe(
            gst::PadProbeType::BLOCK | gst::PadProbeType::DATA_DOWNSTREAM,
            |_, _| gst::PadProbeReturn::Ok,
        );
        receiver.push(RTP);
        assert_eq!(receiver.next(), (RTP, false));
        pad.remove_probe(block.unwrap());
        receiver.push(RTP);
        assert_eq!(receiver.next(), (RTP, true));
    }
}
