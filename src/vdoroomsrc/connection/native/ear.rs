// SPDX-License-Identifier: MPL-2.0
//! Hears what a connection receives, on the I/O thread, and passes it on.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use vdoroom_rtc::{
    Channel, Closed, Consumer, DtlsState, Event, IceState, Packet, SenderReport, Statistics, Track,
};

use super::element::NativeSrc;
use super::entry::{Entry, Gates, SharedConnection, running_time};
use super::numbers::NativeNumbers;
use crate::protocol::limits::cut;
use crate::protocol::{self, SessionId};
use crate::vdoroomsrc::connection::alive::Heard;
use crate::vdoroomsrc::connection::sdp::with_stereo;
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::media::{Header, SharedTimeline};
use crate::vdoroomsrc::reports::{Backlog, Candidate, Command, Layer, Reports, Step};

/// Protocol 5.1: the one channel on which a publisher speaks.
const CHANNEL_LABEL: &str = "sendChannel";

/// Media of which a report may come first.
const MAX_EARLY: usize = 32;

/// What the control thread knows of a connection.
#[derive(Default)]
pub(super) struct Known {
    /// Held for a copy only, as the others.
    certificate: Mutex<Option<Vec<u8>>>,
    channel: Mutex<Option<Channel>>,
    media: Mutex<Vec<Medium>>,
    /// In milliseconds. The pads have it as well, and must not keep the rest.
    pub latency: Arc<AtomicU32>,
    pub is_closed: AtomicBool,
}

#[derive(Clone)]
pub(super) struct Medium {
    pub pad: gst::Pad,
    pub gates: Gates,
    pub mid: String,
    pub msid: Option<String>,
}

fn copy<T: Clone>(of: &Mutex<T>) -> T {
    of.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn set<T>(to: &Mutex<Option<T>>, value: Option<T>) {
    *to.lock().unwrap_or_else(PoisonError::into_inner) = value;
}

impl Known {
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        copy(&self.certificate)
    }

    pub(super) fn channel(&self) -> Option<Channel> {
        copy(&self.channel)
    }

    pub(super) fn medium(&self, pad: &gst::Pad) -> Option<Medium> {
        let media = copy(&self.media);
        media.into_iter().find(|medium| medium.pad == *pad)
    }

    fn add(&self, medium: Medium) {
        let mut media = self.media.lock().unwrap_or_else(PoisonError::into_inner);
        media.push(medium);
    }
}

pub(super) struct Ear {
    pub id: SessionId,
    pub element: NativeSrc,
    pub reports: Reports,
    pub timeline: SharedTimeline,
    pub heard: Heard,
    pub known: Arc<Known>,
    pub numbers: Arc<NativeNumbers>,
    pub connection: SharedConnection,
    pub audio_bitrate: u32,
    pub backlog: Backlog,
    pub warned: bool,
    /// It has looked for addresses, since its first offer.
    pub gathers: bool,
    /// ICE has been connected.
    pub is_through: bool,
    /// The handshake is over.
    pub is_secure: bool,
    /// Of the newest answer, the m-line whose transport all share.
    pub first_line: u32,
    /// Sender reports that came before the media that they are of, by SSRC.
    pub early: HashMap<u32, SenderReport>,
    /// By SSRC.
    pub entries: HashMap<u32, Entry>,
    pub told_pair: Option<(Candidate, Candidate)>,
}

impl Ear {
    fn command(&self, command: Command) {
        self.reports.command(command);
    }

    fn state(&self, layer: Layer, state: &str) {
        self.command(Command::State {
            session: self.id,
            layer,
            state: state.into(),
        });
    }

    fn answer(&mut self, answer: Result<String, vdoroom_rtc::OfferError>) {
        let session = self.id;
        let answer = answer.map_err(|error| format!("its offer is refused: {error}"));
        match answer.and_then(|answer| with_stereo(&answer, self.audio_bitrate)) {
            Ok(answer) => {
                self.first_line = first_line(&answer);
                let step = Step::Answered(Ok(answer));
                self.command(Command::Negotiation { session, step });
            }
            Err(reason) => self.command(Command::Failed { session, reason }),
        }
    }

    fn candidate(&self, candidate: String) {
        self.command(Command::Gathered {
            session: self.id,
            sdp_mline_index: self.first_line,
            candidate,
        });
    }

    fn ice(&mut self, state: IceState) {
        let name = match state {
            IceState::New => "new",
            IceState::Checking => "checking",
            IceState::Connected => "connected",
            IceState::Completed => "completed",
            IceState::Disconnected => "disconnected",
        };
        // It may find the last pair with the first.
        if state == IceState::Completed && !std::mem::replace(&mut self.is_through, true) {
            self.state(Layer::Ice, "connected");
        }
        self.is_through |= state == IceState::Connected;
        self.state(Layer::Ice, name);
        match state {
            IceState::Checking => self.state(Layer::Connection, "connecting"),
            // Again, after a restart of ICE: the handshake stays.
            IceState::Connected | IceState::Completed if self.is_secure => {
                self.state(Layer::Connection, "connected");
            }
            _ => {}
        }
    }

    fn dtls(&mut self, state: DtlsState) {
        match state {
            DtlsState::Connecting => self.state(Layer::Dtls, "connecting"),
            DtlsState::Connected => {
                self.is_secure = true;
                self.state(Layer::Dtls, "connected");
                self.state(Layer::Connection, "connected");
            }
        }
    }

    fn track(&mut self, track: Track) {
        // A medium that had stopped begins again, on the pad that it had.
        if self.entries.contains_key(&track.ssrc) {
            return;
        }
        let counts = self.numbers.count(track.ssrc);
        let latency = &self.known.latency;
        let entry = Entry::new(&self.element, &track, counts, latency, &self.connection);
        let Some(entry) = entry else {
            // The element is being stopped.
            return;
        };
        self.known.add(Medium {
            pad: entry.pad.clone(),
            gates: entry.gates.clone(),
            mid: track.mid,
            msid: track.msid,
        });
        self.entries.insert(track.ssrc, entry);
        if let Some(report) = self.early.remove(&track.ssrc) {
            self.report(report);
        }
    }

    fn report(&mut self, report: SenderReport) {
        let of_entry = || self.entries.get(&report.ssrc).map(Entry::clock_rate);
        match report.clock_rate.or_else(of_entry) {
            Some(clock_rate) => {
                let ntp = nanoseconds(report.ntp);
                self.timeline
                    .reported(report.ssrc, clock_rate, ntp, report.timestamp);
            }
            None if self.early.len() < MAX_EARLY => {
                self.early.insert(report.ssrc, report);
            }
            None => {}
        }
    }

    fn channel_open(&self, channel: Channel, label: &str) {
        // Protocol 5.1: others are for file transfers and the like.
        if label == CHANNEL_LABEL {
            set(&self.known.channel, Some(channel));
            self.command(Command::ChannelOpen { session: self.id });
        }
    }

    fn channel_text(&mut self, channel: Channel, text: String) {
        if self.known.channel() != Some(channel) {
            return;
        }
        let text = cut(text);
        match self.backlog.admit(text.len()) {
            Some(ticket) => self.command(Command::ChannelText {
                session: self.id,
                text,
                ticket,
            }),
            None => {
                self.reports.events.count_dropped();
                if !std::mem::replace(&mut self.warned, true) {
                    gst::warning!(
                        CAT,
                        "Session {} sends messages faster than they are handled: some are dropped",
                        self.id.0
                    );
                }
            }
        }
    }

    fn statistics(&mut self, statistics: Statistics) {
        if let Some((local, remote)) = pair(&statistics)
            && self.told_pair.as_ref() != Some(&(local.clone(), remote.clone()))
        {
            self.told_pair = Some((local.clone(), remote.clone()));
            self.command(Command::Pair {
                session: self.id,
                local,
                remote,
            });
        }
        self.numbers.note(statistics);
    }

    fn closed(&self, why: Closed) {
        self.known.is_closed.store(true, Relaxed);
        let session = self.id;
        match why {
            Closed::Local => {}
            Closed::Remote => self.command(Command::Failed {
                session,
                reason: "the publisher closed the connection".into(),
            }),
            Closed::Certificate => self.command(Command::Impostor { session }),
            Closed::Abuse(reason) => self
                .reports
                .events
                .send(protocol::Event::PeerAbuses { session, reason }),
            Closed::Failed(reason) => {
                gst::info!(CAT, obj = self.element, "{reason}");
                self.state(Layer::Connection, "failed");
            }
        }
    }
}

impl Consumer for Ear {
    fn event(&mut self, event: Event) {
        match event {
            Event::Answer(answer) => {
                if !std::mem::replace(&mut self.gathers, true) {
                    self.state(Layer::Gathering, "gathering");
                }
                self.answer(answer);
            }
            Event::LocalCandidate(candidate) => self.candidate(candidate),
            Event::GatheringDone => self.state(Layer::Gathering, "complete"),
            Event::Ice(state) => self.ice(state),
            Event::Dtls(state) => self.dtls(state),
            Event::Certificate(certificate) => set(&self.known.certificate, Some(certificate)),
            Event::Track(track) => self.track(track),
            Event::SenderReport(report) => self.report(report),
            Event::ChannelOpen { channel, label } => self.channel_open(channel, &label),
            Event::ChannelText { channel, text } => self.channel_text(channel, text),
            Event::ChannelClosed(channel) => {
                if self.known.channel() == Some(channel) {
                    set(&self.known.channel, None);
                }
            }
            Event::Statistics(statistics) => self.statistics(*statistics),
            Event::Closed(why) => self.closed(why),
        }
    }

    fn packet(&mut self, packet: Packet) {
        let Some(entry) = self.entries.get_mut(&packet.ssrc) else {
            return;
        };
        let (ssrc, is_first) = (packet.ssrc, !entry.has_begun());
        let at = running_time(&self.element, packet.arrival);
        if let Some(at) = at {
            let header = Header {
                seqnum: packet.index as u16,
                timestamp: packet.timestamp,
                marker: packet.marker,
                payload_type: packet.payload_type,
                ssrc,
            };
            if is_first {
                let clock_rate = entry.clock_rate();
                self.timeline.begins(ssrc, clock_rate, &header, at);
            } else if !packet.is_repeat {
                // What was lost and comes again says nothing of the way.
                self.timeline.arrived(ssrc, &header, at);
            }
        }
        let first = is_first.then(|| (entry.pad.clone(), entry.gates.hold()));
        entry.packet(packet, at);
        if let Some((pad, hold)) = first {
            self.command(Command::Pad {
                session: self.id,
                pad,
                hold,
            });
        }
    }

    fn poked(&mut self) {
        self.entries.values_mut().for_each(Entry::go_on);
    }

    fn heard(&mut self, _at: Instant) {
        self.heard.note();
    }
}

/// The first m-line of an answer that is not refused: candidates of others are ignored.
fn first_line(answer: &str) -> u32 {
    let lines = answer.lines().filter_map(|line| line.strip_prefix("m="));
    let mut ports = lines.map(|line| line.split(' ').nth(1));
    let first = ports.position(|port| port != Some("0"));
    first
        .and_then(|first| u32::try_from(first).ok())
        .unwrap_or_default()
}

/// NTP counts seconds in the upper 32 bits.
fn nanoseconds(ntp: u64) -> u64 {
    let (seconds, fraction) = (ntp >> 32, ntp & 0xffff_ffff);
    seconds * 1_000_000_000 + ((fraction * 1_000_000_000) >> 32)
}

fn pair(statistics: &Statistics) -> Option<(Candidate, Candidate)> {
    let (local, remote) = statistics.pair?;
    let candidate = |address: SocketAddr, kind: Option<&str>| Candidate {
        kind: kind.unwrap_or_default().into(),
        address: address.ip().to_string(),
        port: address.port().into(),
        protocol: "udp".into(),
    };
    let local = candidate(local, statistics.local_kind);
    Some((local, candidate(remote, statistics.remote_kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_those_of_the_first_m_line_that_is_not_refused() {
        let line = |port: u16| format!("m=audio {port} UDP/TLS/RTP/SAVPF 0\r\na=mid:x\r\n");
        assert_eq!(first_line(&(line(0) + &line(0) + &line(9))), 2);
        assert_eq!(first_line(&line(9)), 0);
        assert_eq!(first_line(""), 0);
    }

    #[test]
    fn a_time_of_ntp_is_in_nanoseconds() {
        assert_eq!(nanoseconds(1 << 32), 1_000_000_000);
        assert_eq!(nanoseconds(1 << 31), 500_000_000);
        assert_eq!(nanoseconds(u64::MAX), 4_294_967_295_999_999_999);
    }
}
