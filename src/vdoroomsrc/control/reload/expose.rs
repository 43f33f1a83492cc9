// SPDX-License-Identifier: MPL-2.0
//! From a pad of the connection to a pad of the element.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::introduce::{introduction, person};
use super::kept::KeptPads;
use crate::protocol::StreamId;
use crate::vdoroomsrc::connection::{Promised, Refusal, Session, WaitingPad, element_prefix};
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::media::{
    Codec, Exit, KeyframePolicy, KeyframeWish, Kind, Origin, Placing, Plan, Track, pad_name,
};
use crate::vdoroomsrc::reports::{Reports, TrackId};

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
    /// What the newest pad was announced with.
    pub collection: Option<gst::StreamCollection>,
    /// Why pads were not exposed; the others of the session go on.
    pub refused: Vec<String>,
    /// Whose pads cannot go on.
    pub broken: Vec<Track>,
}

/// What is the same for all pads.
pub(crate) struct Surroundings<'a> {
    pub element: &'a gst::Bin,
    pub room: &'a str,
    pub keyframes: KeyframeWish,
    /// Media that comes while this is set is dropped.
    pub paused: &'a Arc<AtomicBool>,
    pub reports: &'a Reports,
}

/// Whether reports have told where all media belongs that is there or promised.
fn is_placed(session: &Session, now: Instant) -> bool {
    let since = session.waiting_pads.iter().map(|pad| pad.since).min();
    let waited = since.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
    let promised = session.promised.iter().filter(|track| track.codec.is_ok());
    let there = session.waiting_pads.len() + session.tracks.len() + session.unselected.len();
    let all_there = there >= promised.count();
    let is_known = |pad: &WaitingPad| session.timeline.knows(&pad.pad);
    let is_under_way = |pad: &WaitingPad| session.timeline.is_under_way(&pad.pad);
    let has_reordered = |pad: &WaitingPad| session.timeline.has_reordered(&pad.pad);
    let all_there = all_there && session.waiting_pads.iter().all(is_under_way);
    let patience = match (all_there, session.waiting_pads.iter().all(is_known)) {
        (true, true) => Duration::ZERO,
        (false, true) => COMPANY_TIMEOUT,
        (_, false) if session.waiting_pads.iter().any(has_reordered) => REORDERED_TIMEOUT,
        (_, false) => REPORT_TIMEOUT,
    };
    waited >= patience
}

/// Exposes the session's waiting pads, unless those of the stream's session before still drain.
pub(crate) fn expose(
    around: &Surroundings<'_>,
    session: &mut Session,
    draining: &[StreamId],
    kept: &mut KeptPads,
    now: Instant,
) -> Exposed {
    if session.waiting_pads.is_empty() || session.is_ending() {
        return Exposed::default();
    }
    if around.paused.load(Relaxed) {
        // Its media would fill the jitterbuffers. When the pipeline plays again there is another
        // session.
        for waiting in session.waiting_pads.drain(..) {
            waiting.refuse();
        }
        return Exposed::default();
    }
    refuse_others(session);
    if session.waiting_pads.is_empty() || !is_placed(session, now) {
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
        match expose_pad(around, session, (kept, broken), &waiting) {
            Ok(collection) => {
                exposed.pads += 1;
                exposed.collection = collection.or(exposed.collection);
                waiting.release();
            }
            Err(reason) => {
                waiting.refuse();
                exposed.refused.push(reason);
            }
        }
    }
    exposed
}

/// Media that was refused, from who sends it nevertheless; and retransmissions: webrtcbin (1.26) adds a pad
/// for those that come before what they repeat, as Firefox's do when it probes.
fn refuse_others(session: &mut Session) {
    let waiting = std::mem::take(&mut session.waiting_pads);
    let is_other = |waiting: &WaitingPad| {
        let is_repeat = encoding_name(&waiting.pad).as_deref() == Some("RTX");
        is_repeat || is_refused(session, &waiting.pad)
    };
    let (others, media): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_other);
    session.waiting_pads = media;
    others.into_iter().for_each(WaitingPad::refuse);
}

fn is_refused(session: &Session, pad: &gst::Pad) -> bool {
    let mid = session.link.mid(pad);
    let promised = session.promised.iter();
    let mut own = promised.filter(|track| mid.as_ref() == Some(&track.mid));
    own.any(|track| {
        // What is not sent any more may still be on its way.
        matches!(track.codec, Err(Refusal::NotWanted | Refusal::NoCodec(_)))
    })
}

/// Returns the streams with which a new pad is announced.
fn expose_pad(
    around: &Surroundings<'_>,
    session: &mut Session,
    (kept, broken): (&mut KeptPads, &mut Vec<Track>),
    waiting: &WaitingPad,
) -> Result<Option<gst::StreamCollection>, String> {
    let pad = &waiting.pad;
    if session.tracks.len() >= MAX_TRACKS {
        return Err(format!(
            "more than {MAX_TRACKS} tracks of it are not received"
        ));
    }
    if let Some(announced) = kept.announced(&session.stream)
        && announced.group_id != session.announced.group_id
    {
        session.announced = announced.clone();
    }
    let medium = Medium::of(session, pad)?;
    let placing = Placing::of(&session.timeline, pad);
    if let Some(track) = kept.take(&medium.pad_name(session, medium.nth)) {
        go_on(around, session, (track, broken), &medium, (pad, placing))?;
        return Ok(None);
    }
    let Medium {
        codec,
        promise,
        kind,
        nth,
    } = medium;
    let element = around.element;
    let index = free_index(element, kind, &session.stream, nth);
    let id = TrackId {
        session: session.id,
        index: session.tracks_begun,
    };
    let introduction = introduction(session, around.room, promise, kind, codec, nth);
    let collection = introduction.collection.clone();
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
            introduction,
            around.reports.commands.clone(),
            around.paused.clone(),
            Instant::now(),
        )
        .waiting_after_loss(around.keyframes.waits),
        placing,
        keyframes: KeyframePolicy::new(around.keyframes.interval),
        prefix: chain_prefix(session, kind),
    };
    session.tracks_begun += 1;
    let track = Track::build(element, pad, plan)
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
        .map_err(|error| format!("its pad cannot be added: {error}"))?;
    prepare(session)?;
    Ok(Some(collection))
}

fn origin(session: &Session, pad: &gst::Pad) -> Origin {
    let caps = pad.current_caps();
    let rtp = caps.as_ref().and_then(|caps| caps.structure(0));
    Origin {
        stream_id: session.stream.0.clone(),
        session: session.number,
        label: session.label.clone(),
        msid: session.link.msid(pad),
        mid: session.link.mid(pad),
        ssrc: rtp.and_then(|rtp| rtp.get("ssrc").ok()),
    }
}

/// Begins the names of the elements of a session's next track.
fn chain_prefix(session: &Session, kind: Kind) -> String {
    let (begin, number) = (element_prefix(session.id), session.tracks_begun);
    format!("{begin}{}{number}-", kind.as_str())
}

/// Lets a pad that has waited for the stream go on with what `pad` of the connection carries.
fn go_on(
    around: &Surroundings<'_>,
    session: &mut Session,
    (mut track, broken): (Track, &mut Vec<Track>),
    medium: &Medium,
    (pad, placing): (&gst::Pad, Option<Placing>),
) -> Result<(), String> {
    let prefix = chain_prefix(session, medium.kind);
    session.tracks_begun += 1;
    let element = around.element;
    gst::info!(CAT, obj = element, "{} continues", track.pad.name());
    let whose = (session.id, person(session, around.room));
    match track.rebuild(element, whose, (pad, placing), &prefix) {
        Ok(()) => {
            track.pad.set_origin(origin(session, pad));
            session.tracks.push(track);
            prepare(session)
        }
        Err(error) => {
            broken.push(track);
            let name = medium.codec.encoding_name;
            Err(format!("its {name} cannot be unpacked: {error}"))
        }
    }
}

/// Puts a queue behind the newest pad if its consumer may wait.
fn prepare(session: &Session) -> Result<(), String> {
    let prepared = session.tracks.last().map(Track::prepare);
    let prepared = prepared.unwrap_or(Ok(()));
    prepared.map_err(|error| format!("its pad has no queue: {error}"))
}

/// What a pad of the connection carries.
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

/// What the pad carries, from its sticky caps.
fn encoding_name(pad: &gst::Pad) -> Option<String> {
    let caps = pad.current_caps()?;
    let caps = caps.structure(0)?;
    let name = caps.get::<String>("encoding-name").ok();
    name.or_else(|| {
        let payload = caps.get::<i32>("payload").ok()?;
        Codec::static_name(payload.try_into().ok()?).map(str::to_owned)
    })
}

fn codec_of(pad: &gst::Pad) -> Result<&'static Codec, String> {
    let name = encoding_name(pad).ok_or("it sends media of no known kind")?;
    Codec::by_name(&name).ok_or(format!("it sends {name}, which cannot be received"))
}

/// Which m-line the pad belongs to: neither its name nor the order of arrival tells. Media without
/// any mark of its m-line is given to the first one by webrtcbin, whatever it is.
fn promise_of(session: &Session, pad: &gst::Pad, codec: &Codec) -> Option<usize> {
    let mid = session.link.mid(pad)?;
    let fits = |track: &Promised| track.mid == mid && track.kind.is_video() == codec.video;
    session.promised.iter().position(fits)
}

/// `nth`, or the next number after it that no pad has: a session may share its stream's ID with
/// another one (protocol 3.6).
fn free_index(element: &gst::Bin, kind: Kind, stream: &StreamId, nth: usize) -> usize {
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
