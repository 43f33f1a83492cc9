// SPDX-License-Identifier: MPL-2.0
//! Where the packets of one SSRC enter GStreamer: a pad, and what waits until something is behind it.
//!
//! Packets are pushed on the I/O thread, which all connections share: nothing may wait there. So a pad is
//! not blocked: its packets are kept until the control thread lets them go.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU8, AtomicU32};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use gst::prelude::*;
use vdoroom_rtc::{BATCH_INTERVAL, Connection, Packet, Track};

use super::caps;
use super::element::{NativeSrc, TEMPLATE};
use super::numbers::Counts;
use crate::vdoroomsrc::media::Header;
use crate::vdoroomsrc::reports::Hold;

/// Packets of a pad that wait: two seconds of good video, until its first sender report has come.
const MAX_WAITING: usize = 4096;

/// Their bytes: two seconds of 20 Mbit/s, and some more.
const MAX_BYTES: usize = 8 << 20;

const HELD: u8 = 0;
const OPEN: u8 = 1;
const REFUSED: u8 = 2;

/// The connection, once it is open. Its own callbacks must not keep it.
pub(super) type SharedConnection = Arc<OnceLock<Weak<Connection>>>;

/// What becomes of the packets of a pad.
#[derive(Debug, Default)]
struct Gate(AtomicU8);

/// As the control thread has it.
#[derive(Clone)]
pub(super) struct Gates {
    gate: Arc<Gate>,
    connection: SharedConnection,
}

impl std::fmt::Debug for Gates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.gate.fmt(f)
    }
}

impl Gates {
    /// Keeps what comes from now on.
    pub(super) fn hold(&self) -> Box<dyn Hold> {
        self.gate.0.store(HELD, SeqCst);
        Box::new(self.clone())
    }

    fn set(&self, state: u8) {
        self.gate.0.store(state, SeqCst);
        // What waits goes, or is dropped, also if nothing more comes.
        if let Some(connection) = self.connection.get().and_then(Weak::upgrade) {
            connection.poke();
        }
    }
}

impl Hold for Gates {
    fn release(self: Box<Self>) {
        self.set(OPEN);
    }

    fn refuse(self: Box<Self>) {
        self.set(REFUSED);
    }
}

struct Waiting {
    buffer: gst::Buffer,
    /// How many packets are missing before it.
    lost: u64,
}

pub(super) struct Entry {
    pub pad: gst::Pad,
    pub gates: Gates,
    counts: Arc<Counts>,
    clock_rate: u32,
    waiting: VecDeque<Waiting>,
    /// Of those.
    bytes: usize,
    has_begun: bool,
}

impl Entry {
    /// Adds a pad to `element`.
    pub(super) fn new(
        element: &NativeSrc,
        track: &Track,
        counts: Arc<Counts>,
        latency: &Arc<AtomicU32>,
        connection: &SharedConnection,
    ) -> Option<Self> {
        let template = element.pad_template(TEMPLATE)?;
        let ssrc = track.ssrc;
        let (to, latency) = (connection.clone(), latency.clone());
        let pad = gst::Pad::builder_from_template(&template)
            .name(format!("src_{ssrc}"))
            .event_function(move |pad, parent, event| {
                if gst_video::ForceKeyUnitEvent::is(&event) {
                    let connection = to.get().and_then(Weak::upgrade);
                    return connection.is_some_and(|connection| {
                        connection.request_keyframe(ssrc);
                        true
                    });
                }
                gst::Pad::event_default(pad, parent, event)
            })
            .query_function(move |pad, parent, query| match query.view_mut() {
                gst::QueryViewMut::Latency(query) => {
                    let latency = gst::ClockTime::from_mseconds(latency.load(Relaxed).into());
                    let interval = gst::ClockTime::try_from(BATCH_INTERVAL).unwrap_or_default();
                    query.set(true, latency + interval, gst::ClockTime::NONE);
                    true
                }
                _ => gst::Pad::query_default(pad, parent, query),
            })
            .build();
        pad.set_active(true).ok()?;
        pad.push_event(gst::event::StreamStart::new(&format!("{ssrc:08x}")));
        pad.push_event(gst::event::Caps::new(&caps::of(track)));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        pad.push_event(gst::event::Segment::new(&segment));
        element.add_pad(&pad).ok()?;
        Some(Self {
            pad,
            gates: Gates {
                gate: Arc::default(),
                connection: connection.clone(),
            },
            counts,
            clock_rate: track.clock_rate,
            waiting: VecDeque::new(),
            bytes: 0,
            has_begun: false,
        })
    }

    /// The packet as GStreamer has it, which came `at` this running time.
    pub(super) fn packet(&mut self, packet: Packet, at: Option<gst::ClockTime>) {
        let lost = packet.lost;
        self.counts.packets.fetch_add(1, Relaxed);
        self.counts.lost.fetch_add(lost, Relaxed);
        if self.state() == REFUSED {
            return;
        }
        let mut buffer = gst::Buffer::from_slice(packet.data);
        let own = buffer.make_mut();
        own.set_dts(at);
        own.set_pts(at);
        if lost > 0 || !self.has_begun {
            own.set_flags(gst::BufferFlags::DISCONT);
        }
        self.has_begun = true;
        self.bytes += buffer.size();
        self.waiting.push_back(Waiting { buffer, lost });
        self.go_on();
    }

    fn state(&self) -> u8 {
        self.gates.gate.0.load(SeqCst)
    }

    /// Lets go what may go.
    pub(super) fn go_on(&mut self) {
        match self.state() {
            HELD => {
                while self.waiting.len() > MAX_WAITING || self.bytes > MAX_BYTES {
                    let gone = self.pop();
                    // What follows lacks it.
                    if let (Some(gone), Some(next)) = (gone, self.waiting.front_mut()) {
                        self.counts.lost.fetch_add(1, Relaxed);
                        next.lost += gone.lost + 1;
                        let next = next.buffer.make_mut();
                        next.set_flags(gst::BufferFlags::DISCONT);
                    }
                }
            }
            OPEN => {
                while let Some(waiting) = self.pop() {
                    self.push(waiting);
                }
            }
            _ => while self.pop().is_some() {},
        }
    }

    fn pop(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(first.buffer.size());
        Some(first)
    }

    /// What is behind the pad says by itself what it cannot take.
    fn push(&self, waiting: Waiting) {
        if waiting.lost > 0 {
            self.tell_lost(&waiting);
        }
        let _ = self.pad.push(waiting.buffer);
    }

    /// As rtpjitterbuffer tells it.
    fn tell_lost(&self, waiting: &Waiting) {
        let Some(header) = Header::peek(&waiting.buffer) else {
            return;
        };
        let lost = u16::try_from(waiting.lost).unwrap_or(u16::MAX);
        let first = header.seqnum.wrapping_sub(lost);
        let time = waiting.buffer.pts().unwrap_or_default().nseconds();
        let event = gst::Structure::builder("GstRTPPacketLost")
            .field("seqnum", u32::from(first))
            .field("timestamp", time)
            .field("duration", 0u64)
            .field("retry", 0u32)
            .build();
        self.pad
            .push_event(gst::event::CustomDownstream::new(event));
    }

    /// Whether a packet has come.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    pub(super) fn clock_rate(&self) -> u32 {
        self.clock_rate
    }
}

/// The running time of something that came at this instant.
pub(super) fn running_time(element: &NativeSrc, arrival: Instant) -> Option<gst::ClockTime> {
    let now = element.current_running_time()?;
    let ago = gst::ClockTime::try_from(arrival.elapsed()).unwrap_or_default();
    Some(now.saturating_sub(ago))
}
