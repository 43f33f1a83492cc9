// SPDX-License-Identifier: MPL-2.0
//! States and numbers as people read them.

use bytesize::ByteSize;
use gst::glib;
pub use vdoroom_server::printable as clean;

use crate::record::status::{Room, Status, Stream, Track};

const NANOSECOND: u64 = 1_000_000_000;

/// The ID, and the label where it says something else.
pub fn who(stream_id: &str, label: Option<&str>) -> String {
    match label.filter(|label| !label.trim().is_empty() && *label != stream_id) {
        Some(label) => clean(&format!("{stream_id} ({})", label.trim())),
        None => clean(stream_id),
    }
}

pub fn room(room: &Room) -> &'static str {
    match room.state.as_str() {
        "disconnected" => "the room server is not there, trying again",
        "connecting" => "connecting to the room server",
        "joining" => "joining the room",
        "joined" => "in the room",
        "failed" => "the room server does not let us in",
        _ => "starting",
    }
}

pub fn state(stream: &Stream) -> &'static str {
    match stream.state.as_str() {
        "waiting" => "waiting",
        "unwanted" => "left out",
        "asked" => "asked",
        "offered" => "answering",
        "connecting" => "connecting",
        "connected" => "connected",
        "flowing" if stream.recording => "recording",
        "flowing" => "starting",
        "stalled" => "silent",
        "elsewhere" => "elsewhere",
        "away" => "gone",
        _ => "left",
    }
}

pub fn media(tracks: &[Track]) -> String {
    let tracks = tracks
        .iter()
        .map(|track| match (track.width, track.height) {
            (Some(width), Some(height)) => format!("{} {width}x{height}", track.codec),
            _ => track.codec.clone(),
        });
    tracks.collect::<Vec<_>>().join(", ")
}

/// Hours, minutes and seconds.
pub fn clock(nanoseconds: u64) -> String {
    let seconds = nanoseconds / NANOSECOND;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

pub fn size(bytes: u64) -> String {
    ByteSize(bytes).display().si().to_string()
}

pub fn bitrate(bits_per_second: u64) -> String {
    match bits_per_second {
        0 => "-".into(),
        slow if slow < 1_000_000 => format!("{} kbit/s", slow.div_ceil(1000)),
        fast => format!("{:.1} Mbit/s", fast as f64 / 1e6),
    }
}

pub fn loss(stream: &Stream) -> String {
    match stream.loss() {
        None => "-".into(),
        Some(0.0) => "0 %".into(),
        Some(loss) if loss < 0.001 => "< 0.1 %".into(),
        Some(loss) => format!("{:.1} %", loss * 100.0),
    }
}

/// For how many seconds the disk lasts at the present bitrate, down to what is to stay free.
pub fn seconds_left(status: &Status, min_free: u64) -> Option<u64> {
    let free = status.free?.saturating_sub(min_free);
    free.checked_div(status.bitrate.div_ceil(8))
}

pub fn disk(status: &Status, min_free: u64) -> Option<String> {
    let free = format!("{} free", size(status.free?));
    let enough = match seconds_left(status, min_free) {
        None => return Some(free),
        Some(seconds) if seconds < 2 * 3600 => format!("{} minutes", seconds / 60),
        Some(seconds) if seconds < 3 * 86_400 => format!("{} hours", seconds / 3600),
        Some(seconds) => format!("{} days", seconds / 86_400),
    };
    Some(format!("{free}, enough for {enough}"))
}

pub fn people(count: usize) -> String {
    match count {
        1 => "1 person recorded".into(),
        _ => format!("{count} people recorded"),
    }
}

pub fn marks(count: u64) -> String {
    match count {
        1 => "1 mark".into(),
        _ => format!("{count} marks"),
    }
}

/// The time of day on this machine.
pub fn time_of_day() -> String {
    let now = glib::DateTime::now_local().and_then(|now| now.format("%H:%M:%S"));
    now.map_or_else(|_| String::new(), String::from)
}
