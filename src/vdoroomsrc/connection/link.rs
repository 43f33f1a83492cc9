// SPDX-License-Identifier: MPL-2.0
//! What a session needs of the connection to its publisher, whichever engine makes it.
//!
//! The control thread calls it; nothing here waits. What comes of it is told by commands and events:
//! the steps of a negotiation, candidates, states, the data channel, and pads, which hold their packets
//! until the control thread says what becomes of these.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_sdp::SDPMessage;

use crate::protocol::Abilities;
use crate::vdoroomsrc::connection::sdp::Promised;
use crate::vdoroomsrc::media::{stop, take_out};
use crate::vdoroomsrc::reports::{Hold, Layer, Reports, Step};
use crate::vdoroomsrc::settings::{Engine, IceServers};

/// What is reported of a connection that has failed.
pub(crate) const FAILED: &str = "the connection failed";

/// Why an offer ends its session: another SSRC, or another codec, in an m-line.
pub(super) const OTHER_MEDIA: &str = "it sends other media in the place of a track";

/// What is the same for each connection.
pub(crate) struct Transport<'a> {
    pub engine: Engine,
    pub ice: &'a IceServers,
    /// Of the jitterbuffer, in milliseconds.
    pub latency: u32,
    pub retransmission: bool,
    /// In kbit/s; 0 leaves it to the publisher.
    pub audio_bitrate: u32,
}

/// Whose certificate is asked for.
pub(crate) enum End<'a> {
    /// Who sends what comes out of this pad.
    Pad(&'a gst::Pad),
    Channel,
    /// Who took part in the handshake.
    Handshake,
}

pub(crate) trait Link: Send {
    /// A child of the source. Its pads have the media.
    fn element(&self) -> &gst::Element;

    fn abilities(&self) -> Abilities;

    /// Whether the thread that pushes out of its pads is that of other connections as well.
    fn shares_thread(&self) -> bool;

    /// Takes an offer that has been narrowed to what is `promised`. Steps of the negotiation follow.
    fn offer(
        &mut self,
        offer: SDPMessage,
        promised: &[Promised],
        reports: &Reports,
    ) -> Result<(), String>;

    /// Carries a negotiation on from a step that the engine has reported.
    fn go_on(&mut self, step: Step, reports: &Reports) -> Result<(), String>;

    /// A candidate of the publisher.
    fn candidate(&mut self, sdp_mline_index: u32, candidate: &str);

    /// An answer is on its way: reports the states of the transport from now on. Returns those that it
    /// has already.
    fn watch(&mut self, _reports: &Reports) -> Vec<(Layer, String)> {
        Vec::new()
    }

    /// The certificate at the other end, in DER, as far as it is known.
    fn certificate(&self, of: End<'_>) -> Option<Vec<u8>>;

    /// Lost if the publisher does not read its channel.
    fn send(&self, text: &str);

    /// When something came that only the publisher can have sent.
    fn heard(&self) -> Instant;

    /// Whether that tells what came since then. Not if the threads that receive get too little of a
    /// processor.
    fn keeps_up(&self, _since: Instant) -> bool {
        true
    }

    fn latency(&self) -> Duration;

    /// In milliseconds.
    fn set_latency(&mut self, latency: u32);

    /// Has the numbers brought up to date. The first time, the selected pair follows.
    fn ask_for_numbers(&mut self, reports: &Reports);

    fn numbers(&self) -> Arc<dyn Numbers>;

    /// How many packets of these SSRCs are lost for good, if lost ones are requested: `pace` is the time
    /// between two requests for the same packet, where the engine does not know better.
    fn repair(&mut self, ssrcs: &[u32], pace: Option<Duration>) -> Option<u64>;

    /// The `a=mid` of the m-line that a pad belongs to.
    fn mid(&self, pad: &gst::Pad) -> Option<String>;

    /// The `a=msid` of what comes out of a pad.
    fn msid(&self, pad: &gst::Pad) -> Option<String>;

    /// Holds back what comes out of a pad again. `None` if the pad is gone.
    fn hold(&self, pad: &gst::Pad) -> Option<Box<dyn Hold>>;

    /// Prepares the end, and says whether that is done. Called until then.
    fn close(&mut self, now: Instant) -> bool;
}

/// Puts the element of a connection into the source, and starts it. It runs while the pipeline is paused
/// as well: a paused element serves no sockets.
pub(super) fn start(element: &gst::Element, bin: &gst::Bin) -> Result<(), glib::BoolError> {
    element.set_locked_state(true);
    bin.add(element)?;
    if element.set_state(gst::State::Playing).is_err() {
        stop(element);
        take_out(element, bin);
        return Err(glib::bool_error!("{} does not start", element.name()));
    }
    Ok(())
}

/// The numbers of a connection, as they were told last. Read on any thread.
pub(crate) trait Numbers: Send + Sync {
    /// All of them, as the engine has them.
    fn whole(&self) -> Option<gst::Structure>;

    /// Of the media of one SSRC. `whole` is what was read just before.
    fn received(&self, ssrc: u32, whole: Option<&gst::StructureRef>) -> Received;

    /// Whether somebody has read them since this was last called.
    fn take_is_read(&self) -> bool;
}

/// What has come of one SSRC, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub packets: Option<u64>,
    /// Missing for good.
    pub lost: Option<u64>,
    pub late: Option<u64>,
    /// Came on request.
    pub recovered: Option<u64>,
    /// The mean, in nanoseconds.
    pub jitter: Option<u64>,
    pub nack_sent: Option<u32>,
    pub fir_sent: Option<u32>,
    pub wire_bytes: Option<u64>,
}
