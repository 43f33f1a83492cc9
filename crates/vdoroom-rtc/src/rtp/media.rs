// SPDX-License-Identifier: MPL-2.0
//! All media of one connection.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtcp_types::TransportFeedback;

use super::arrivals::Arrivals;
use super::header::Header;
use super::nack::pace;
use super::out::Out;
use super::place::{Lines, Place};
use super::reports::{MAX_BLOCKS, MAX_REQUESTED, Reporter, sender_reports};
use super::stream::Stream;
use crate::event::{Event, StreamStatistics, Track};
use crate::sdp::{Carries, Line, Offer};
use crate::settings::Settings;

/// A publisher sends a few tracks. Each SSRC costs us memory.
const MAX_STREAMS: usize = 32;

/// How often a publisher is told what has come.
const REPORTS: Duration = Duration::from_secs(1);

/// As long as ICE has measured nothing.
const USUAL_ROUND_TRIP: Duration = Duration::from_millis(50);

/// The bit of the first byte that says so (RFC 3550 section 5.1).
const PADDING: u8 = 0x20;

/// A payload of RTX begins with the number that the packet had (RFC 4588 section 4).
const ORIGINAL_NUMBER: usize = 2;

pub(crate) struct Media {
    latency: Duration,
    retransmission: bool,
    reporter: Reporter,
    lines: Lines,
    streams: HashMap<u32, Stream>,
    arrivals: Arrivals,
    report_at: Option<Instant>,
    /// The publisher may be asked for sender reports. libwebrtc sends its first one of audio after
    /// 2.5 s, and at once when it is asked. A GStreamer that sends media deadlocks when it is asked.
    is_libwebrtc: bool,
    round_trip: Duration,
}

impl Media {
    pub(crate) fn new(now: Instant, settings: &Settings, reporter: Reporter) -> Self {
        Self {
            latency: settings.latency,
            retransmission: settings.retransmission,
            reporter,
            lines: Lines::default(),
            streams: HashMap::new(),
            arrivals: Arrivals::new(now),
            report_at: None,
            is_libwebrtc: false,
            round_trip: USUAL_ROUND_TRIP,
        }
    }

    /// Another offer was accepted.
    pub(crate) fn offered(&mut self, offer: &Offer, out: &mut Vec<Out>) {
        // A later offer may have no m-line left that shows it.
        self.is_libwebrtc |= offer.is_libwebrtc;
        self.lines = Lines::new(&offer.lines);
        let lines = &self.lines.lines;
        self.streams.retain(|_, stream| {
            let line = lines.get(stream.line);
            let stays = line.is_some_and(|line| matches!(line.carries, Carries::Media(_)));
            if !stays {
                stream.finish(out);
            }
            stays
        });
    }

    /// Lets out what waits: nothing more will come.
    pub(crate) fn finish(&mut self, out: &mut Vec<Out>) {
        for stream in self.streams.values_mut() {
            stream.finish(out);
        }
    }

    /// Also for what waits already.
    pub(crate) fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
        for stream in self.streams.values_mut() {
            stream.set_latency(latency);
        }
    }

    pub(crate) fn measured(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// Where an encrypted packet belongs.
    pub(crate) fn place(&self, packet: &[u8], header: &Header) -> Option<Place> {
        let place = self.lines.place(packet, header)?;
        let has_space = || self.streams.len() < MAX_STREAMS;
        let is_known = place.repairs.is_some() || self.streams.contains_key(&header.ssrc);
        (is_known || has_space()).then_some(place)
    }

    /// A packet that was decrypted.
    pub(crate) fn packet(
        &mut self,
        now: Instant,
        mut packet: BytesMut,
        header: Header,
        place: Place,
        out: &mut Vec<Out>,
    ) {
        if let Some(number) = self.lines.transport_number(&packet, &header) {
            self.arrivals.came(now, number);
        }
        let Some(end) = header.payload_end(&packet) else {
            return;
        };
        packet.truncate(end);
        // The padding is gone, and must not be looked for.
        if let Some(first) = packet.first_mut() {
            *first &= !PADDING;
        }
        match place.repairs {
            Some(payload_type) => {
                let repeated = self.repeated(&packet, &header, place.line, payload_type);
                if let Some((header, data)) = repeated
                    && let Some(stream) = self.streams.get_mut(&header.ssrc)
                {
                    stream.packet(now, &header, data, true, out);
                }
            }
            None => {
                if !self.streams.contains_key(&header.ssrc) {
                    let Some(stream) = self.begin(now, &packet, &header, place.line) else {
                        return;
                    };
                    out.push(Out::Event(Event::Track(stream.track.clone())));
                    self.streams.insert(header.ssrc, stream);
                    // That its media comes is told at once, and its sender report requested.
                    self.report_at = Some(now);
                }
                if let Some(stream) = self.streams.get_mut(&header.ssrc) {
                    stream.packet(now, &header, packet.freeze(), false, out);
                }
            }
        }
    }

    fn begin(&self, now: Instant, packet: &[u8], header: &Header, at: usize) -> Option<Stream> {
        let line = self.lines.lines.get(at)?;
        let format = line.format(header.payload_type)?;
        let Carries::Media(kind) = line.carries else {
            return None;
        };
        let track = Track {
            mid: line.mid.clone(),
            rid: self.lines.rid(packet, header).map(str::to_owned),
            kind,
            codec: format.codec.clone(),
            payload_type: format.payload_type,
            clock_rate: format.clock_rate,
            encoding_parameters: format.encoding_parameters.clone(),
            parameters: format.parameters.clone(),
            extensions: line.accepted_extensions().cloned().collect(),
            msid: line.msid(header.ssrc).map(str::to_owned),
            ssrc: header.ssrc,
        };
        let requests_repeats = self.retransmission && format.has_feedback("nack");
        let (latency, first) = (self.latency, header.sequence);
        Some(Stream::new(
            now,
            track,
            at,
            requests_repeats,
            latency,
            first,
        ))
    }

    /// The packet that one of RTX repeats, as it was.
    fn repeated(
        &self,
        packet: &[u8],
        header: &Header,
        line: usize,
        payload_type: u8,
    ) -> Option<(Header, Bytes)> {
        let ssrc = self.repeated_ssrc(packet, header, line)?;
        let (head, payload) = packet.split_at_checked(header.length)?;
        let (original, payload) = payload.split_at_checked(ORIGINAL_NUMBER)?;
        let mut whole = BytesMut::with_capacity(head.len() + payload.len());
        whole.extend_from_slice(head);
        whole.extend_from_slice(payload);
        let fixed: &mut [u8; 12] = whole.first_chunk_mut()?;
        fixed[1] = fixed[1] & 0x80 | payload_type;
        fixed[2..4].copy_from_slice(original);
        fixed[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let mut original = Header::parse(&whole)?;
        original.on_wire = header.on_wire;
        Some((original, whole.freeze()))
    }

    fn repeated_ssrc(&self, packet: &[u8], header: &Header, at: usize) -> Option<u32> {
        let line = self.lines.lines.get(at)?;
        let mut named = line.repairs.iter();
        if let Some((ssrc, _)) = named.find(|(_, repair)| *repair == header.ssrc) {
            return Some(*ssrc);
        }
        let rid = self.lines.repaired_rid(packet, header);
        let of_line = |stream: &&Stream| stream.line == at && stream.track.rid.as_deref() == rid;
        let mut streams = self.streams.values().filter(of_line);
        let only = streams.next()?;
        streams.next().is_none().then_some(only.track.ssrc)
    }

    /// Reports that were decrypted.
    pub(crate) fn reports(&mut self, now: Instant, packet: &[u8], out: &mut Vec<Out>) {
        for mut report in sender_reports(packet, now) {
            if let Some(stream) = self.streams.get_mut(&report.ssrc) {
                stream.sender_report(now, report.ntp);
                report.clock_rate = Some(stream.track.clock_rate);
            }
            let is_ours = |line: &Line| line.ssrcs.contains(&report.ssrc);
            // It may come before the first packet.
            if self.streams.contains_key(&report.ssrc) || self.lines.lines.iter().any(is_ours) {
                out.push(Out::Event(Event::SenderReport(report)));
            }
        }
    }

    pub(crate) fn request_keyframe(&mut self, ssrc: u32, out: &mut Vec<Out>) {
        if let Some(stream) = self.streams.get_mut(&ssrc) {
            stream.requested_keyframe();
            out.extend(self.reporter.pli(ssrc).map(Out::Report));
        }
    }

    /// What is due now.
    pub(crate) fn flush(&mut self, now: Instant, out: &mut Vec<Out>) {
        let pace = pace(self.latency, self.round_trip);
        for stream in self.streams.values_mut() {
            stream.release(now, out);
            let requests = stream.requests(now, pace);
            for requests in requests.chunks(MAX_REQUESTED) {
                let request = self.reporter.nack(stream.track.ssrc, requests);
                out.extend(request.map(Out::Report));
            }
        }
        let first = self.streams.keys().next().copied().unwrap_or_default();
        while let Some(feedback) = self.arrivals.due(now) {
            let feedback = TransportFeedback::builder_owned(feedback)
                .sender_ssrc(self.reporter.ssrc)
                .media_ssrc(first);
            out.extend(self.reporter.feedback(feedback).map(Out::Report));
        }
        if self.report_at.is_some_and(|at| now >= at) {
            self.report_at = Some(now + REPORTS);
            let blocks = self.streams.values_mut().map(|stream| stream.report(now));
            let blocks = blocks.take(MAX_BLOCKS).collect();
            let may_ask = self.is_libwebrtc;
            let silent = self.streams.values_mut();
            let silent = silent.filter_map(|stream| {
                (may_ask && stream.requests_report()).then_some(stream.track.ssrc)
            });
            let silent: Vec<u32> = silent.take(MAX_BLOCKS).collect();
            out.extend(self.reporter.report(blocks, &silent).map(Out::Report));
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let streams = self.streams.values().filter_map(Stream::deadline);
        let others = [self.report_at, self.arrivals.deadline()];
        streams.chain(others.into_iter().flatten()).min()
    }

    pub(crate) fn statistics(&self) -> Vec<StreamStatistics> {
        self.streams.values().map(Stream::statistics).collect()
    }
}
