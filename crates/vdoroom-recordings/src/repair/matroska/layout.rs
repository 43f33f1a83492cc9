// SPDX-License-Identifier: MPL-2.0
//! Where the elements of a file are.

use std::io::{self, Read, Seek};
use std::ops::Range;

use vdoroom_matroska::ebml::{Header, uint};
use vdoroom_matroska::ids;
use vdoroom_matroska::index::Cue;

use super::tracks::Track;
use crate::repair::window::Window;

/// A whole element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub id: u32,
    pub at: u64,
    /// Where what is in it begins.
    pub body: u64,
    pub end: u64,
}

/// The field of an element that says its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SizeField {
    pub at: u64,
    pub len: usize,
    pub says: Option<u64>,
}

impl SizeField {
    /// Of an element at this position.
    pub(crate) fn of(at: u64, header: &Header) -> Self {
        Self {
            at: at + header.id_len as u64,
            len: header.len - header.id_len,
            says: header.size,
        }
    }

    pub(crate) fn body(&self) -> u64 {
        self.at + self.len as u64
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub at: u64,
    pub size: SizeField,
    /// Behind the last whole element in it.
    pub end: u64,
    /// What follows cannot be read: where the cluster ends is not known.
    pub is_damaged: bool,
    pub cue: Option<Cue>,
}

/// The element Info.
#[derive(Debug, Clone)]
pub(crate) struct Info {
    /// Nanoseconds of a timestamp's unit.
    pub scale: i64,
    pub duration: Option<Duration>,
    /// A Void that takes a duration.
    pub room: Option<Element>,
}

#[derive(Debug, Clone)]
pub(crate) struct Duration {
    pub element: Element,
    pub says: f64,
}

#[derive(Debug)]
pub(crate) struct Layout {
    pub segment: SizeField,
    pub info: Info,
    pub tracks: Vec<Track>,
    /// In the segment, without clusters.
    pub elements: Vec<Element>,
    pub clusters: Vec<Cluster>,
    /// Bytes between whole elements that are none.
    pub holes: Vec<Range<u64>>,
    /// Behind the last whole element.
    pub end: u64,
    /// Of the file. What lies between is the beginning of an element.
    pub len: u64,
    /// Whether the SeekHead names where Info and the cues are.
    pub leads_to_cues: bool,
    /// Whether there are cues, and all lead to clusters.
    pub has_cues: bool,
}

impl Layout {
    pub(crate) fn element(&self, id: u32) -> Option<&Element> {
        self.elements.iter().find(|element| element.id == id)
    }

    /// The SeekHead at the beginning of the segment and the space behind it.
    pub(crate) fn seek_head_room(&self) -> Range<u64> {
        let begin = self.segment.body();
        let mut room = begin..begin;
        for element in &self.elements {
            let is_room = matches!(element.id, ids::SEEK_HEAD | ids::VOID);
            if element.at != room.end || !is_room {
                break;
            }
            room.end = element.end;
        }
        room
    }
}

/// Elements one after the other that fill the range; `None` if they do not.
pub(crate) fn children<R: Read + Seek>(
    window: &mut Window<R>,
    range: Range<u64>,
) -> io::Result<Option<Vec<Element>>> {
    let end = range.end;
    let (found, rest) = first_children(window, range)?;
    Ok((rest == end).then_some(found))
}

/// Elements one after the other from the beginning of the range, and where the last of them ends.
pub(crate) fn first_children<R: Read + Seek>(
    window: &mut Window<R>,
    range: Range<u64>,
) -> io::Result<(Vec<Element>, u64)> {
    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let Some(header) = Header::read(window.peek(at, Header::MAX)?) else {
            break;
        };
        let body = at + header.len as u64;
        let end = header.size.and_then(|size| body.checked_add(size));
        let Some(end) = end.filter(|end| *end <= range.end) else {
            break;
        };
        found.push(Element {
            id: header.id,
            at,
            body,
            end,
        });
        at = end;
    }
    Ok((found, at))
}

/// The unsigned number that an element holds.
pub(crate) fn number<R: Read + Seek>(window: &mut Window<R>, element: &Element) -> io::Result<u64> {
    let size = usize::try_from(element.end - element.body).unwrap_or(8);
    window.peek(element.body, size.min(8)).map(uint)
}
