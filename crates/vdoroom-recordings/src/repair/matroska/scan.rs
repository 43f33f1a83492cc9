// SPDX-License-Identifier: MPL-2.0
//! Goes through the elements of a file, past what is none.

use std::collections::HashSet;
use std::io::{self, Read, Seek};

use vdoroom_matroska::ebml::Header;
use vdoroom_matroska::ids;

use super::cluster::{Next, Reader, is_of_segment};
use super::header;
use super::layout::{Cluster, Element, Info, Layout, SizeField, children, number};
use super::tracks::Track;
use crate::repair::report::Error;
use crate::repair::window::Window;

/// Read at once where it is looked for where it goes on.
const SEARCH: usize = 64 << 10;
/// No frame is larger. What says that it is, is damaged, and not cut.
const MAX_FRAME: u64 = 64 << 20;

struct Scanner<R> {
    window: Window<R>,
    segment: SizeField,
    info: Option<Info>,
    tracks: Option<Vec<Track>>,
    elements: Vec<Element>,
    clusters: Vec<Cluster>,
    holes: Vec<std::ops::Range<u64>>,
    had_video: Option<bool>,
}

/// Fails if a file cannot be read, or does not say what is in it.
pub(crate) fn scan<R: Read + Seek>(source: R) -> Result<Layout, Error> {
    let mut window = Window::new(source)?;
    let segment = header::segment(&mut window)?;
    let mut scanner = Scanner {
        window,
        segment,
        info: None,
        tracks: None,
        elements: Vec::new(),
        clusters: Vec::new(),
        holes: Vec::new(),
        had_video: None,
    };
    let end = scanner.segment()?;
    scanner.layout(end)
}

impl<R: Read + Seek> Scanner<R> {
    /// Returns where the last whole element ends.
    fn segment(&mut self) -> Result<u64, Error> {
        let mut at = self.segment.body();
        let len = self.window.len();
        loop {
            if at >= len {
                return Ok(len);
            }
            let next = match Header::read(self.window.peek(at, Header::MAX)?) {
                Some(header) if header.id == ids::CLUSTER => self.cluster(at, &header)?,
                Some(header) => self.element(at, &header)?,
                None => self.no_element(at)?,
            };
            at = match next {
                Next::At(next) => next,
                Next::Damaged { at, end } => self.pass(at, end)?,
                Next::Unfinished(at) => match self.find_next(at + 1)? {
                    None => return Ok(at),
                    Some(next) => {
                        self.mark_damaged(at);
                        self.holes.push(at..next);
                        next
                    }
                },
            };
        }
    }

    fn cluster(&mut self, at: u64, header: &Header) -> Result<Next, Error> {
        let (Some(info), Some(tracks)) = (&self.info, &mut self.tracks) else {
            return Error::refuse(
                "does not say before its first frame what is in it: its beginning is damaged",
            );
        };
        let mut reader = Reader {
            window: &mut self.window,
            tracks,
            segment: self.segment.body(),
            scale: info.scale,
            had_video: self.had_video,
        };
        let (cluster, next) = reader.read(at, header)?;
        self.had_video = reader.had_video;
        self.clusters.extend(cluster);
        Ok(match next {
            // That it is cut is not believed of what says that it is huge.
            Next::Unfinished(at) if self.claims(at)? > MAX_FRAME => {
                self.mark_damaged(at);
                Next::Damaged { at, end: None }
            }
            next => next,
        })
    }

    /// The cluster that ends here is not known to end here.
    fn mark_damaged(&mut self, at: u64) {
        if let Some(cluster) = self.clusters.last_mut().filter(|c| c.end == at) {
            cluster.is_damaged = true;
        }
    }

    /// Bytes of the element that begins here, by its own account.
    fn claims(&mut self, at: u64) -> io::Result<u64> {
        let header = Header::read(self.window.peek(at, Header::MAX)?);
        Ok(header.and_then(|header| header.size).unwrap_or(0))
    }

    fn element(&mut self, at: u64, header: &Header) -> Result<Next, Error> {
        if matches!(header.id, ids::SEGMENT | ids::EBML) {
            return Error::refuse("has several segments: none of ours has");
        }
        let is_known = is_of_segment(header.id) || matches!(header.id, ids::VOID | ids::CRC_32);
        let body = at + header.len as u64;
        let end = header.size.and_then(|size| body.checked_add(size));
        let Some(end) = end.filter(|_| is_known) else {
            return Ok(Next::Damaged { at, end: None });
        };
        if end > self.window.len() {
            return Ok(Next::Unfinished(at));
        }
        let element = Element {
            id: header.id,
            at,
            body,
            end,
        };
        match element.id {
            ids::INFO if self.info.is_none() => {
                self.info = header::info(&mut self.window, &element)?;
            }
            ids::TRACKS if self.tracks.is_none() => {
                self.tracks = header::tracks(&mut self.window, &element)?;
            }
            _ => {}
        }
        self.elements.push(element);
        Ok(Next::At(end))
    }

    fn no_element(&mut self, at: u64) -> io::Result<Next> {
        if self.window.len() - at < Header::MAX as u64 {
            return Ok(Next::Unfinished(at));
        }
        if self.clusters.is_empty()
            && let Some(end) = self.end_of_zeros(at)?
        {
            // The space of a SeekHead, of which a part was written before.
            let id = ids::VOID;
            self.elements.push(Element {
                id,
                at,
                body: at,
                end,
            });
            return Ok(Next::At(end));
        }
        Ok(Next::Damaged { at, end: None })
    }

    /// Where it goes on behind what is no element.
    fn pass(&mut self, at: u64, end: Option<u64>) -> Result<u64, Error> {
        let len = self.window.len();
        if let Some(end) = end
            && (end == len || self.is_element_of_segment(end)?)
        {
            self.holes.push(at..end);
            return Ok(end);
        }
        let found = self.find_next(at + 1)?;
        self.holes.push(at..found.unwrap_or(len));
        Ok(found.unwrap_or(len))
    }

    fn is_element_of_segment(&mut self, at: u64) -> io::Result<bool> {
        let header = Header::read(self.window.peek(at, Header::MAX)?);
        Ok(header.is_some_and(|header| is_of_segment(header.id)))
    }

    /// The first byte from here that is not zero, if there is one soon.
    fn end_of_zeros(&mut self, at: u64) -> io::Result<Option<u64>> {
        let bytes = self.window.peek(at, SEARCH)?;
        let zeros = bytes.iter().position(|byte| *byte != 0);
        Ok(zeros
            .filter(|zeros| *zeros > 0)
            .map(|zeros| at + zeros as u64))
    }

    /// The next cluster, or the index of an earlier repair, that can be one.
    fn find_next(&mut self, from: u64) -> io::Result<Option<u64>> {
        let ids = [ids::CLUSTER, ids::CUES].map(u32::to_be_bytes);
        let mut at = from;
        loop {
            let bytes = self.window.peek(at, SEARCH)?;
            if bytes.len() < ids[0].len() {
                return Ok(None);
            }
            let mut windows = bytes.windows(ids[0].len());
            let found = windows.position(|window| ids.iter().any(|id| window == id));
            // The next bytes overlap: an ID may lie across them.
            let read = bytes.len() - (ids[0].len() - 1);
            let Some(offset) = found else {
                at += read as u64;
                continue;
            };
            let found = at + offset as u64;
            if self.is_cluster(found)? || self.is_index(found)? {
                return Ok(Some(found));
            }
            at = found + 1;
        }
    }

    fn is_cluster(&mut self, at: u64) -> io::Result<bool> {
        let header = Header::read(self.window.peek(at, Header::MAX)?);
        let Some(header) = header.filter(|header| header.id == ids::CLUSTER) else {
            return Ok(false);
        };
        let first = at + header.len as u64;
        let first = Header::read(self.window.peek(first, Header::MAX)?);
        Ok(first.is_some_and(|first| match first.id {
            ids::TIMESTAMP => first.size.is_some_and(|size| (1..=8).contains(&size)),
            ids::CRC_32 => first.size == Some(4),
            _ => false,
        }))
    }

    /// Whole, and with nothing but entries.
    fn is_index(&mut self, at: u64) -> io::Result<bool> {
        let header = Header::read(self.window.peek(at, Header::MAX)?);
        let Some(header) = header.filter(|header| header.id == ids::CUES) else {
            return Ok(false);
        };
        let body = at + header.len as u64;
        let end = header.size.and_then(|size| body.checked_add(size));
        let Some(end) = end.filter(|end| *end <= self.window.len()) else {
            return Ok(false);
        };
        let entries = children(&mut self.window, body..end)?;
        let is_entry = |e: &Element| e.id == ids::CUE_POINT;
        Ok(entries.is_some_and(|all| !all.is_empty() && all.iter().all(is_entry)))
    }

    fn layout(mut self, end: u64) -> Result<Layout, Error> {
        let zeros = self.cut_zeros()?;
        let has_cues = self.has_cues()?;
        let leads_to_cues = self.leads_to_cues()?;
        let (Some(info), Some(tracks)) = (self.info, self.tracks) else {
            return Error::refuse(
                "does not say what is in it: nothing was recorded, or its beginning is damaged",
            );
        };
        Ok(Layout {
            segment: self.segment,
            info,
            tracks,
            elements: self.elements,
            clusters: self.clusters,
            holes: self.holes,
            end: zeros.unwrap_or(end),
            len: self.window.len(),
            leads_to_cues,
            has_cues,
        })
    }

    /// After a loss of power there may be zeros where nothing was written. Returns where they begin.
    fn cut_zeros(&mut self) -> io::Result<Option<u64>> {
        let Some(last) = self.holes.pop_if(|hole| hole.end == self.window.len()) else {
            return Ok(None);
        };
        let mut at = last.start;
        while at < last.end {
            let bytes = self.window.peek(at, SEARCH)?;
            if bytes.is_empty() || bytes.iter().any(|byte| *byte != 0) {
                self.holes.push(last);
                return Ok(None);
            }
            at += bytes.len() as u64;
        }
        if let Some(cluster) = self.clusters.last_mut().filter(|c| c.end == last.start) {
            cluster.is_damaged = false;
        }
        Ok(Some(last.start))
    }

    fn has_cues(&mut self) -> io::Result<bool> {
        let clusters: HashSet<_> = self.clusters.iter().map(|c| c.at).collect();
        let cues = self.elements.iter().find(|e| e.id == ids::CUES).cloned();
        let Some(cues) = cues else {
            return Ok(false);
        };
        let Some(points) = children(&mut self.window, cues.body..cues.end)? else {
            return Ok(false);
        };
        let mut count = 0;
        for point in points.iter().filter(|e| e.id == ids::CUE_POINT) {
            let Some(fields) = children(&mut self.window, point.body..point.end)? else {
                return Ok(false);
            };
            for place in fields.iter().filter(|e| e.id == ids::CUE_TRACK_POSITIONS) {
                let Some(fields) = children(&mut self.window, place.body..place.end)? else {
                    return Ok(false);
                };
                let cluster = fields.iter().find(|e| e.id == ids::CUE_CLUSTER_POSITION);
                let Some(cluster) = cluster else {
                    return Ok(false);
                };
                let at = number(&mut self.window, cluster)?.checked_add(self.segment.body());
                if !at.is_some_and(|at| clusters.contains(&at)) {
                    return Ok(false);
                }
                count += 1;
            }
        }
        Ok(count > 0)
    }

    /// Whether the SeekHead is right, and names the cues if there are any.
    fn leads_to_cues(&mut self) -> io::Result<bool> {
        let head = self.elements.iter().find(|e| e.id == ids::SEEK_HEAD);
        let Some(head) = head.cloned() else {
            return Ok(false);
        };
        let Some(seeks) = children(&mut self.window, head.body..head.end)? else {
            return Ok(false);
        };
        let mut named = HashSet::new();
        for seek in seeks.iter().filter(|e| e.id == ids::SEEK) {
            let Some(fields) = children(&mut self.window, seek.body..seek.end)? else {
                return Ok(false);
            };
            let field = |id| fields.iter().find(|field| field.id == id);
            let (Some(id), Some(at)) = (field(ids::SEEK_ID), field(ids::SEEK_POSITION)) else {
                return Ok(false);
            };
            let id = number(&mut self.window, id)?;
            let at = number(&mut self.window, at)?.checked_add(self.segment.body());
            let is_there = |e: &Element| u64::from(e.id) == id && Some(e.at) == at;
            let is_cluster = id == u64::from(ids::CLUSTER);
            if !is_cluster && !self.elements.iter().any(is_there) {
                return Ok(false);
            }
            named.insert(id);
        }
        let has = |id: u32| self.elements.iter().any(|e| e.id == id);
        let names = |id: u32| named.contains(&u64::from(id)) || !has(id);
        Ok(names(ids::INFO) && names(ids::CUES))
    }
}
