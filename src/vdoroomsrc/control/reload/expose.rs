// SPDX-License-Identifier: MPL-2.0
//! From a pad of webrtcbin to a pad of the element.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_webrtc::WebRTCRTPTransceiver;

use crate::vdoroomsrc::reports::CAT;
use crate::vdoroomsrc::element::VdoRoomSrc;
use crate::vdoroomsrc::control::announce;
use crate::vdoroomsrc::media::Codec;
use crate::vdoroomsrc::control::{Config, Control};
use crate::vdoroomsrc::reports::TrackId;
use crate::vdoroomsrc::reports::Reports;
use crate::vdoroomsrc::media::Exit;
use crate::vdoroomsrc::media::Person;
use super::introduce::introduction;
use crate::vdoroomsrc::media::KeyframePolicy;
use crate::vdoroomsrc::connection::sdp::offer;
use crate::vdoroomsrc::media::Origin;
use crate::vdoroomsrc::media::{Kind, pad_name};
use super::kept::KeptPads;
use crate::vdoroomsrc::control::Remains;
use crate::vdoroomsrc::connection::{Session, WaitingPad};
use crate::vdoroomsrc::connection::element_prefix;
use crate::vdoroomsrc::media::{Plan, Track};
use crate::protocol::{SessionId, StreamId};

/// How long a new session's pads wait for those of the one before, which still drain.
const NAMESAKE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long pads wait for the first sender reports: what leaves before them has no place but that
/// of its arrival. Browsers send them at once when asked, others after half a second or more.
/// Together with the jitterbuffer this stays below the second that a crash may cost.
const REPORT_TIMEOUT: Duration = Duration::from_millis(700);

/// The same if there are B-frames: their arrival tells too little of their place.
const REORDERED_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a pad waits for those that are promised beside it.
const COMPANY_TIMEOUT: Duration = Duration::from_millis(300);

/// A publisher has a camera, a microphone, a screen and perhaps a few more.
const MAX_TRACKS: usize = 16;

#[derive(Default)]
pub(crate) struct Exposed {
    pub pads: usize,
    /// Why pads were not exposed; the others of the session go on.
    pub refused: Vec<String>,
    /// Whose pads cannot go on.
    pub broken: Vec<Track>,
}

impl Session {
    pub(crate) fn add_pad(&mut self, pad: gst::Pad, block: gst::PadProbeId) {
        self.waiting_pads.push(WaitingPad {
            pad,
            block,
            deadline: Instant::now() + NAMESAKE_TIMEOUT,
            since: Instant::now(),
        });
    }

    /// Whether reports have told where all media belongs that is there or promised.
    fn media_is_placed(&self, now: Instant) -> bool {
        let since = self.waiting_pads.iter().map(|pad| pad.since).min();
        let waited = since.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
        let promised = self.promised.iter().filter(|track| track.codec.is_ok());
        let all_there = self.waiting_pads.len() + self.tracks.len() >= promised.count();
        let is_known = |pad: &WaitingPad| self.timeline.knows(&pad.pad);
        let is_under_way = |pad: &WaitingPad| self.timeline.is_under_way(&pad.pad);
        let has_reordered = |pad: &WaitingPad| self.timeline.has_reordered(&pad.pad);
        let all_there = all_there && self.waiting_pads.iter().all(is_under_way);
        let patience = match (all_there, self.waiting_pads.iter().all(is_known)) {
            (true, true) => Duration::ZERO,
            (false, true) => COMPANY_TIMEOUT,
            (_, false) if self.waiting_pads.iter().any(has_reordered) => REORDERED_TIMEOUT,
            (_, false) => REPORT_TIMEOUT,
        };
        waited >= patience
    }
}

impl Control {
    pub(crate) fn expose_pads(&mut self, element: &VdoRoomSrc) {
        let now = Instant::now();
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        let mut changed = false;
        for id in ids {
            // Taken out while pads are added: handlers of pad-added may ask for anything but it.
            let Some(mut session) = self.sessions.remove(&id) else {
                continue;
            };
            let ending = self.sessions.values().filter(|other| other.is_ending());
            let ending = ending
                .map(|other| &other.stream)
                .chain(self.reaper.streams());
            let draining: Vec<StreamId> = ending.cloned().collect();
            let (config, reports) = (&self.config, &self.reports);
            let kept = &mut self.kept;
            let exposed = expose(element, &mut session, config, &draining, kept, reports, now);
            changed |= exposed.pads > 0;
            for reason in exposed.refused {
                announce::warn(element, Some(&session.stream), &reason);
            }
            for track in exposed.broken {
                let (stream, group_id) = (session.stream.clone(), session.group_id);
                let remains = Remains::of_pad(stream, group_id, track);
                self.take_apart(remains);
            }
            self.sessions.insert(id, session);
        }
        if changed {
            // Latency was queried before this branch was there.
            let _ = element.post_message(gst::message::Latency::builder().src(element).build());
            self.publish_views();
        }
    }
}

/// Exposes the session's waiting pads, unless those of the stream's session before still drain.
fn expose(
    element: &VdoRoomSrc,
    session: &mut Session,
    config: &Config,
    draining: &[StreamId],
    kept: &mut KeptPads,
    reports: &Reports,
    now: Instant,
) -> Exposed {
    if session.waiting_pads.is_empty() || session.is_ending() {
        return Exposed::default();
    }
    if config.paused.load(Relaxed) {
        // Its media would fill the jitterbuffers. When the pipeline plays again there is another
        // session.
        for waiting in session.waiting_pads.drain(..) {
            refuse(&waiting.pad, waiting.block);
        }
        return Exposed::default();
    }
    if !session.media_is_placed(now) {
        return Exposed::default();
    }
    let mut media = session
        .waiting_pads
        .iter()
        .map(|w| Medium::of(session, &w.pad));
    let contradicts = |m: Medium| kept.contradicts(&m.pad_name(session, m.nth), m.codec);
    if media.any(|medium| medium.is_ok_and(contradicts)) {
        kept.end(now, Some(&session.stream));
    }
    let drains = draining
        .iter()
        .chain(kept.draining())
        .any(|s| *s == session.stream);
    let (wait, ready): (Vec<_>, Vec<_>) = std::mem::take(&mut session.waiting_pads)
        .into_iter()
        .partition(|pad| drains && now < pad.deadline);
    session.waiting_pads = wait;
    let mut exposed = Exposed::default();
    for waiting in ready {
        let broken = &mut exposed.broken;
        match expose_pad(
            element,
            session,
            config,
            (kept, broken),
            reports,
            &waiting.pad,
        ) {
            Ok(()) => {
                exposed.pads += 1;
                waiting.pad.remove_probe(waiting.block);
            }
            Err(reason) => {
                refuse(&waiting.pad, waiting.block);
                exposed.refused.push(reason);
            }
        }
    }
    exposed
}

/// Lets a pad of webrtcbin run into nothing: one that is not linked would end the connection.
pub(crate) fn refuse(pad: &gst::Pad, block: gst::PadProbeId) {
    pad.add_probe(
        gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
        |_, _| gst::PadProbeReturn::Handled,
    );
    pad.remove_probe(block);
}

fn expose_pad(
    element: &VdoRoomSrc,
    session: &mut Session,
    config: &Config,
    (kept, broken): (&mut KeptPads, &mut Vec<Track>),
    reports: &Reports,
    pad: &gst::Pad,
) -> Result<(), String> {
    if session.tracks.len() >= MAX_TRACKS {
        return Err(format!(
            "more than {MAX_TRACKS} tracks of it are not received"
        ));
    }
    if let Some(group_id) = kept.group_of(&session.stream) {
        session.group_id = group_id;
    }
    let medium = Medium::of(session, pad)?;
    if let Some(track) = kept.take(&medium.pad_name(session, medium.nth)) {
        let person = Person::of(session, &config.room);
        return go_on(element, session, (track, broken), (&medium, person), pad);
    }
    let Medium {
        codec,
        promise,
        kind,
        nth,
    } = medium;
    let index = free_index(element, kind, &session.stream, nth);
    let id = TrackId {
        session: session.id,
        index: session.tracks.len(),
    };
    let plan = Plan {
        kind,
        codec,
        template: element
            .pad_template(kind.template())
            .ok_or("the element lacks a pad template")?,
        pad_name: pad_name(kind, &session.stream.0, index),
        origin: origin(session, pad),
        exit: Exit::new(
            id,
            kind,
            codec.forms(),
            introduction(session, &config.room, promise, kind, codec, nth),
            reports.commands.clone(),
            config.paused.clone(),
            Instant::now(),
        )
        .waiting_after_loss(config.keyframes.waits),
        keyframes: KeyframePolicy::new(config.keyframes.interval),
        prefix: chain_prefix(session, kind),
    };
    session.timeline.place_packets(pad);
    let track = Track::build(element.upcast_ref(), pad, plan)
        .map_err(|error| format!("its {} cannot be unpacked: {error}", codec.encoding_name))?;
    let ghost = track.pad.clone();
    session.tracks.push(track);
    gst::info!(
        CAT,
        obj = element,
        "{} is {}",
        ghost.name(),
        codec.encoding_name
    );
    element
        .add_pad(&ghost)
        .map_err(|error| format!("its pad cannot be added: {error}"))
}

fn origin(session: &Session, pad: &gst::Pad) -> Origin {
    Origin {
        stream_id: session.stream.0.clone(),
        session: session.number,
        label: session.label.clone(),
        msid: pad.property::<Option<String>>("msid"),
    }
}

/// Begins the names of the elements of a session's next track.
fn chain_prefix(session: &Session, kind: Kind) -> String {
    let (begin, number) = (element_prefix(session.id), session.tracks.len());
    format!("{begin}{}{number}-", kind.as_str())
}

/// Lets a pad that has waited for the stream go on with what `pad` of webrtcbin carries.
fn go_on(
    element: &VdoRoomSrc,
    session: &mut Session,
    (mut track, broken): (Track, &mut Vec<Track>),
    (medium, person): (&Medium, Person),
    pad: &gst::Pad,
) -> Result<(), String> {
    let prefix = chain_prefix(session, medium.kind);
    session.timeline.place_packets(pad);
    gst::info!(CAT, obj = element, "{} continues", track.pad.name());
    let whose = (session.id, person);
    match track.rebuild(element.upcast_ref(), whose, pad, &prefix) {
        Ok(()) => {
            track.pad.set_origin(origin(session, pad));
            session.tracks.push(track);
            Ok(())
        }
        Err(error) => {
            broken.push(track);
            let name = medium.codec.encoding_name;
            Err(format!("its {name} cannot be unpacked: {error}"))
        }
    }
}

/// What a pad of webrtcbin carries.
struct Medium {
    codec: &'static Codec,
    /// The m-line that it belongs to.
    promise: Option<usize>,
    kind: Kind,
    /// How many of its kind come before it.
    nth: usize,
}

impl Medium {
    fn of(session: &Session, pad: &gst::Pad) -> Result<Self, String> {
        let codec = codec_of(pad)?;
        let promise = promise_of(session, pad, codec);
        let (kind, position) = match promise {
            Some(position) => (session.promised[position].kind, position),
            None if codec.video => (Kind::Video, session.promised.len()),
            None => (Kind::Audio, session.promised.len()),
        };
        let of_kind = session.promised.iter().take(position);
        Ok(Self {
            codec,
            promise,
            kind,
            nth: of_kind.filter(|track| track.kind == kind).count(),
        })
    }

    fn pad_name(&self, session: &Session, index: usize) -> String {
        pad_name(self.kind, &session.stream.0, index)
    }
}

/// What webrtcbin says that the pad carries, from its sticky caps.
fn codec_of(pad: &gst::Pad) -> Result<&'static Codec, String> {
    let caps = pad.current_caps();
    let caps = caps.as_ref().and_then(|caps| caps.structure(0));
    let name = caps.and_then(|s| s.get::<String>("encoding-name").ok());
    let name = name
        .or_else(|| {
            let payload = caps?.get::<i32>("payload").ok()?;
            Codec::static_name(payload.try_into().ok()?).map(str::to_owned)
        })
        .ok_or("it sends media of no known kind")?;
    Codec::by_name(&name).ok_or(format!("it sends {name}, which cannot be received"))
}

/// Which m-line the pad belongs to: neither its name nor the order of arrival tells. Media without
/// any mark of its m-line is given to the first one by webrtcbin, whatever it is.
fn promise_of(session: &Session, pad: &gst::Pad, codec: &Codec) -> Option<usize> {
    let transceiver = pad.property::<Option<WebRTCRTPTransceiver>>("transceiver")?;
    let mid = transceiver.mid()?;
    let fits = |track: &offer::Track| track.mid == mid && track.kind.is_video() == codec.video;
    session.promised.iter().position(fits)
}

/// `nth`, or the next number after it that no pad has: a session may share its stream's ID with
/// another one (protocol 3.6).
fn free_index(element: &VdoRoomSrc, kind: Kind, stream: &StreamId, nth: usize) -> usize {
    let taken = |index: &usize| {
        element
            .static_pad(&pad_name(kind, &stream.0, *index))
            .is_some()
    };
    let mut index = nth;
    while taken(&index) {
        index += 1;
    }
    index
}
