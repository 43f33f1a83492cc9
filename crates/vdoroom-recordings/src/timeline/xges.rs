// SPDX-License-Identifier: MPL-2.0
//! Timelines of GStreamer Editing Services.

use std::path::{Path, PathBuf};

use ges::prelude::*;
use gst::ClockTime;

use super::format::VideoFormat;
use super::mosaic::{Cell, cell};
use super::plan::{self, Marker, Person, Piece, Plan};

/// Hertz; all audio is converted to it.
const SAMPLE_RATE: i32 = 48_000;

/// Writes all layers to the first file and the mosaic to the second.
pub fn write(plan: &mut Plan, files: &[PathBuf; 2], format: VideoFormat) -> Result<(), String> {
    ges::init().map_err(|e| format!("GStreamer Editing Services do not start: {e}"))?;
    discover(plan);
    trim(plan, format);
    warn_of_seeks(plan);
    plan.has_something()?;
    let [layers, mosaic] = files;
    save(plan, layers, format, |_| None)?;
    let seen: Vec<_> = plan.people.iter().map(|p| p.size()).collect();
    let count = seen.iter().flatten().count() as u32;
    let cells: Vec<_> = seen
        .iter()
        .scan(0, |next, size| {
            let place = size.map(|_| cell(*next, count, format));
            *next += u32::from(size.is_some());
            Some(place)
        })
        .collect();
    save(plan, mosaic, format, |person| cells[person])
}

/// Begins and ends every piece on a multiple of three frames. What is shown stays at its true
/// time. GStreamer 1.22 hangs where one piece begins or ends a frame or less after another; at
/// 30 frames per second 33 ms hang and 67 ms do not.
fn trim(plan: &mut Plan, format: VideoFormat) {
    let grid = 3 * ClockTime::SECOND.nseconds() / u64::from(format.rate.max(1));
    for person in &mut plan.people {
        person.pieces.retain_mut(|piece| {
            let (start, end) = (
                piece.start.next_multiple_of(grid),
                piece.end() / grid * grid,
            );
            piece.inpoint += start - piece.start;
            piece.start = start;
            piece.duration = end.saturating_sub(start);
            let stays = piece.duration > 0;
            if !stays {
                let file = plan::printable(&piece.file.display().to_string());
                let note = format!("{file} is in no .xges: it is shorter than some frames");
                plan.notes.push(note);
            }
            stays
        });
    }
    plan.people.retain(|person| !person.pieces.is_empty());
}

/// GStreamer 1.22 plays MPEG-TS of its own multiplexer 125 ms late after a seek, and seeks in all
/// files whenever one begins or ends.
fn warn_of_seeks(plan: &mut Plan) {
    let mut pieces = plan.people.iter().flat_map(|p| &p.pieces);
    if pieces.any(|piece| piece.file.extension().is_some_and(|e| e == "ts")) {
        let note = "GStreamer 1.22 plays .ts files 0.125 s late from where somebody else comes or \
             goes; container=matroska avoids that";
        plan.notes.push(note.into());
    }
}

/// Leaves out what GStreamer cannot play, and ends what ends earlier than the manifest says.
fn discover(plan: &mut Plan) {
    let Plan {
        people, warnings, ..
    } = plan;
    for person in people.iter_mut() {
        person.pieces.retain_mut(|piece| match length(piece) {
            Ok(length) => {
                piece.duration = piece.duration.min(length);
                true
            }
            Err(error) => {
                let file = plan::printable(&piece.file.display().to_string());
                warnings.push(format!("{file} is in no .xges: {error}"));
                false
            }
        });
    }
    people.retain(|person| !person.pieces.is_empty());
}

/// Nanoseconds that the file plays from where the piece begins in it.
fn length(piece: &Piece) -> Result<u64, String> {
    let asset = ges::UriClipAsset::request_sync(&piece.uri).map_err(|e| e.to_string())?;
    let length = asset.duration().map_or(0, ClockTime::nseconds);
    // GStreamer 1.22 finds no end in a transport stream of less than about 70 kB, nor seeks in it.
    match length.saturating_sub(piece.inpoint) {
        0 => Err("GStreamer cannot seek in it, as in very short transport streams".into()),
        length => Ok(length),
    }
}

/// `place` gives the cell of a person by number; without one they fill the frame.
fn save(
    plan: &Plan,
    file: &Path,
    format: VideoFormat,
    place: impl Fn(usize) -> Option<Cell>,
) -> Result<(), String> {
    let failed = |e: String| format!("{}: {e}", file.display());
    let timeline = ges::Timeline::new_audio_video();
    for track in timeline.tracks() {
        track.set_restriction_caps(&restriction(&track, format));
    }
    for (number, person) in plan.people.iter().enumerate() {
        add(&timeline, person, place(number)).map_err(|e| failed(e.to_string()))?;
    }
    if !plan.markers.is_empty() {
        timeline.set_marker_list("markers", &markers(&plan.markers));
    }
    timeline.commit();
    let uri = gst::glib::filename_to_uri(file, None).map_err(|e| failed(e.to_string()))?;
    let saved = timeline.save_to_uri(&uri, None::<&ges::Asset>, true);
    saved.map_err(|e| failed(e.to_string()))
}

/// Where Pitivi keeps the markers of a timeline, and their texts.
fn markers(marks: &[Marker]) -> ges::MarkerList {
    let list = ges::MarkerList::new();
    for mark in marks {
        let marker = list.add(ClockTime::from_nseconds(mark.at));
        marker.set_string("comment", &mark.text);
    }
    list
}

fn restriction(track: &ges::Track, format: VideoFormat) -> gst::Caps {
    let pixels = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
    match track.track_type() {
        ges::TrackType::VIDEO => gst::Caps::builder("video/x-raw")
            .field("width", pixels(format.width))
            .field("height", pixels(format.height))
            .field("framerate", gst::Fraction::new(pixels(format.rate), 1))
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
            .build(),
        _ => gst::Caps::builder("audio/x-raw")
            .field("rate", SAMPLE_RATE)
            .field("channels", 2)
            .build(),
    }
}

/// A layer for a person; the first is on top.
fn add(
    timeline: &ges::Timeline,
    person: &Person,
    cell: Option<Cell>,
) -> Result<(), gst::glib::Error> {
    let layer = timeline.append_layer();
    // Where Pitivi keeps the names of layers.
    for name in ["video::name", "audio::name"] {
        layer.set_string(name, &person.name);
    }
    for piece in &person.pieces {
        let asset = ges::UriClipAsset::request_sync(&piece.uri)?;
        let at = ClockTime::from_nseconds;
        let clip = layer
            .add_asset(
                &asset,
                at(piece.start),
                at(piece.inpoint),
                at(piece.duration),
                ges::TrackType::AUDIO | ges::TrackType::VIDEO,
            )
            .map_err(as_error)?;
        if let (Some(cell), Some(size)) = (cell, piece.size) {
            fit(&clip, cell.fit(size)).map_err(as_error)?;
        }
    }
    Ok(())
}

fn as_error(error: gst::glib::BoolError) -> gst::glib::Error {
    gst::glib::Error::new(gst::CoreError::Failed, &error.message)
}

fn fit(clip: &ges::Clip, cell: Cell) -> Result<(), gst::glib::BoolError> {
    let video = ges::VideoSource::static_type();
    let sources = clip.find_track_elements(ges::Track::NONE, ges::TrackType::VIDEO, video);
    for source in sources {
        for (name, value) in [
            ("posx", cell.x),
            ("posy", cell.y),
            ("width", cell.width),
            ("height", cell.height),
        ] {
            let pixels = i32::try_from(value).unwrap_or(i32::MAX);
            TimelineElementExtManual::set_child_property(&source, name, pixels.to_value())?;
        }
    }
    Ok(())
}
