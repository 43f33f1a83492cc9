// SPDX-License-Identifier: MPL-2.0
//! A connection of `vdoroom-rtc` as that of a session.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_sdp::SDPMessage;
use vdoroom_rtc::Connection;

use super::ear::{Ear, Known};
use super::element::NativeSrc;
use super::entry::SharedConnection;
use super::numbers::NativeNumbers;
use super::servers::settings;
use crate::protocol::{Abilities, SessionId};
use crate::vdoroomsrc::connection::alive::Heard;
use crate::vdoroomsrc::connection::link::{End, Link, Numbers, OTHER_MEDIA, Transport, start};
use crate::vdoroomsrc::connection::names::element_prefix;
use crate::vdoroomsrc::connection::sdp::{Named, Promised, follow, replaces, take_named};
use crate::vdoroomsrc::media::{SharedTimeline, stop, take_out};
use crate::vdoroomsrc::reports::{Backlog, Hold, Reports, Step};

/// How long the I/O thread may take to say goodbye.
const CLOSE_TIME: Duration = Duration::from_millis(200);

struct Native {
    element: NativeSrc,
    connection: Arc<Connection>,
    known: Arc<Known>,
    numbers: Arc<NativeNumbers>,
    heard: Heard,
    retransmission: bool,
    /// What offers have named so far.
    named: Named,
    closing: Option<Instant>,
}

pub(crate) fn open(
    bin: &gst::Bin,
    id: SessionId,
    transport: &Transport<'_>,
    timeline: &SharedTimeline,
    reports: &Reports,
) -> Result<Box<dyn Link>, glib::BoolError> {
    let element = NativeSrc::new(&format!("{}native", element_prefix(id)));
    start(element.upcast_ref(), bin)?;
    let shared = SharedConnection::default();
    let (known, numbers) = <(Arc<Known>, Arc<NativeNumbers>)>::default();
    known.latency.store(transport.latency, Relaxed);
    let heard = Heard::new();
    let ear = Ear {
        id,
        element: element.clone(),
        reports: reports.clone(),
        timeline: timeline.clone(),
        heard: heard.clone(),
        known: known.clone(),
        numbers: numbers.clone(),
        connection: shared.clone(),
        audio_bitrate: transport.audio_bitrate,
        backlog: Backlog::default(),
        warned: false,
        gathers: false,
        is_through: false,
        is_secure: false,
        first_line: 0,
        early: HashMap::new(),
        entries: HashMap::new(),
        told_pair: None,
    };
    let connection = Connection::open(settings(transport), Box::new(ear));
    let connection = connection.map_err(|error| {
        stop(element.upcast_ref());
        take_out(element.upcast_ref(), bin);
        glib::bool_error!("{error}")
    });
    let connection = Arc::new(connection?);
    // Nothing has been set before.
    let _ = shared.set(Arc::downgrade(&connection));
    Ok(Box::new(Native {
        element,
        connection,
        known,
        numbers,
        heard,
        retransmission: transport.retransmission,
        named: Named::new(),
        closing: None,
    }))
}

impl Link for Native {
    fn element(&self) -> &gst::Element {
        self.element.upcast_ref()
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            direction_changes: true,
            ice_restarts: true,
        }
    }

    fn shares_thread(&self) -> bool {
        true
    }

    fn offer(
        &mut self,
        offer: SDPMessage,
        _promised: &[Promised],
        _reports: &Reports,
    ) -> Result<(), String> {
        let named = take_named(&mut offer.clone());
        if replaces(&named, &self.named) {
            return Err(OTHER_MEDIA.into());
        }
        self.named = follow(std::mem::take(&mut self.named), named);
        let offer = offer.as_text();
        let offer = offer.map_err(|error| format!("its offer cannot be written: {error}"))?;
        self.connection.offer(offer);
        Ok(())
    }

    fn go_on(&mut self, _step: Step, _reports: &Reports) -> Result<(), String> {
        // The answer is the only step.
        Ok(())
    }

    fn candidate(&mut self, _sdp_mline_index: u32, candidate: &str) {
        self.connection.candidate(candidate.into());
    }

    /// It fits the fingerprints of the offer: without that, nothing is let through.
    fn certificate(&self, _of: End<'_>) -> Option<Vec<u8>> {
        self.known.certificate()
    }

    fn send(&self, text: &str) {
        if let Some(channel) = self.known.channel() {
            self.connection.send(channel, text.into());
        }
    }

    fn heard(&self) -> Instant {
        self.heard.newest()
    }

    fn keeps_up(&self, since: Instant) -> bool {
        self.connection.keeps_up(since)
    }

    fn latency(&self) -> Duration {
        Duration::from_millis(self.known.latency.load(Relaxed).into())
    }

    fn set_latency(&mut self, latency: u32) {
        self.known.latency.store(latency, Relaxed);
        let latency = Duration::from_millis(latency.into());
        self.connection.set_latency(latency);
    }

    fn ask_for_numbers(&mut self, _reports: &Reports) {
        self.connection.statistics();
    }

    fn numbers(&self) -> Arc<dyn Numbers> {
        self.numbers.clone()
    }

    /// It paces its requests itself, by the round trips that ICE measures.
    fn repair(&mut self, ssrcs: &[u32], _pace: Option<Duration>) -> Option<u64> {
        self.retransmission.then(|| self.numbers.lost(ssrcs))
    }

    fn mid(&self, pad: &gst::Pad) -> Option<String> {
        Some(self.known.medium(pad)?.mid)
    }

    fn msid(&self, pad: &gst::Pad) -> Option<String> {
        self.known.medium(pad)?.msid
    }

    fn hold(&self, pad: &gst::Pad) -> Option<Box<dyn Hold>> {
        Some(self.known.medium(pad)?.gates.hold())
    }

    fn close(&mut self, now: Instant) -> bool {
        let connection = &self.connection;
        let since = *self.closing.get_or_insert_with(|| {
            connection.close();
            now
        });
        self.known.is_closed.load(Relaxed) || now >= since + CLOSE_TIME
    }
}
