// SPDX-License-Identifier: MPL-2.0
//! A timeline as OpenTimelineIO writes it: a video and an audio track for each person.
//!
//! Times are whole frames: editors cut between frames, and round what is not. Each is rounded
//! from the beginning of the timeline, so that errors do not add up.

use std::path::Path;

use serde_json::{Value, json};

use super::format::VideoFormat;
use super::plan::{Marker, Person, Piece, Plan};

pub fn timeline(plan: &Plan, base: &Path, format: VideoFormat) -> Value {
    let name = base.file_name().unwrap_or(base.as_os_str());
    // The last track is on top, as the first layer is in GES.
    let people = plan.people.iter().rev();
    let video = people.filter(|p| p.size().is_some());
    let video = video.map(|person| track(person, "Video", format.rate));
    let audio = plan.people.iter().filter(|p| p.has_audio());
    let audio = audio.map(|person| track(person, "Audio", format.rate));
    let markers = plan.markers.iter().map(|mark| marker(mark, format.rate));
    json!({
        "OTIO_SCHEMA": "Timeline.1",
        "name": name.to_string_lossy(),
        "metadata": {},
        "global_start_time": null,
        "tracks": {
            "OTIO_SCHEMA": "Stack.1",
            "name": "tracks",
            "metadata": {},
            "source_range": null,
            "effects": [],
            "markers": markers.collect::<Vec<_>>(),
            "children": video.chain(audio).collect::<Vec<_>>(),
        },
    })
}

fn track(person: &Person, kind: &str, rate: u32) -> Value {
    let has_kind = |piece: &&Piece| match kind {
        "Video" => piece.size.is_some(),
        _ => piece.has_audio,
    };
    let mut children = Vec::new();
    let mut until = 0;
    for piece in person.pieces.iter().filter(has_kind) {
        let (start, end) = (frames(piece.start, rate), frames(piece.end(), rate));
        if start > until {
            children.push(gap(start - until, rate));
        }
        if end > start {
            children.push(clip(piece, end - start, rate));
        }
        until = end;
    }
    json!({
        "OTIO_SCHEMA": "Track.1",
        "name": person.name,
        "kind": kind,
        "metadata": {},
        "source_range": null,
        "effects": [],
        "markers": [],
        "children": children,
    })
}

fn marker(mark: &Marker, rate: u32) -> Value {
    json!({
        "OTIO_SCHEMA": "Marker.2",
        "name": mark.text,
        "metadata": {},
        "color": "RED",
        "marked_range": range(frames(mark.at, rate), 0, rate),
    })
}

fn gap(length: u64, rate: u32) -> Value {
    json!({
        "OTIO_SCHEMA": "Gap.1",
        "name": "",
        "metadata": {},
        "source_range": range(0, length, rate),
        "effects": [],
        "markers": [],
    })
}

fn clip(piece: &Piece, length: u64, rate: u32) -> Value {
    let skipped = frames(piece.inpoint, rate);
    let name = piece.file.file_name().unwrap_or_default();
    json!({
        "OTIO_SCHEMA": "Clip.1",
        "name": name.to_string_lossy(),
        "metadata": {},
        "source_range": range(skipped, length, rate),
        "effects": [],
        "markers": [],
        "media_reference": {
            "OTIO_SCHEMA": "ExternalReference.1",
            "name": "",
            "metadata": {},
            "target_url": piece.uri,
            "available_range": range(0, skipped + length, rate),
        },
    })
}

fn range(start: u64, length: u64, rate: u32) -> Value {
    json!({
        "OTIO_SCHEMA": "TimeRange.1",
        "start_time": time(start, rate),
        "duration": time(length, rate),
    })
}

fn time(frames: u64, rate: u32) -> Value {
    json!({
        "OTIO_SCHEMA": "RationalTime.1",
        "rate": f64::from(rate),
        "value": frames as f64,
    })
}

fn frames(nanoseconds: u64, rate: u32) -> u64 {
    const SECOND: u128 = 1_000_000_000;
    let exact = (u128::from(nanoseconds) * u128::from(rate) + SECOND / 2) / SECOND;
    u64::try_from(exact).unwrap_or(u64::MAX)
}
