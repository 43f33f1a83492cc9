// SPDX-License-Identifier: MPL-2.0
//! What a connection tells its consumer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Who is told what a connection receives. Called on the I/O thread, which serves all connections:
/// it must not wait.
pub trait Consumer: Send {
    fn event(&mut self, event: Event);

    /// A packet of media, in the order of its SSRC.
    fn packet(&mut self, packet: Packet);

    /// Something genuine has come: media, reports or what belongs to data channels. Checks of ICE do
    /// not count: a browser answers those whatever its page does.
    fn heard(&mut self, at: Instant) {
        let _ = at;
    }

    /// [`Connection::poke`](crate::Connection::poke) was called.
    fn poked(&mut self) {}
}

#[derive(Debug)]
pub enum Event {
    /// For the newest offer, or why there is none; the connection stays as it was then.
    Answer(Result<String, OfferError>),
    /// An address of ours, as in `a=candidate:` of SDP.
    LocalCandidate(String),
    /// All addresses of ours have been told, but for those of servers that take longer than 5 s.
    GatheringDone,
    Ice(IceState),
    Dtls(DtlsState),
    /// What the publisher has shown in the DTLS handshake (X.509 in DER). It fits a fingerprint of
    /// its offer. Nothing that it sends was told before.
    Certificate(Vec<u8>),
    /// The first packet of this SSRC has come, and follows.
    Track(Track),
    SenderReport(SenderReport),
    ChannelOpen {
        channel: Channel,
        label: String,
    },
    ChannelText {
        channel: Channel,
        text: String,
    },
    ChannelClosed(Channel),
    Statistics(Box<Statistics>),
    /// The last event.
    Closed(Closed),
}

/// Why there is no answer to an offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    #[error("the offer cannot be read: {0}")]
    Unreadable(String),
    #[error("the offer has no {0}")]
    Lacks(&'static str),
    #[error("the offer is not accepted: {0}")]
    Refused(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceState {
    New,
    Checking,
    Connected,
    /// Nothing is left to be tried.
    Completed,
    Disconnected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsState {
    Connecting,
    Connected,
}

/// Why a connection has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// By us.
    Local,
    /// By the publisher.
    Remote,
    /// Its certificate fits none of the fingerprints of its offer.
    Certificate,
    /// It did what no publisher needs to do.
    Abuse(String),
    /// Among others, ICE was connected, and has been disconnected for 10 s without media. How long it
    /// takes to connect is for the owner to limit.
    Failed(String),
}

/// A data channel of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel(pub(crate) usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Audio,
    Video,
}

/// The media of one SSRC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Of its m-line.
    pub mid: String,
    /// Of its layer, in simulcast.
    pub rid: Option<String>,
    pub kind: Kind,
    /// As the offer spells it.
    pub codec: String,
    pub payload_type: u8,
    pub clock_rate: u32,
    /// What `a=rtpmap` says behind the rate: of audio, the channels.
    pub encoding_parameters: Option<String>,
    /// What `a=fmtp` says of the payload type.
    pub parameters: Option<String>,
    /// Header extensions of its m-line that the answer accepts: number and URI.
    pub extensions: Vec<(u8, String)>,
    /// "stream track", of its SSRC or of its m-line.
    pub msid: Option<String>,
    pub ssrc: u32,
}

/// A packet of RTP, decrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub ssrc: u32,
    pub payload_type: u8,
    pub marker: bool,
    /// The sequence number, counted on where its 16 bits begin again.
    pub index: u64,
    pub timestamp: u32,
    /// When it came, before it waited for others.
    pub arrival: Instant,
    /// So many packets just before this one are missing for good.
    pub lost: u64,
    /// It was sent once more, on request.
    pub is_repeat: bool,
    /// All of it, without padding.
    pub data: Bytes,
    /// Where in `data` the payload begins.
    pub payload_at: usize,
}

impl Packet {
    pub fn payload(&self) -> &[u8] {
        self.data.get(self.payload_at..).unwrap_or_default()
    }
}

/// What a sender report says of one SSRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    pub ssrc: u32,
    /// By the publisher's clock: seconds in the upper 32 bits, whatever they count from.
    pub ntp: u64,
    pub timestamp: u32,
    /// Of `timestamp`, in Hz. Not known before the first packet: a medium may have formats of several
    /// rates.
    pub clock_rate: Option<u32>,
    pub arrival: Instant,
}

/// What a connection has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The addresses in use: ours and the publisher's.
    pub pair: Option<(SocketAddr, SocketAddr)>,
    /// What they are: "host", "srflx", "prflx" or "relay". Ours is the one of the socket, even if the
    /// publisher sees another.
    pub local_kind: Option<&'static str>,
    pub remote_kind: Option<&'static str>,
    /// Of the newest check of ICE that was answered.
    pub round_trip: Option<Duration>,
    /// The SRTP profile that was agreed on.
    pub protection: Option<&'static str>,
    /// Packets of media that belong to no m-line, or that do not decrypt.
    pub refused: u64,
    pub streams: Vec<StreamStatistics>,
}

/// What has come with one SSRC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamStatistics {
    pub ssrc: u32,
    pub mid: String,
    /// Packets that came, repeats included.
    pub received: u64,
    /// Of those, decrypted and without padding.
    pub bytes: u64,
    /// Of those, as they came: with padding and what protects them, without UDP and IP.
    pub bytes_on_wire: u64,
    /// Missing for good.
    pub lost: u64,
    /// Came when they were given up. They stay lost.
    pub late: u64,
    /// Came again, as repeats that were not needed. What is replayed as it was is refused.
    pub duplicates: u64,
    /// Packets that were requested, each counted once for each request.
    pub requested: u64,
    /// Came on request, in time.
    pub repaired: u64,
    /// Keyframes that were requested.
    pub keyframes_requested: u64,
    /// Variation of arrival (RFC 3550 section 6.4.1).
    pub jitter: Duration,
}
