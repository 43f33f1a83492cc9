// SPDX-License-Identifier: MPL-2.0
//! One cluster, element by element.

use std::io::{self, Read, Seek};

use vdoroom_matroska::ebml::Header;
use vdoroom_matroska::ids;
use vdoroom_matroska::index::Cue;

use super::block::{Block, HEAD};
use super::layout::{Cluster, Element, SizeField, children, number};
use super::tracks::{Kind, Track};
use crate::repair::window::Window;

/// Where it goes on behind a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    At(u64),
    /// An element begins here, of which the file has only a part.
    Unfinished(u64),
    /// No element is here. The cluster says where it ends, if that is in the file.
    Damaged {
        at: u64,
        end: Option<u64>,
    },
}

/// What is known of a cluster, and of the clusters before it.
pub(crate) struct Reader<'a, R> {
    pub window: &'a mut Window<R>,
    pub tracks: &'a mut [Track],
    /// Where the segment's payload begins.
    pub segment: u64,
    /// Nanoseconds of a timestamp's unit.
    pub scale: i64,
    /// Whether the cluster before has video; `None` of the first.
    pub had_video: Option<bool>,
}

/// The cluster that is being read.
struct Current {
    at: u64,
    time: Option<u64>,
    has_block: bool,
    has_video: bool,
    cue: Option<Cue>,
}

/// Elements that are in a segment, and not in a cluster.
pub(crate) fn is_of_segment(id: u32) -> bool {
    matches!(
        id,
        ids::SEEK_HEAD
            | ids::INFO
            | ids::TRACKS
            | ids::CLUSTER
            | ids::CUES
            | ids::ATTACHMENTS
            | ids::CHAPTERS
            | ids::TAGS
    )
}

fn is_of_cluster(id: u32) -> bool {
    matches!(
        id,
        ids::TIMESTAMP
            | ids::SIMPLE_BLOCK
            | ids::BLOCK_GROUP
            | ids::POSITION
            | ids::PREV_SIZE
            | ids::SILENT_TRACKS
            | ids::ENCRYPTED_BLOCK
            | ids::VOID
            | ids::CRC_32
    )
}

impl<R: Read + Seek> Reader<'_, R> {
    /// `None` if there is not even its timestamp.
    pub(crate) fn read(&mut self, at: u64, header: &Header) -> io::Result<(Option<Cluster>, Next)> {
        let size = SizeField::of(at, header);
        let len = self.window.len();
        let limit = size.says.and_then(|says| size.body().checked_add(says));
        // One that says more than there is was cut.
        let limit = limit.filter(|end| *end <= len);
        let mut cluster = Current {
            at,
            time: None,
            has_block: false,
            has_video: false,
            cue: None,
        };
        let mut end = size.body();
        let next = loop {
            if Some(end) == limit || end >= len {
                break Next::At(end);
            }
            let damaged = Next::Damaged {
                at: end,
                end: limit,
            };
            let Some(header) = Header::read(self.window.peek(end, Header::MAX)?) else {
                break match len - end < Header::MAX as u64 {
                    true => Next::Unfinished(end),
                    false => damaged,
                };
            };
            // Also of one that says that it is larger: a part of its size may have been written.
            if is_of_segment(header.id) {
                break Next::At(end);
            }
            let body = end + header.len as u64;
            let until = header.size.and_then(|size| body.checked_add(size));
            let Some(until) = until.filter(|_| is_of_cluster(header.id)) else {
                break damaged;
            };
            if limit.is_some_and(|limit| until > limit) {
                break damaged;
            }
            if until > len {
                break Next::Unfinished(end);
            }
            let element = Element {
                id: header.id,
                at: end,
                body,
                end: until,
            };
            if !self.element(&element, &mut cluster)? {
                break damaged;
            }
            end = until;
        };
        if cluster.time.is_none() {
            let next = match next {
                Next::Damaged { .. } => next,
                _ => Next::Unfinished(at),
            };
            return Ok((None, next));
        }
        self.had_video = Some(cluster.has_video);
        let read = Cluster {
            at,
            size,
            end,
            is_damaged: matches!(next, Next::Damaged { .. }),
            cue: cluster.cue,
        };
        Ok((Some(read), next))
    }

    /// Whether it can stand here.
    fn element(&mut self, element: &Element, cluster: &mut Current) -> io::Result<bool> {
        let head = |window: &mut Window<R>, element: &Element| -> io::Result<Option<Block>> {
            let size = usize::try_from(element.end - element.body).unwrap_or(HEAD);
            window.peek(element.body, size.min(HEAD)).map(Block::read)
        };
        match element.id {
            ids::TIMESTAMP if cluster.time.is_none() => {
                cluster.time = Some(number(self.window, element)?);
            }
            ids::SIMPLE_BLOCK => {
                let Some(block) = head(self.window, element)? else {
                    return Ok(false);
                };
                let is_keyframe = block.is_keyframe;
                return Ok(self.block(&block, is_keyframe, None, cluster));
            }
            ids::BLOCK_GROUP => {
                let Some(fields) = children(self.window, element.body..element.end)? else {
                    return Ok(false);
                };
                let field = |id| fields.iter().find(|field| field.id == id);
                let Some(block) = field(ids::BLOCK) else {
                    return Ok(true);
                };
                let Some(block) = head(self.window, block)? else {
                    return Ok(false);
                };
                let is_keyframe = field(ids::REFERENCE_BLOCK).is_none();
                let mut duration = match field(ids::BLOCK_DURATION) {
                    Some(field) => i64::try_from(number(self.window, field)?).ok(),
                    None => None,
                };
                duration = duration.map(|units| units.saturating_mul(self.scale));
                if let Some(padding) = field(ids::DISCARD_PADDING) {
                    // Signed, and of eight bytes where it is ours.
                    let padding = number(self.window, padding)? as i64;
                    let whole = duration.or(block.opus);
                    duration = whole.map(|whole| whole.saturating_sub(padding.max(0)));
                }
                return Ok(self.block(&block, is_keyframe, duration, cluster));
            }
            _ => {}
        }
        Ok(true)
    }

    /// Whether there is a timestamp that it can refer to.
    fn block(
        &mut self,
        block: &Block,
        is_keyframe: bool,
        duration: Option<i64>,
        cluster: &mut Current,
    ) -> bool {
        let Some(start) = cluster.time.and_then(|time| i64::try_from(time).ok()) else {
            return false;
        };
        let is_first = !std::mem::replace(&mut cluster.has_block, true);
        let has_video = self.tracks.iter().any(|track| track.kind == Kind::Video);
        let found = self.tracks.iter_mut().find(|t| t.number == block.track);
        let Some(track) = found else {
            return true;
        };
        let time = start.saturating_add(block.time).max(0);
        let opus = block.opus.filter(|_| track.is_opus());
        track.note(
            time.saturating_mul(self.scale),
            duration.or(opus),
            is_keyframe,
        );
        let is_video = track.kind == Kind::Video;
        cluster.has_video |= is_video;
        // As the recorder does it: while the video is silent the audio is what can be found.
        let is_silent = !has_video || self.had_video == Some(false);
        if cluster.cue.is_none() && is_keyframe && (is_video || (is_first && is_silent)) {
            cluster.cue = Some(Cue {
                time: time.unsigned_abs(),
                track: block.track,
                cluster: cluster.at - self.segment,
            });
        }
        true
    }
}
