// SPDX-License-Identifier: MPL-2.0
//! What a file says before its first cluster.

use std::io::{self, Read, Seek};

use vdoroom_matroska::ebml::Header;
use vdoroom_matroska::ids;
use vdoroom_matroska::index::DURATION_ROOM;

use super::layout::{Duration, Element, Info, SizeField, children, first_children, number};
use super::tracks::{Kind, Track};
use crate::repair::report::Error;
use crate::repair::window::Window;

/// RFC 9559 section 5.1.2.9.
const DEFAULT_SCALE: i64 = 1_000_000;
/// The longest name of a codec or of a document type that is read.
const MAX_TEXT: usize = 64;

/// Where the segment begins.
pub(crate) fn segment<R: Read + Seek>(window: &mut Window<R>) -> Result<SizeField, Error> {
    let is_short = || Error::refuse("has no beginning: nothing was recorded");
    let Some(header) = Header::read(window.peek(0, Header::MAX)?) else {
        return is_short();
    };
    let body = header.len as u64;
    let end = header.size.and_then(|size| body.checked_add(size));
    let Some(end) = end.filter(|end| *end < window.len()) else {
        return is_short();
    };
    let types = children(window, body..end)?.unwrap_or_default();
    let doc_type = match types.iter().find(|e| e.id == ids::DOC_TYPE) {
        Some(element) => text(window, element)?,
        None => String::new(),
    };
    if !["matroska", "webm"].contains(&doc_type.as_str()) {
        return Error::refuse("is EBML, and not Matroska; or its beginning is damaged");
    }
    match Header::read(window.peek(end, Header::MAX)?) {
        Some(header) if header.id == ids::SEGMENT => Ok(SizeField::of(end, &header)),
        _ => Error::refuse("has no segment where it should begin: its beginning is damaged"),
    }
}

/// `None` if it is damaged.
pub(crate) fn info<R: Read + Seek>(
    window: &mut Window<R>,
    element: &Element,
) -> io::Result<Option<Info>> {
    let (fields, rest) = first_children(window, element.body..element.end)?;
    let mut info = Info {
        scale: DEFAULT_SCALE,
        duration: None,
        room: None,
    };
    for field in fields {
        match field.id {
            ids::TIMESTAMP_SCALE => {
                let scale = number(window, &field)?;
                info.scale = i64::try_from(scale).unwrap_or(0);
            }
            ids::DURATION => {
                let says = float(window, &field)?;
                info.duration = says.map(|says| Duration {
                    element: field,
                    says,
                });
            }
            ids::VOID if takes_duration(&field) => info.room = Some(field),
            _ => {}
        }
    }
    // What is no element at its end is the duration, of which a part was written before.
    let rest = Element {
        id: ids::VOID,
        at: rest,
        body: rest,
        end: element.end,
    };
    if takes_duration(&rest) {
        info.room = Some(rest);
    }
    Ok((info.scale > 0).then_some(info))
}

/// Exactly, or with a Void behind it.
fn takes_duration(void: &Element) -> bool {
    let room = DURATION_ROOM as u64;
    let size = void.end - void.at;
    size == room || size >= room + 2
}

/// `None` if it is damaged.
pub(crate) fn tracks<R: Read + Seek>(
    window: &mut Window<R>,
    element: &Element,
) -> io::Result<Option<Vec<Track>>> {
    let Some(entries) = children(window, element.body..element.end)? else {
        return Ok(None);
    };
    let mut tracks = Vec::new();
    for entry in entries.iter().filter(|e| e.id == ids::TRACK_ENTRY) {
        let Some(fields) = children(window, entry.body..entry.end)? else {
            return Ok(None);
        };
        tracks.push(track(window, &fields)?);
    }
    Ok((!tracks.is_empty()).then_some(tracks))
}

fn track<R: Read + Seek>(window: &mut Window<R>, fields: &[Element]) -> io::Result<Track> {
    let mut track = Track::new(0, Kind::Other, String::new());
    for field in fields {
        match field.id {
            ids::TRACK_NUMBER => track.number = number(window, field)?,
            ids::TRACK_TYPE => {
                track.kind = match number(window, field)? {
                    1 => Kind::Video,
                    2 => Kind::Audio,
                    _ => Kind::Other,
                }
            }
            ids::CODEC_ID => track.codec = text(window, field)?,
            ids::CODEC_DELAY => {
                track.codec_delay = i64::try_from(number(window, field)?).unwrap_or(0);
            }
            ids::DEFAULT_DURATION => {
                track.frame_duration = i64::try_from(number(window, field)?).ok();
            }
            _ => {}
        }
    }
    Ok(track)
}

fn text<R: Read + Seek>(window: &mut Window<R>, element: &Element) -> io::Result<String> {
    let size = usize::try_from(element.end - element.body).unwrap_or(MAX_TEXT);
    let bytes = window.peek(element.body, size.min(MAX_TEXT))?;
    let text = String::from_utf8_lossy(bytes);
    Ok(text.trim_end_matches('\0').to_owned())
}

fn float<R: Read + Seek>(window: &mut Window<R>, element: &Element) -> io::Result<Option<f64>> {
    let size = usize::try_from(element.end - element.body).unwrap_or(0);
    let bytes = window.peek(element.body, size.min(8))?;
    let short = <[u8; 4]>::try_from(bytes).map(|b| f32::from_be_bytes(b).into());
    let long = <[u8; 8]>::try_from(bytes).map(f64::from_be_bytes);
    Ok(long.or(short).ok())
}
