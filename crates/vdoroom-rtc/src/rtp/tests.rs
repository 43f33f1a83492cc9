// SPDX-License-Identifier: MPL-2.0
//! A publisher's packets and reports, in virtual time.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtcp_types::{Compound, Nack, Packet as Rtcp, Twcc, prelude::RtcpPacketWriterExt};

use super::{Header, Media, Out, Reporter};
use crate::event::{Event, Packet, SenderReport, StreamStatistics, Track};
use crate::sdp::{BROWSER, Offer, extensions};
use crate::settings::Settings;

const VIDEO: u32 = 1000;
const REPEATS: u32 = 1001;

struct Scene {
    start: Instant,
    media: Media,
    packets: Vec<Packet>,
    tracks: Vec<Track>,
    requested: Vec<(u64, Vec<u16>)>,
    feedback: usize,
    /// When reports of what has come were sent, and requests for sender reports.
    told: Vec<u64>,
    asked: Vec<(u64, u32)>,
}

impl Scene {
    fn new(change: impl Fn(&str) -> String) -> Self {
        let start = Instant::now();
        let reporter = Reporter {
            ssrc: 1,
            name: "x".into(),
        };
        let mut media = Media::new(start, &Settings::default(), reporter);
        media.offered(&Offer::read(&change(BROWSER)).unwrap(), &mut Vec::new());
        Self {
            start,
            media,
            packets: Vec::new(),
            tracks: Vec::new(),
            requested: Vec::new(),
            feedback: 0,
            told: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// True if the packet has a place.
    fn comes(&mut self, ms: u64, packet: &[u8]) -> bool {
        let now = self.start + Duration::from_millis(ms);
        let header = Header::parse(packet).unwrap();
        let Some(place) = self.media.place(packet, &header) else {
            return false;
        };
        let mut out = Vec::new();
        self.media
            .packet(now, BytesMut::from(packet), header, place, &mut out);
        self.take(ms, out);
        true
    }

    fn passes(&mut self, from: u64, to: u64) {
        for ms in (from..to).step_by(10) {
            let mut out = Vec::new();
            let now = self.start + Duration::from_millis(ms);
            self.media.flush(now, &mut out);
            self.take(ms, out);
        }
    }

    fn take(&mut self, ms: u64, out: Vec<Out>) {
        for out in out {
            match out {
                Out::Packet(packet) => self.packets.push(packet),
                Out::Event(Event::Track(track)) => self.tracks.push(track),
                Out::Event(event) => panic!("{event:?}"),
                Out::Report(report) => self.reported(ms, &report),
            }
        }
    }

    fn reported(&mut self, ms: u64, report: &[u8]) {
        for packet in Compound::parse(report).unwrap() {
            let feedback = match packet.unwrap() {
                Rtcp::TransportFeedback(feedback) => feedback,
                Rtcp::Rr(report) => {
                    self.told.extend(report.report_blocks().next().map(|_| ms));
                    continue;
                }
                _ => continue,
            };
            if let Ok(nack) = feedback.parse_fci::<Nack<'_>>() {
                self.requested.push((ms, nack.entries().collect()));
            } else if feedback.parse_fci::<Twcc<'_>>().is_ok() {
                self.feedback += 1;
            } else {
                self.asked.push((ms, feedback.media_ssrc()));
            }
        }
    }

    /// The publisher says when this medium was sent.
    fn is_reported(&mut self, ssrc: u32) -> Option<SenderReport> {
        let report = rtcp_types::SenderReport::builder(ssrc).ntp_timestamp(5);
        let mut bytes = [0; 28];
        report.write_into(&mut bytes).unwrap();
        let mut out = Vec::new();
        self.media.reports(self.start, &bytes, &mut out);
        match out.pop() {
            Some(Out::Event(Event::SenderReport(report))) => Some(report),
            _ => None,
        }
    }

    fn numbers(&self) -> Vec<(u16, u64)> {
        let numbers = self
            .packets
            .iter()
            .map(|packet| (packet.index as u16, packet.lost));
        numbers.collect()
    }

    fn tracks(&self) -> Vec<(&str, u32)> {
        let tracks = self.tracks.iter();
        tracks
            .map(|track| (track.mid.as_str(), track.ssrc))
            .collect()
    }

    fn statistics(&self) -> StreamStatistics {
        self.media.statistics().pop().unwrap()
    }
}

fn packet(ssrc: u32, payload_type: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend(9_u32.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn video(sequence: u16) -> Vec<u8> {
    packet(VIDEO, 96, sequence, b"video")
}

#[test]
fn a_lost_packet_is_requested_and_comes_as_rtx() {
    let mut scene = Scene::new(str::to_owned);
    scene.comes(0, &video(65_535));
    scene.comes(30, &video(1));
    scene.passes(30, 100);
    assert_eq!(scene.requested, [(50, vec![0])]);
    scene.comes(100, &packet(REPEATS, 97, 7, b"\0\0video"));
    assert_eq!(scene.numbers(), [(65_535, 0), (0, 0), (1, 0)]);
    let repeat = &scene.packets[1];
    assert!(repeat.is_repeat);
    assert_eq!(*repeat.data, *video(0), "as it was sent first");
    assert_eq!(repeat.payload(), b"video");
    let statistics = scene.statistics();
    assert_eq!(
        (statistics.repaired, statistics.lost, statistics.requested),
        (1, 0, 1)
    );
    assert_eq!(scene.tracks(), [("1", VIDEO)]);
}

#[test]
fn a_publisher_without_rtx_repeats_a_packet_as_it_was() {
    let mut scene = Scene::new(|offer| offer.replace(" 97 ", " ").replace("FID", "X"));
    scene.comes(0, &video(5));
    scene.comes(20, &video(7));
    scene.passes(20, 60);
    assert_eq!(scene.requested, [(40, vec![6])]);
    scene.comes(80, &video(6));
    assert_eq!(scene.numbers(), [(5, 0), (6, 0), (7, 0)]);
    assert_eq!(scene.statistics().repaired, 1);
}

#[test]
fn what_stays_missing_is_requested_five_times_and_marked_when_its_time_is_over() {
    let mut scene = Scene::new(str::to_owned);
    scene.comes(0, &video(5));
    scene.comes(20, &video(8));
    scene.passes(20, 520);
    assert_eq!(scene.numbers(), [(5, 0)]);
    assert_eq!(scene.requested.len(), 5);
    scene.passes(520, 530);
    assert_eq!(scene.numbers(), [(5, 0), (8, 2)]);
    scene.comes(540, &video(6));
    scene.passes(540, 1500);
    assert_eq!(scene.requested.len(), 5);
    let statistics = scene.statistics();
    assert_eq!(
        (statistics.lost, statistics.late, statistics.requested),
        (2, 1, 10)
    );
}

#[test]
fn audio_is_not_requested_where_that_is_not_offered() {
    let mut scene = Scene::new(str::to_owned);
    scene.comes(0, &packet(2000, 111, 1, b"a"));
    scene.comes(40, &packet(2000, 111, 3, b"a"));
    scene.passes(40, 900);
    assert!(scene.requested.is_empty());
    assert_eq!(scene.numbers(), [(1, 0), (3, 1)]);
}

#[test]
fn packets_find_their_m_line_by_what_they_say_their_ssrc_or_their_payload_type() {
    let mut scene = Scene::new(|offer| offer.replace("a=ssrc:2000 cname:x\r\n", ""));
    // The extension has the number 9, and names the m-line.
    let mut named = vec![0x90, 96, 0, 1, 0, 0, 0, 9, 0, 0, 0, 77];
    named.extend([0xbe, 0xde, 0, 1, 0x90, b'1', 0, 0]);
    assert!(scene.comes(0, &named));
    assert!(scene.comes(0, &packet(78, 111, 1, b"a")));
    assert!(!scene.comes(0, &packet(79, 50, 1, b"nothing that was offered")));
    named[17] = b'7';
    assert!(!scene.comes(0, &named));
    assert_eq!(scene.tracks(), [("1", 77), ("2", 78)]);
    for ssrc in 100..200 {
        scene.comes(0, &packet(ssrc, 111, 1, b"a"));
    }
    assert_eq!(scene.tracks.len(), 32, "not more than a publisher needs");
}

#[test]
fn repeats_that_are_broken_or_of_an_unknown_ssrc_do_no_harm() {
    let mut scene = Scene::new(str::to_owned);
    assert!(scene.comes(0, &packet(REPEATS, 97, 7, b"\0\x05video")));
    scene.comes(0, &video(4));
    scene.comes(0, &packet(REPEATS, 97, 8, b""));
    scene.comes(0, &packet(REPEATS, 97, 9, b"\0"));
    scene.comes(0, &packet(999, 97, 9, b"\0\x05video"));
    let mut padded = packet(REPEATS, 97, 10, &[0, 6, 0, 200]);
    padded[0] |= 0x20;
    scene.comes(0, &padded);
    assert_eq!(scene.numbers(), [(4, 0), (5, 0)]);
}

#[test]
fn an_m_line_that_is_stopped_is_not_received_any_more() {
    let mut scene = Scene::new(str::to_owned);
    scene.comes(0, &video(4));
    let stopped = BROWSER.replace("m=video 9", "m=video 0");
    scene
        .media
        .offered(&Offer::read(&stopped).unwrap(), &mut Vec::new());
    assert!(!scene.comes(0, &video(5)));
    assert!(scene.media.statistics().is_empty());
}

#[test]
fn what_waits_for_a_packet_goes_out_when_nothing_more_will_come() {
    let mut scene = Scene::new(str::to_owned);
    for number in [4, 6, 8] {
        scene.comes(0, &video(number));
    }
    assert_eq!(scene.numbers(), [(4, 0)]);
    let mut out = Vec::new();
    scene.media.finish(&mut out);
    let packets = out.iter().filter_map(|out| match out {
        Out::Packet(packet) => Some((packet.index as u16, packet.lost)),
        _ => None,
    });
    assert_eq!(packets.collect::<Vec<_>>(), [(6, 1), (8, 1)]);
}

#[test]
fn congestion_control_is_told_when_packets_came() {
    let mut scene = Scene::new(str::to_owned);
    let mut numbered = vec![0x90, 96, 0, 1, 0, 0, 0, 9, 0, 0, 3, 232];
    numbered.extend([0xbe, 0xde, 0, 1, 0x41, 0, 5, 0]);
    scene.comes(0, &numbered);
    scene.passes(0, 90);
    assert_eq!(scene.feedback, 0);
    scene.passes(90, 110);
    assert_eq!(scene.feedback, 1);
}

fn of_libwebrtc(offer: &str) -> String {
    let mark = format!("a=extmap:5 {}\r\na=sendonly", extensions::PLAYOUT_DELAY);
    offer.replace("a=sendonly", &mark)
}

#[test]
fn what_has_come_is_told_when_a_medium_begins_and_every_second() {
    let mut scene = Scene::new(str::to_owned);
    scene.passes(0, 500);
    scene.comes(500, &video(1));
    scene.passes(500, 1700);
    scene.comes(1700, &packet(2000, 111, 1, b"a"));
    scene.passes(1700, 2800);
    assert_eq!(scene.told, [500, 1500, 1700, 2700]);
    assert!(scene.asked.is_empty(), "only libwebrtc may be");
}

#[test]
fn libwebrtc_is_asked_for_sender_reports_until_they_have_come() {
    let mut scene = Scene::new(of_libwebrtc);
    scene.comes(0, &packet(2000, 111, 1, b"a"));
    scene.passes(0, 1500);
    scene.comes(1500, &video(1));
    assert!(scene.is_reported(2000).is_some());
    scene
        .media
        .offered(&Offer::read(BROWSER).unwrap(), &mut Vec::new());
    scene.passes(1500, 3000);
    assert_eq!(
        scene.asked,
        [(0, 2000), (1000, 2000), (1500, VIDEO), (2500, VIDEO)]
    );
}

#[test]
fn who_sends_no_sender_report_is_asked_ten_times() {
    let mut scene = Scene::new(of_libwebrtc);
    scene.comes(0, &video(1));
    scene.passes(0, 60_000);
    assert_eq!(scene.asked.len(), 10);
    assert_eq!(scene.told.len(), 60);
}

#[test]
fn a_sender_report_tells_the_rate_of_its_clock_once_it_is_known() {
    let mut scene = Scene::new(str::to_owned);
    let rate = |scene: &mut Scene| scene.is_reported(2000).map(|report| report.clock_rate);
    assert_eq!(rate(&mut scene), Some(None), "before the first packet");
    scene.comes(0, &packet(2000, 0, 1, b"PCMU"));
    assert_eq!(rate(&mut scene), Some(Some(8000)));
    assert_eq!(scene.is_reported(77), None, "of an unknown SSRC");
}

#[test]
fn a_track_is_told_with_what_the_offer_says_of_it() {
    let mut scene = Scene::new(str::to_owned);
    scene.comes(0, &packet(2000, 111, 1, b"a"));
    let track = &scene.tracks[0];
    let told = (track.encoding_parameters.as_deref(), track.msid.as_deref());
    assert_eq!(told, (Some("2"), Some("a c")));
    let parameters = track.parameters.as_deref();
    assert_eq!(parameters, Some("minptime=10;useinbandfec=1"));
    let level = (1, extensions::AUDIO_LEVEL.to_owned());
    assert_eq!(track.extensions[0], level);
}

/// What belongs to the layer that the extension with this number names.
fn layer(ssrc: u32, payload_type: u8, extension: u8, rid: u8) -> Vec<u8> {
    let mut packet = packet(ssrc, payload_type, 1, &[0xbe, 0xde, 0, 1]);
    packet[0] |= 0x10;
    packet.extend([extension << 4, rid, 0, 0, 0, 5]);
    packet
}

#[test]
fn layers_that_were_not_asked_for_are_refused_with_their_repeats() {
    let mut scene = Scene::new(|offer| {
        let layers = format!(
            "a=extmap:10 {}\r\na=extmap:11 {}\r\na=simulcast:send q;f\r\na=rtcp-rsize",
            extensions::RID,
            extensions::REPAIRED_RID
        );
        let named = "a=ssrc:1000 cname:x\r\na=ssrc:1000 msid:a b\r\na=ssrc:1001 cname:x\r\n";
        offer.replace("a=rtcp-rsize", &layers).replace(named, "")
    });
    assert!(!scene.comes(0, &layer(5, 96, 10, b'q')));
    assert!(!scene.comes(0, &layer(6, 97, 11, b'q')));
    assert!(scene.comes(0, &layer(7, 96, 10, b'f')));
    assert!(scene.comes(0, &layer(8, 97, 11, b'f')));
    let rids = scene.tracks.iter().map(|track| track.rid.as_deref());
    assert_eq!(rids.collect::<Vec<_>>(), [Some("f")]);
    assert!(scene.comes(0, &packet(7, 96, 2, b"that is known")));
}

#[test]
fn statistics_count_what_came_late_and_what_came_twice() {
    let mut scene = Scene::new(str::to_owned);
    scene.comes(0, &video(5));
    scene.comes(20, &video(7));
    scene.passes(20, 530);
    scene.comes(530, &video(6));
    scene.comes(540, &packet(REPEATS, 97, 1, b"\0\x07video"));
    let statistics = scene.statistics();
    let wasted = (statistics.late, statistics.duplicates);
    assert_eq!((wasted, statistics.lost), ((1, 1), 1));
}

#[test]
fn statistics_count_all_bytes_that_were_sent_for_a_medium() {
    let mut scene = Scene::new(str::to_owned);
    let mut padded = packet(VIDEO, 96, 1, &[7, 0, 0, 3]);
    padded[0] |= 0x20;
    scene.comes(0, &padded);
    let repeat = packet(REPEATS, 97, 1, b"\0\x02video");
    scene.comes(0, &repeat);
    let statistics = scene.statistics();
    assert_eq!(statistics.bytes, 13 + 17);
    let sent = (padded.len() + repeat.len()) as u64;
    assert_eq!(statistics.bytes_on_wire, sent);
}
