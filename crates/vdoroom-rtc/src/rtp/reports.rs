// SPDX-License-Identifier: MPL-2.0
//! Packets of RTCP: what a publisher reports, and what it is told.

use std::time::Instant;

use rtcp_types::prelude::{RtcpPacketWriter, RtcpPacketWriterExt};
use rtcp_types::{
    Compound, CompoundBuilder, Nack, Packet, PayloadFeedback, Pli, ReceiverReport,
    ReportBlockBuilder, Sdes, SdesChunk, SdesItem, TransportFeedback, Unknown,
};

use crate::event::SenderReport;

/// In one packet (RFC 3550 section 6.4.2).
pub(crate) const MAX_BLOCKS: usize = 31;

/// In one request: each takes four bytes at most.
pub(crate) const MAX_REQUESTED: usize = 200;

/// A request for a sender report: feedback of the transport layer, of this format (RFC 6051 section
/// 3.2).
const TRANSPORT_FEEDBACK: u8 = 205;
const RESYNCHRONISE: u8 = 5;

/// What sender reports a packet has.
pub(crate) fn sender_reports(packet: &[u8], now: Instant) -> Vec<SenderReport> {
    let packets = Compound::parse(packet).into_iter().flatten();
    let reports = packets
        .map_while(Result::ok)
        .filter_map(|packet| match packet {
            Packet::Sr(report) => Some(SenderReport {
                ssrc: report.ssrc(),
                ntp: report.ntp_timestamp(),
                timestamp: report.rtp_timestamp(),
                clock_rate: None,
                arrival: now,
            }),
            _ => None,
        });
    reports.collect()
}

/// Who we are: each packet begins with that.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    pub ssrc: u32,
    pub name: String,
}

impl Reporter {
    /// The regular report, behind which sender reports are requested of media that have none. Not
    /// more than [`MAX_BLOCKS`] of both.
    pub(crate) fn report(
        &self,
        blocks: Vec<ReportBlockBuilder>,
        unreported: &[u32],
    ) -> Option<Vec<u8>> {
        let report = blocks
            .into_iter()
            .fold(ReceiverReport::builder(self.ssrc), |report, block| {
                report.add_report_block(block)
            });
        let item = SdesItem::builder(SdesItem::CNAME, &self.name);
        let description = Sdes::builder().add_chunk(SdesChunk::builder(self.ssrc).add_item(item));
        let packet = Compound::builder()
            .add_packet(report)
            .add_packet(description);
        let requests: Vec<[u8; 8]> = unreported.iter().map(|ssrc| self.about(*ssrc)).collect();
        let requests = requests.iter().map(|of| {
            let request = Unknown::builder(TRANSPORT_FEEDBACK, of);
            request.count(RESYNCHRONISE)
        });
        written(requests.fold(packet, CompoundBuilder::add_packet))
    }

    /// How feedback begins: who asks, and for what.
    fn about(&self, media: u32) -> [u8; 8] {
        let both = u64::from(self.ssrc) << 32 | u64::from(media);
        both.to_be_bytes()
    }

    /// Requests packets again. Not more than [`MAX_REQUESTED`].
    pub(crate) fn nack(&self, media: u32, sequences: &[u16]) -> Option<Vec<u8>> {
        let nack = sequences.iter().fold(Nack::builder(), |nack, sequence| {
            nack.add_rtp_sequence(*sequence)
        });
        let feedback = TransportFeedback::builder_owned(nack)
            .sender_ssrc(self.ssrc)
            .media_ssrc(media);
        self.feedback(feedback)
    }

    /// Requests a keyframe.
    pub(crate) fn pli(&self, media: u32) -> Option<Vec<u8>> {
        let feedback = PayloadFeedback::builder_owned(Pli::builder())
            .sender_ssrc(self.ssrc)
            .media_ssrc(media);
        self.feedback(feedback)
    }

    /// Behind an empty report, for publishers that have not agreed to less (RFC 5506).
    pub(crate) fn feedback(&self, feedback: impl RtcpPacketWriter + 'static) -> Option<Vec<u8>> {
        let empty = ReceiverReport::builder(self.ssrc);
        written(Compound::builder().add_packet(empty).add_packet(feedback))
    }
}

fn written(packet: CompoundBuilder<'_>) -> Option<Vec<u8>> {
    let mut bytes = vec![0; packet.calculate_size().ok()?];
    let length = packet.write_into(&mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtcp_types::{ReportBlock, SenderReport as Sr};

    fn reporter() -> Reporter {
        Reporter {
            ssrc: 3,
            name: "vdoroom".into(),
        }
    }

    fn kinds(packet: &[u8]) -> Vec<u8> {
        let mut kinds = Vec::new();
        let mut rest = packet;
        while let [_, kind, high, low, ..] = *rest {
            kinds.push(kind);
            rest = &rest[4 + 4 * usize::from(u16::from_be_bytes([high, low]))..];
        }
        kinds
    }

    #[test]
    fn requests_are_read_as_they_were_written() {
        let packet = reporter().nack(7, &[5, 6, 40, 65_535]).unwrap();
        let mut packets = Compound::parse(&packet).unwrap();
        assert!(matches!(packets.next(), Some(Ok(Packet::Rr(_)))));
        let Some(Ok(Packet::TransportFeedback(feedback))) = packets.next() else {
            panic!("no feedback");
        };
        assert_eq!((feedback.sender_ssrc(), feedback.media_ssrc()), (3, 7));
        let nack = feedback.parse_fci::<Nack<'_>>().unwrap();
        assert_eq!(nack.entries().collect::<Vec<u16>>(), [5, 6, 40, 65_535]);
        assert_eq!(kinds(&reporter().pli(7).unwrap()), [201, 206]);
        let report = reporter().report(Vec::new(), &[]).unwrap();
        assert_eq!(kinds(&report), [201, 202]);
    }

    #[test]
    fn sender_reports_are_requested_behind_the_regular_report() {
        let report = reporter().report(Vec::new(), &[7, 0x0a0b_0c0d]).unwrap();
        assert_eq!(kinds(&report), [201, 202, 205, 205]);
        let requests = [
            [0x85, 205, 0, 2, 0, 0, 0, 3, 0, 0, 0, 7],
            [0x85, 205, 0, 2, 0, 0, 0, 3, 10, 11, 12, 13],
        ];
        assert!(report.ends_with(&requests.concat()));
    }

    #[test]
    fn the_largest_report_fits_into_a_datagram() {
        let blocks = (0..MAX_BLOCKS as u32).map(ReportBlock::builder).collect();
        let named = Reporter {
            ssrc: 3,
            name: format!("{:016x}", u64::MAX),
        };
        let report = named.report(blocks, &[7; MAX_BLOCKS]).unwrap();
        assert!(report.len() <= 1200, "{}", report.len());
    }

    #[test]
    fn a_request_fits_into_a_datagram() {
        let scattered: Vec<u16> = (0..MAX_REQUESTED as u16).map(|n| 20 * n).collect();
        assert!(reporter().nack(7, &scattered).unwrap().len() < 1200);
    }

    #[test]
    fn sender_reports_are_found_and_rubbish_is_none() {
        let now = Instant::now();
        let report = Sr::builder(9).ntp_timestamp(u64::MAX).rtp_timestamp(8);
        let mut bytes = [0; 64];
        let length = report.write_into(&mut bytes).unwrap();
        let [found] = sender_reports(&bytes[..length], now)[..] else {
            panic!("not one report");
        };
        assert_eq!((found.ssrc, found.ntp, found.timestamp), (9, u64::MAX, 8));
        for cut in 0..length {
            sender_reports(&bytes[..cut], now);
        }
        for kind in 190..=215 {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut rubbish = [byte; 40];
                rubbish[..4].copy_from_slice(&[0x9f, kind, 0, 9]);
                sender_reports(&rubbish, now);
            }
        }
    }
}
