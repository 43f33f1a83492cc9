// SPDX-License-Identifier: MPL-2.0
//! What is to be shown, as plain values: made once a second from the elements' properties `stats`
//! and from what their messages said. Times are nanoseconds.

use serde::Serialize;

use super::disk::Seen;
use super::parts::Parts;

#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// Since the program began.
    pub elapsed: u64,
    pub room: Room,
    pub streams: Vec<Stream>,
    pub files: Files,
    /// Bits per second that come from everybody.
    pub bitrate: u64,
    /// Bytes on the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free: Option<u64>,
    pub warnings: u64,
}

#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Room {
    pub state: String,
    pub reconnects: u32,
    pub ignored_messages: u64,
}

#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Files {
    pub open: u64,
    pub closed: u64,
    pub failed: u64,
    pub bytes: u64,
}

#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stream {
    pub stream_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// As `stats` of vdoroomsrc names it; `left` of those that it knows no more.
    pub state: String,
    /// Whether a file of it is open.
    pub recording: bool,
    pub recorded: u64,
    pub files: u64,
    pub bytes: u64,
    pub bitrate: u64,
    pub sessions: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_time: Option<u64>,
    pub tracks: Vec<Track>,
}

/// Counters begin with the connection.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Track {
    pub pad: String,
    pub session: u32,
    pub kind: String,
    pub codec: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<i32>,
    pub bitrate: u64,
    pub bytes: u64,
    pub buffers: u64,
    pub keyframes: u64,
    pub damaged: u64,
    pub dropped: u64,
    pub pli_sent: u64,
    pub packets: u64,
    pub lost: u64,
    pub late: u64,
    pub recovered: u64,
    pub jitter: u64,
    /// Most likely encrypted from end to end.
    pub undecodable: bool,
}

impl Status {
    /// `now` is the pipeline's running time, up to which open parts reach.
    pub fn new(
        source: &gst::Structure,
        sink: &gst::Structure,
        parts: &Parts,
        seen: &Seen,
        now: i64,
    ) -> Self {
        let mut streams: Vec<_> = structures(source, "streams").map(stream).collect();
        for (stream_id, label) in parts.people() {
            if !streams.iter().any(|stream| stream.stream_id == stream_id) {
                streams.push(Stream {
                    stream_id: stream_id.into(),
                    label: Some(label.to_owned()).filter(|label| !label.is_empty()),
                    state: "left".into(),
                    ..Stream::default()
                });
            }
        }
        for stream in &mut streams {
            let total = parts.total(&stream.stream_id, now, &seen.bytes);
            (stream.recording, stream.recorded) = (total.open > 0, total.recorded);
            (stream.files, stream.bytes) = (total.files, total.bytes);
        }
        Self {
            elapsed: 0,
            room: Room {
                state: source.get("state").unwrap_or_default(),
                reconnects: source.get("reconnects").unwrap_or_default(),
                ignored_messages: number(source, "ignored-messages"),
            },
            files: Files {
                open: number(sink, "parts-open"),
                closed: number(sink, "parts-closed"),
                failed: number(sink, "parts-failed"),
                bytes: number(sink, "bytes") + parts.open_bytes(&seen.bytes),
            },
            bitrate: streams.iter().map(|stream| stream.bitrate).sum(),
            streams,
            free: seen.free,
            warnings: 0,
        }
    }

    /// How many are recorded now.
    pub fn recorded_people(&self) -> usize {
        self.streams.iter().filter(|s| s.recording).count()
    }
}

impl Stream {
    /// Of all packets that the guest sent, the share that never came.
    pub fn loss(&self) -> Option<f64> {
        let sum = |count: fn(&Track) -> u64| self.tracks.iter().map(count).sum::<u64>() as f64;
        let (packets, lost) = (sum(|track| track.packets), sum(|track| track.lost));
        (packets + lost > 0.0).then(|| lost / (packets + lost))
    }
}

fn stream(stats: gst::Structure) -> Stream {
    let info: Option<gst::Structure> = stats.get("info").ok();
    let sessions: Vec<_> = structures(&stats, "sessions").collect();
    let mut tracks: Vec<_> = sessions.iter().flat_map(session_tracks).collect();
    // Video first, in whichever order the tracks came.
    tracks.sort_by_key(|track| track.kind.contains("audio"));
    let transport = sessions.first().and_then(|s| s.get("transport").ok());
    let round_trip_time =
        transport.and_then(|t: gst::Structure| t.get::<u64>("round-trip-time").ok());
    Stream {
        stream_id: stats.get("stream-id").unwrap_or_default(),
        label: info.and_then(|info| info.get("label").ok()),
        state: stats.get("state").unwrap_or_default(),
        bitrate: tracks.iter().map(|track| track.bitrate).sum(),
        sessions: stats.get("sessions-so-far").unwrap_or_default(),
        round_trip_time,
        tracks,
        ..Stream::default()
    }
}

fn session_tracks(session: &gst::Structure) -> Vec<Track> {
    let number_of_session = session.get("session").unwrap_or_default();
    let tracks = structures(session, "tracks");
    tracks.map(|t| track(&t, number_of_session)).collect()
}

fn track(stats: &gst::Structure, session: u32) -> Track {
    Track {
        pad: stats.get("pad").unwrap_or_default(),
        session,
        kind: stats.get("kind").unwrap_or_default(),
        codec: stats.get("codec").unwrap_or_default(),
        width: stats.get("width").ok(),
        height: stats.get("height").ok(),
        bitrate: number(stats, "bitrate"),
        bytes: number(stats, "bytes"),
        buffers: number(stats, "buffers"),
        keyframes: number(stats, "keyframes"),
        damaged: number(stats, "damaged"),
        dropped: number(stats, "dropped"),
        pli_sent: number(stats, "pli-sent"),
        packets: number(stats, "packets"),
        lost: number(stats, "lost"),
        late: number(stats, "late"),
        recovered: number(stats, "recovered"),
        jitter: number(stats, "jitter"),
        undecodable: stats.get("undecodable").unwrap_or_default(),
    }
}

fn number(of: &gst::Structure, field: &str) -> u64 {
    of.get(field).unwrap_or_default()
}

/// The structures of an array in a structure.
pub fn structures(
    of: &gst::Structure,
    field: &str,
) -> impl Iterator<Item = gst::Structure> + use<> {
    let array: Option<gst::Array> = of.get(field).ok();
    let items = array.map(|array| array.as_slice().to_vec());
    items
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| item.get().ok())
}
