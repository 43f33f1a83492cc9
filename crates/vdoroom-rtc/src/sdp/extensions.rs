// SPDX-License-Identifier: MPL-2.0
//! The header extensions of RTP that are of use here, by their names in SDP.

use crate::event::Kind;

/// To which m-line a packet belongs.
pub(crate) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// To which layer of simulcast.
pub(crate) const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";

/// Which layer a packet repeats.
pub(crate) const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

/// Its number among all packets of the connection, for congestion control.
pub(crate) const TRANSPORT_NUMBER: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// It marks an offer of libwebrtc: GStreamer and libdatachannel do not have it.
pub(crate) const PLAYOUT_DELAY: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

/// How loud the audio of a packet is. Nothing here reads it; who is given the packet may.
pub(crate) const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

const OF_ALL: [&str; 4] = [MID, RID, REPAIRED_RID, TRANSPORT_NUMBER];

/// Whether it is of use in an m-line of this kind.
pub(crate) fn is_accepted(kind: Kind, uri: &str) -> bool {
    OF_ALL.contains(&uri) || (kind == Kind::Audio && uri == AUDIO_LEVEL)
}
