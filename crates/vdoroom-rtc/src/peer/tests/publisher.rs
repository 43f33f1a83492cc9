// SPDX-License-Identifier: MPL-2.0
//! A publisher without a socket: str0m for its transport, and packets that are made up.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use rtc_srtp::context::Context;
use rtcp_types::{Compound, Nack, Packet as Rtcp, SenderReport, prelude::RtcpPacketWriterExt};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::crypto::{Outcome, Srtp, build, sealing};

pub(crate) const VIDEO: u32 = 1000;
const REPEATS: u32 = 1001;

const MEDIA: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\n\
    a=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
    a=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
    a=ssrc-group:FID 1000 1001\r\na=ssrc:1000 cname:x\r\na=ssrc:1001 cname:x\r\n";

pub(crate) struct Publisher {
    pub address: SocketAddr,
    pub peer: SocketAddr,
    pub rtc: Rtc,
    pub deadline: Instant,
    pub sent: Vec<Vec<u8>>,
    pub received: Vec<String>,
    pub channel: Option<ChannelId>,
    pub keyframes_requested: usize,
    pub repeats_with_rtx: bool,
    pending: Option<SdpPendingOffer>,
    outcome: Outcome,
    srtp: Option<(Context, Srtp)>,
    next: u16,
    history: HashMap<u16, Vec<u8>>,
    next_repeat: u16,
}

impl Publisher {
    pub(crate) fn new(now: Instant, address: &str, peer: &str) -> Self {
        let outcome = Outcome::default();
        let mut rtc = build(RtcConfig::new().clear_codecs(), now, &outcome).unwrap();
        let address = address.parse().unwrap();
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        Self {
            address,
            peer: peer.parse().unwrap(),
            rtc,
            deadline: now,
            sent: Vec::new(),
            received: Vec::new(),
            channel: None,
            keyframes_requested: 0,
            repeats_with_rtx: true,
            pending: None,
            outcome,
            srtp: None,
            next: 65_500,
            history: HashMap::new(),
            next_repeat: 1,
        }
    }

    pub(crate) fn offer(&mut self) -> String {
        let mut changes = self.rtc.sdp_api();
        match self.channel {
            None => self.channel = Some(changes.add_channel("sendChannel".into())),
            Some(_) => {
                changes.ice_restart(true);
            }
        }
        let (offer, pending) = changes.apply().unwrap();
        self.pending = Some(pending);
        let offer = offer.to_sdp_string();
        let group = offer
            .lines()
            .find(|line| line.starts_with("a=group"))
            .unwrap();
        offer.replace(group, &format!("{group} v")) + MEDIA
    }

    pub(crate) fn answer(&mut self, answer: &str) {
        // The part that str0m has offered.
        let own = answer
            .split("m=video")
            .next()
            .unwrap()
            .replace(" v\r\n", "\r\n");
        let answer = SdpAnswer::from_sdp_string(&own).unwrap();
        let pending = self.pending.take().unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) {
        if datagram[0] > 127 {
            return self.reports(datagram);
        }
        let received = Receive::new(Protocol::Udp, self.peer, self.address, datagram).unwrap();
        self.rtc
            .handle_input(Input::Receive(now, received))
            .unwrap();
        self.drive();
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drive();
    }

    pub(crate) fn drive(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => {
                    self.deadline = at;
                    return;
                }
                Output::Transmit(transmit) => self.sent.push(transmit.contents.into()),
                Output::Event(Event::ChannelData(message)) => {
                    let text = String::from_utf8(message.data).unwrap();
                    self.received.push(text);
                }
                Output::Event(_) => {}
            }
        }
    }

    pub(crate) fn say(&mut self, text: &str) -> bool {
        let channel = self.channel.and_then(|id| self.rtc.channel(id));
        let said =
            channel.is_some_and(|mut channel| channel.write(false, text.as_bytes()).unwrap());
        self.drive();
        said
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.outcome.get().is_some()
    }

    fn srtp(&mut self) -> &mut (Context, Srtp) {
        let keys = &self.outcome.get().unwrap().keys;
        self.srtp
            .get_or_insert_with(|| (sealing(keys), Srtp::new(keys).unwrap()))
    }

    /// Sends the next packet of video; `None` if nothing protects it yet.
    pub(crate) fn film(&mut self) -> Option<Vec<u8>> {
        if !self.is_ready() {
            return None;
        }
        let number = self.next;
        self.next = number.wrapping_add(1);
        let mut packet = vec![0x80, 96];
        packet.extend(number.to_be_bytes());
        packet.extend(u32::from(number).to_be_bytes());
        packet.extend(VIDEO.to_be_bytes());
        packet.extend(number.to_be_bytes());
        packet.extend([7; 900]);
        self.history.insert(number, packet.clone());
        self.history.remove(&number.wrapping_sub(100));
        Some(self.srtp().0.encrypt_rtp(&packet).unwrap().to_vec())
    }

    pub(crate) fn report(&mut self, ntp: u64) {
        let report = SenderReport::builder(VIDEO)
            .ntp_timestamp(ntp)
            .rtp_timestamp(5);
        let mut packet = [0; 28];
        report.write_into(&mut packet).unwrap();
        let sealed = self.srtp().1.seal_reports(&packet).unwrap().to_vec();
        self.sent.push(sealed);
    }

    fn reports(&mut self, datagram: &[u8]) {
        let Some(packet) = self.srtp().1.open_reports(datagram) else {
            panic!("reports that are not genuine");
        };
        for packet in Compound::parse(&packet).unwrap() {
            match packet.unwrap() {
                Rtcp::PayloadFeedback(_) => self.keyframes_requested += 1,
                Rtcp::TransportFeedback(feedback) => {
                    let nack = feedback.parse_fci::<Nack<'_>>().unwrap();
                    for number in nack.entries().collect::<Vec<u16>>() {
                        self.repeat(number);
                    }
                }
                _ => {}
            }
        }
    }

    fn repeat(&mut self, number: u16) {
        let Some(packet) = self.history.get(&number).cloned() else {
            return;
        };
        if !self.repeats_with_rtx {
            // As it was: its encryption is the same, too.
            let mut context = sealing(&self.outcome.get().unwrap().keys);
            if number < 32_768 {
                // The numbers have begun again.
                let mut last = packet.clone();
                for number in [65_535, 0_u16] {
                    last[2..4].copy_from_slice(&number.to_be_bytes());
                    context.encrypt_rtp(&last).unwrap();
                }
            }
            self.sent
                .push(context.encrypt_rtp(&packet).unwrap().to_vec());
            return;
        }
        let mut repeat = packet[..12].to_vec();
        repeat[1] = 97;
        repeat[2..4].copy_from_slice(&self.next_repeat.to_be_bytes());
        repeat[8..12].copy_from_slice(&REPEATS.to_be_bytes());
        repeat.extend(number.to_be_bytes());
        repeat.extend(&packet[12..]);
        self.next_repeat += 1;
        let sealed = self.srtp().0.encrypt_rtp(&repeat).unwrap().to_vec();
        self.sent.push(sealed);
    }
}
