// SPDX-License-Identifier: MPL-2.0
//! One connection: what comes in, and the time, lead to actions.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::net::{Protocol, Receive};
use str0m::{Event as RtcEvent, IceConnectionState, Input, Output, Rtc, RtcConfig};

use super::action::{Action, Datagram};
use super::candidates::Theirs;
use super::channels::{Channels, MAX_MESSAGE, MAX_UNREAD};
use super::gathering::Gathering;
use super::protected::Protected;
use crate::crypto::{Fingerprint, Outcome, build};
use crate::event::{Channel, Closed, DtlsState, Event, IceState, OfferError, Statistics};
use crate::rtp::Media;
use crate::sdp::{self, Offer, Setup, answer, transport};
use crate::settings::Settings;

/// How often str0m says which pair of addresses is in use, and how long the way is.
const MEASURED: Duration = Duration::from_secs(1);

/// Outputs of str0m for one input. There are never so many.
const MAX_OUTPUTS: usize = 10_000;

/// Who has not connected by then does not do so at any moment.
const CONNECTING: Duration = Duration::from_secs(5);

/// How long ICE stays disconnected, and no media comes, before we give up: str0m never does. It says so
/// 20 s after the last check was answered, which is time enough to change to another network; this is
/// for a publisher that restarts ICE then.
const LOST: Duration = Duration::from_secs(10);

/// DTLS (RFC 7983). STUN is below, media above.
const DTLS: std::ops::RangeInclusive<u8> = 20..=63;

pub(crate) struct Peer {
    rtc: Rtc,
    outcome: Outcome,
    /// When the first offer came.
    begun: Option<Instant>,
    /// Which of the two sides begins DTLS, from the first answer on.
    setup: Option<Setup>,
    fingerprints: Vec<Fingerprint>,
    has_channels: bool,
    session: u64,
    version: u64,
    retransmission: bool,
    gathering: Gathering,
    theirs: Theirs,
    channels: Channels,
    protected: Protected,
    pair: Option<(SocketAddr, SocketAddr)>,
    round_trip: Option<Duration>,
    rtc_deadline: Instant,
    dtls: Option<DtlsState>,
    /// Since when no pair of addresses works any more.
    lost_since: Option<Instant>,
    is_closed: bool,
}

impl Peer {
    /// `local` are our addresses; `random` tells it from others. `None` if OpenSSL makes no
    /// certificate.
    pub(crate) fn new(
        now: Instant,
        settings: &Settings,
        local: &[SocketAddr],
        random: u64,
        media: Media,
    ) -> Option<Self> {
        let outcome = Outcome::default();
        let config = RtcConfig::new()
            .clear_codecs()
            .set_stats_interval(Some(MEASURED))
            .set_sctp_max_message_size(MAX_MESSAGE)
            .set_sctp_max_buffered_amount(MAX_UNREAD);
        let mut rtc = build(config, now, &outcome)?;
        let gathering = Gathering::new(&mut rtc, local);
        Some(Self {
            rtc,
            protected: Protected::new(media),
            outcome,
            begun: None,
            setup: None,
            fingerprints: Vec::new(),
            has_channels: false,
            // 63 bits (RFC 9429 section 5.2.1).
            session: random >> 1,
            version: 0,
            retransmission: settings.retransmission,
            gathering,
            theirs: Theirs::default(),
            channels: Channels::default(),
            pair: None,
            round_trip: None,
            rtc_deadline: now,
            dtls: None,
            lost_since: None,
            is_closed: false,
        })
    }

    /// By which checks of ICE are told to be for this connection.
    pub(crate) fn user(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// It has had an offer for a moment, and no handshake yet.
    pub(crate) fn is_connecting(&self, now: Instant) -> bool {
        let is_new = |begun| now.saturating_duration_since(begun) < CONNECTING;
        self.begun.is_some_and(is_new) && self.dtls != Some(DtlsState::Connected)
    }

    pub(crate) fn offer(&mut self, now: Instant, text: &str, out: &mut Vec<Action>) {
        let answer = self.accept(now, text);
        let is_accepted = answer.is_ok();
        out.push(Action::Event(Event::Answer(answer)));
        if is_accepted {
            self.gathering.begin(now, out);
            self.tell_candidates(now, out);
            self.drive(now, out);
        }
    }

    fn accept(&mut self, now: Instant, text: &str) -> Result<String, OfferError> {
        let offer = Offer::read(text)?;
        let refused = |error: &dyn ToString| OfferError::Refused(error.to_string());
        if let Some(handshake) = self.outcome.get()
            && !fits(&offer.fingerprints, &handshake.certificate)
        {
            return Err(OfferError::Refused(
                "it announces another certificate".into(),
            ));
        }
        let has_channels = self.has_channels || offer.channels().is_some();
        let sdp = SdpOffer::from_sdp_string(&transport(&offer, has_channels));
        let sdp = sdp.map_err(|error| refused(&error))?;
        // str0m takes the time from what it was told last.
        let told = self.rtc.handle_input(Input::Timeout(now));
        told.map_err(|error| refused(&error))?;
        let before = self.user();
        let accepted = self.rtc.sdp_api().accept_offer(sdp);
        accepted.map_err(|error| refused(&error))?;
        self.begun.get_or_insert(now);
        self.has_channels = has_channels;
        if self.user() != before {
            // A restart of ICE: str0m has forgotten them, too.
            self.theirs.forget();
        }
        for candidate in &offer.candidates {
            self.add_candidate(candidate);
        }
        let setup = *self.setup.get_or_insert(offer.setup.answer());
        self.version += 1;
        let api = self.rtc.direct_api();
        let ours = api.local_ice_credentials();
        let fingerprint = api.local_dtls_fingerprint().to_string();
        let text = answer(
            &offer,
            &sdp::Ours {
                session: self.session,
                version: self.version,
                user: &ours.ufrag,
                password: &ours.pass,
                fingerprint: &fingerprint,
                setup,
                max_message: MAX_MESSAGE,
                retransmission: self.retransmission,
            },
        );
        self.protected.offered(&offer);
        self.fingerprints = offer.fingerprints;
        Ok(text)
    }

    fn tell_candidates(&mut self, now: Instant, out: &mut Vec<Action>) {
        let user = self.user();
        self.gathering.tell(now, user, out);
    }

    /// STUN servers have these addresses.
    pub(crate) fn stun(
        &mut self,
        now: Instant,
        servers: impl IntoIterator<Item = SocketAddr>,
        out: &mut Vec<Action>,
    ) {
        self.gathering.serve(now, servers, out);
    }

    /// A TURN server receives for us at `address`. We reach it from an address of the kind of
    /// `local`. Returns whether it is of use.
    pub(crate) fn relayed(
        &mut self,
        now: Instant,
        (address, local): (SocketAddr, SocketAddr),
        out: &mut Vec<Action>,
    ) -> bool {
        let is_of_use = self.gathering.relayed(&mut self.rtc, address, local);
        self.tell_candidates(now, out);
        self.drive(now, out);
        is_of_use
    }

    /// It does so no more.
    pub(crate) fn unrelayed(&mut self, now: Instant, address: SocketAddr, out: &mut Vec<Action>) {
        self.gathering.unrelayed(&mut self.rtc, address);
        self.drive(now, out);
    }

    /// Whether servers are asked that may still have an address for us.
    pub(crate) fn await_servers(&mut self, now: Instant, are_asked: bool, out: &mut Vec<Action>) {
        self.gathering.await_others(are_asked);
        self.tell_candidates(now, out);
    }

    pub(crate) fn candidate(&mut self, now: Instant, text: &str, out: &mut Vec<Action>) {
        self.add_candidate(text);
        self.drive(now, out);
    }

    fn add_candidate(&mut self, text: &str) {
        if let Some(candidate) = self.theirs.told(text) {
            self.rtc.add_remote_candidate(candidate);
        }
    }

    pub(crate) fn send(
        &mut self,
        now: Instant,
        channel: Channel,
        text: &str,
        out: &mut Vec<Action>,
    ) {
        self.channels.send(&mut self.rtc, channel, text);
        self.drive(now, out);
    }

    pub(crate) fn set_latency(&mut self, latency: Duration) {
        self.protected.media.set_latency(latency);
    }

    pub(crate) fn request_keyframe(&mut self, ssrc: u32, out: &mut Vec<Action>) {
        self.protected.request_keyframe(ssrc, self.pair, out);
    }

    pub(crate) fn statistics(&self) -> Statistics {
        Statistics {
            pair: self.pair,
            local_kind: self.pair.and_then(|(local, _)| self.gathering.kind(local)),
            remote_kind: self.pair.map(|(_, remote)| self.theirs.kind(remote)),
            round_trip: self.round_trip,
            protection: self.outcome.get().map(|handshake| handshake.keys.name()),
            refused: self.protected.refused,
            streams: self.protected.media.statistics(),
        }
    }

    /// Something was received. True if it is genuine STUN, so that whatever else comes from there
    /// is of this connection.
    pub(crate) fn datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Vec<Action>,
    ) -> bool {
        let (Some(&first), (local, remote)) = (datagram.bytes.first(), datagram.path) else {
            return false;
        };
        if first > *DTLS.end() {
            self.protected.datagram(datagram, self.pair, out);
            return false;
        }
        if let Some(seen) = self.gathering.answered(datagram.path, datagram.bytes) {
            self.gathering.seen(&mut self.rtc, seen);
            self.tell_candidates(now, out);
            self.drive(now, out);
            return false;
        }
        let Ok(received) = Receive::new(Protocol::Udp, remote, local, datagram.bytes) else {
            return false;
        };
        let input = Input::Receive(now, received);
        let is_stun = first < *DTLS.start();
        // A handshake may come before our own check of that address is answered. What was sent
        // before it said who it is has not come here.
        if is_stun && !self.rtc.accepts(&input) {
            return false;
        }
        match self.rtc.handle_input(input) {
            Ok(()) => self.drive(now, out),
            Err(error) => self.end(Closed::Failed(error.to_string()), out),
        }
        if !is_stun && self.dtls == Some(DtlsState::Connected) {
            out.push(Action::Heard(datagram.came));
        }
        is_stun
    }

    /// When [`Peer::tick`] is to be called.
    pub(crate) fn deadline(&self) -> Instant {
        let media = self.protected.media.deadline();
        let others = [media, self.gathering.deadline(), self.gives_up_at()];
        let others = others.into_iter().flatten();
        others.fold(self.rtc_deadline, Instant::min)
    }

    fn gives_up_at(&self) -> Option<Instant> {
        let since = self.lost_since?;
        let heard = self.protected.heard.unwrap_or(since);
        Some(heard.max(since) + LOST)
    }

    pub(crate) fn tick(&mut self, now: Instant, out: &mut Vec<Action>) {
        if now >= self.rtc_deadline {
            match self.rtc.handle_input(Input::Timeout(now)) {
                Ok(()) => self.drive(now, out),
                Err(error) => self.end(Closed::Failed(error.to_string()), out),
            }
        }
        if self.gathering.deadline().is_some_and(|at| now >= at) {
            self.gathering.due(now, out);
            self.tell_candidates(now, out);
        }
        self.protected.flush(now, self.pair, out);
        if self.gives_up_at().is_some_and(|at| now >= at) {
            let why = format!("ICE has been disconnected for {} s", LOST.as_secs());
            self.end(Closed::Failed(why), out);
        }
    }

    /// Ends it, and says so to the publisher.
    pub(crate) fn close(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.rtc.close().is_ok() {
            self.drive(now, out);
        }
        self.end(Closed::Local, out);
    }

    /// What has come and waits for packets that will not come goes out before that.
    fn end(&mut self, why: Closed, out: &mut Vec<Action>) {
        if !self.is_closed {
            self.is_closed = true;
            self.protected.finish(out);
            out.push(Action::Event(Event::Closed(why)));
        }
    }

    /// Takes from str0m what it has to say.
    fn drive(&mut self, now: Instant, out: &mut Vec<Action>) {
        for _ in 0..MAX_OUTPUTS {
            if self.is_closed {
                return;
            }
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.rtc_deadline = at.max(now);
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    let datagram: Vec<u8> = transmit.contents.into();
                    if datagram.first().is_some_and(|first| DTLS.contains(first)) {
                        self.pair = Some((transmit.source, transmit.destination));
                    }
                    out.push(Action::Send {
                        from: transmit.source,
                        to: transmit.destination,
                        datagram,
                    });
                }
                Ok(Output::Event(event)) => self.heard(now, event, out),
                Err(error) => self.end(Closed::Failed(error.to_string()), out),
            }
        }
        self.end(Closed::Failed("it never comes to rest".into()), out);
    }

    fn heard(&mut self, now: Instant, event: RtcEvent, out: &mut Vec<Action>) {
        match event {
            RtcEvent::IceConnectionStateChange(state) => {
                let state = match state {
                    IceConnectionState::New => IceState::New,
                    IceConnectionState::Checking => IceState::Checking,
                    IceConnectionState::Connected => IceState::Connected,
                    IceConnectionState::Completed => IceState::Completed,
                    IceConnectionState::Disconnected => IceState::Disconnected,
                };
                out.push(Action::Event(Event::Ice(state)));
                // Who has never been connected may still tell an address that works. How long that
                // may take is not for us to say.
                let is_lost = state == IceState::Disconnected && self.dtls.is_some();
                self.lost_since = is_lost.then_some(now);
                let is_through = matches!(state, IceState::Connected | IceState::Completed);
                if is_through && self.dtls.is_none() {
                    self.dtls = Some(DtlsState::Connecting);
                    out.push(Action::Event(Event::Dtls(DtlsState::Connecting)));
                }
            }
            RtcEvent::Connected => self.shaken_hands(out),
            RtcEvent::ChannelOpen(id, label) => match self.channels.opened(id, label) {
                Ok(event) => out.push(Action::Event(event)),
                Err(abuse) => self.end(abuse, out),
            },
            RtcEvent::ChannelData(message) => {
                out.extend(self.channels.message(message).map(Action::Event));
            }
            RtcEvent::ChannelClose(id) => out.extend(self.channels.closed(id).map(Action::Event)),
            RtcEvent::PeerStats(statistics) => {
                if let Some(pair) = statistics.selected_candidate_pair {
                    self.pair = Some((pair.local.addr, pair.remote.addr));
                    if let Some(round_trip) = pair.current_round_trip_time {
                        self.round_trip = Some(round_trip);
                        self.protected.media.measured(round_trip);
                    }
                }
            }
            RtcEvent::Closed => self.end(Closed::Remote, out),
            _ => {}
        }
    }

    /// Nothing that the publisher sends is told before it is known to be the one of the offer.
    fn shaken_hands(&mut self, out: &mut Vec<Action>) {
        let Some(handshake) = self.outcome.get() else {
            return self.end(Closed::Failed("the handshake has no outcome".into()), out);
        };
        if !fits(&self.fingerprints, &handshake.certificate) {
            return self.end(Closed::Certificate, out);
        }
        self.protected.protect(&handshake.keys);
        self.dtls = Some(DtlsState::Connected);
        let certificate = handshake.certificate.clone();
        out.push(Action::Event(Event::Certificate(certificate)));
        out.push(Action::Event(Event::Dtls(DtlsState::Connected)));
    }
}

fn fits(fingerprints: &[Fingerprint], certificate: &[u8]) -> bool {
    fingerprints.iter().any(|known| known.fits(certificate))
}
