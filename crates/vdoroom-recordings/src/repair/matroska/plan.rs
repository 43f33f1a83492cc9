// SPDX-License-Identifier: MPL-2.0
//! What a file lacks, and the steps that give it to it.

use vdoroom_matroska::ebml::Elements;
use vdoroom_matroska::ids;
use vdoroom_matroska::index;

use super::layout::{Element, Layout, SizeField};
use super::tracks::Kind;
use crate::repair::report::{Error, Report, Track};
use crate::repair::steps::Step;

/// Where a file has no space for what is missing, whoever writes it anew makes some.
const NO_SPACE: &str = "was not written by roomfilesink, and has no space for what is missing; write it anew, for \
     example with mkvmerge -o NEW.mkv FILE";
/// What is written there is made in memory. Programs reserve some hundred bytes.
const MOST_ROOM: u64 = 1 << 20;
const TOO_MUCH_SPACE: &str =
    "reserves more than 1 MiB for its index or duration: no program does that, so it is damaged";

pub(crate) fn plan(layout: Layout) -> Result<(Report, Vec<Step>), Error> {
    let mut report = describe(&layout);
    if report.frames() == 0 {
        let text = "no frame is in it: nothing was recorded";
        report.find(true, "nothing-recorded", text.into());
        return Ok((report, Vec::new()));
    }
    let mut plan = Plan::new(&layout);
    plan.sizes_of_clusters();
    plan.index()?;
    plan.duration(&report)?;
    plan.size_of_segment();
    if plan.is_cut() && plan.keeps_cues {
        report.find_cut(layout.len - layout.end);
    }
    report.repaired = plan.repaired();
    Ok((report, plan.steps()))
}

fn describe(layout: &Layout) -> Report {
    let ends = layout.tracks.iter().filter_map(|track| track.end());
    let tracks = layout.tracks.iter().map(|track| Track {
        kind: track.kind.name(),
        codec: track.codec.clone(),
        frames: track.frames,
        keyframes: track.keyframes,
    });
    let mut report = Report {
        container: "matroska",
        duration: ends.max(),
        tracks: tracks.collect(),
        ..Report::default()
    };
    for hole in &layout.holes {
        let bytes = hole.end - hole.start;
        let at = hole.start;
        let text =
            format!("{bytes} bytes from byte {at} on cannot be read: what they held is missing");
        report.find(true, "hole", text);
    }
    for track in &layout.tracks {
        if track.kind == Kind::Video && track.frames > 0 && track.keyframes == 0 {
            let (number, codec) = (track.number, &track.codec);
            let text = format!(
                "the video (track {number}, {codec}) has no keyframe: it cannot be decoded"
            );
            report.find(true, "no-keyframe", text);
        }
    }
    report
}

struct Plan<'a> {
    layout: &'a Layout,
    /// Where the file ends before something is appended.
    end: u64,
    /// Whether what is left out is no index that is written anew.
    keeps_cues: bool,
    cues: Vec<u8>,
    sizes: Vec<(u64, Vec<u8>)>,
    seek_head: Option<(u64, Vec<u8>)>,
    duration: Option<(u64, Vec<u8>)>,
    segment: Option<(u64, Vec<u8>)>,
}

impl<'a> Plan<'a> {
    fn new(layout: &'a Layout) -> Self {
        Self {
            layout,
            end: layout.end,
            keeps_cues: true,
            cues: Vec::new(),
            sizes: Vec::new(),
            seek_head: None,
            duration: None,
            segment: None,
        }
    }

    fn is_cut(&self) -> bool {
        self.end < self.layout.len
    }

    /// What a recorder fills in when the next cluster begins.
    fn sizes_of_clusters(&mut self) {
        for cluster in &self.layout.clusters {
            // Players look for the next one behind a damaged one.
            if !cluster.is_damaged {
                self.sizes.extend(filled_in(&cluster.size, cluster.end));
            }
        }
    }

    fn index(&mut self) -> Result<(), Error> {
        let layout = self.layout;
        let base = layout.segment.body();
        let cues: Vec<_> = layout.clusters.iter().filter_map(|c| c.cue).collect();
        let old = layout.element(ids::CUES);
        let mut cues_at = old.map(|old| old.at);
        if !layout.has_cues {
            if let Some(old) = old.filter(|old| old.end == layout.end) {
                // It is the last in the file, leads to nowhere, and is no media.
                self.end = old.at;
                self.keeps_cues = false;
            }
            self.cues = index::cues(&cues);
            cues_at = (!self.cues.is_empty()).then_some(self.end);
        }
        if layout.leads_to_cues && self.cues.is_empty() && self.keeps_cues {
            return Ok(());
        }
        let mut targets = Vec::new();
        for id in [
            ids::INFO,
            ids::TRACKS,
            ids::TAGS,
            ids::CUES,
            ids::CHAPTERS,
            ids::ATTACHMENTS,
        ] {
            let at = match id {
                ids::CUES => cues_at,
                id => layout.element(id).map(|element| element.at),
            };
            targets.extend(at.map(|at| (id, at - base)));
        }
        let room = layout.seek_head_room();
        if room.end - room.start > MOST_ROOM {
            return Error::refuse(TOO_MUCH_SPACE);
        }
        let size = usize::try_from(room.end - room.start).unwrap_or(0);
        match index::seek_head(&targets, size) {
            Some(head) => self.seek_head = Some((room.start, head)),
            // Without cues it has nothing to say that players do not find.
            None if cues_at.is_none() => {}
            None => return Error::refuse(NO_SPACE),
        }
        Ok(())
    }

    fn duration(&mut self, report: &Report) -> Result<(), Error> {
        let info = &self.layout.info;
        let says = info.duration.as_ref().map(|duration| duration.says);
        let is_said = says.is_some_and(|says| says.is_finite() && says > 0.0);
        if is_said && self.is_closed() {
            return Ok(());
        }
        let Some(duration) = report.duration.filter(|ns| *ns > 0) else {
            return Ok(());
        };
        let units = duration as f64 / info.scale as f64;
        let place = info.duration.as_ref().map(|duration| &duration.element);
        let Some(place) = place.or(info.room.as_ref()) else {
            return Error::refuse(NO_SPACE);
        };
        if place.end - place.at > MOST_ROOM {
            return Error::refuse(TOO_MUCH_SPACE);
        }
        self.duration = Some(match (place.id, place.end - place.body) {
            (ids::DURATION, 4) => (place.body, (units as f32).to_be_bytes().to_vec()),
            (ids::DURATION, _) => (place.body, units.to_be_bytes().to_vec()),
            _ => (place.at, in_room(units, place)),
        });
        Ok(())
    }

    /// Whether the file was closed and nothing of it is gone since.
    fn is_closed(&self) -> bool {
        let segment = &self.layout.segment;
        let size = self.layout.len - segment.body();
        segment.says == Some(size) && self.sizes.is_empty() && !self.is_cut()
    }

    fn size_of_segment(&mut self) {
        let end = self.end + self.cues.len() as u64;
        self.segment = filled_in(&self.layout.segment, end);
    }

    fn repaired(&self) -> Vec<&'static str> {
        let mut repaired = Vec::new();
        let mut note = |is_done: bool, what| repaired.extend(is_done.then_some(what));
        note(self.duration.is_some(), "duration");
        note(!self.cues.is_empty() || self.seek_head.is_some(), "index");
        note(!self.sizes.is_empty() || self.segment.is_some(), "sizes");
        note(self.is_cut() && self.keeps_cues, "end");
        repaired
    }

    /// What leads to the index comes when the index is on the disk, and what says that the file is
    /// complete comes last. After each step, and in the middle of one, each frame can be found as
    /// before.
    fn steps(self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.is_cut() {
            steps.push(Step::Cut(self.end));
        }
        if !self.cues.is_empty() {
            steps.push(Step::Write(self.end, self.cues));
        }
        if !steps.is_empty() {
            steps.push(Step::Sync);
        }
        let parts = self.sizes.into_iter().chain(self.duration);
        let parts = parts.chain(self.seek_head).chain(self.segment);
        let before = steps.len();
        steps.extend(parts.map(|(at, data)| Step::Write(at, data)));
        if steps.len() > before {
            steps.push(Step::Sync);
        }
        steps
    }
}

/// A duration, and a Void behind it as far as the room goes.
fn in_room(units: f64, room: &Element) -> Vec<u8> {
    let mut elements = Elements(index::duration(units));
    let room = usize::try_from(room.end - room.at).unwrap_or(0);
    match room.saturating_sub(elements.0.len()) {
        0 | 1 => {}
        rest @ 2..=128 => {
            elements.short_void(rest);
        }
        rest => {
            elements.void(rest);
        }
    }
    elements.0
}

/// The field with the size of an element that ends there, if it says something else and can say this.
fn filled_in(field: &SizeField, end: u64) -> Option<(u64, Vec<u8>)> {
    let size = end.checked_sub(field.body())?;
    let bits = 7 * field.len as u32;
    // All ones are no size.
    let can_say = size < (1_u64 << bits) - 1;
    if field.says == Some(size) || !can_say {
        return None;
    }
    let marked = size | 1 << bits;
    let bytes = marked.to_be_bytes();
    let bytes = bytes.get(bytes.len().checked_sub(field.len)?..)?;
    Some((field.at, bytes.to_vec()))
}
