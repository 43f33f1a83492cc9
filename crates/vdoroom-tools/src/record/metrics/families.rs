// SPDX-License-Identifier: MPL-2.0
//! The metrics by name. Base units (seconds, bytes), and sums where Prometheus can make a rate.

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{CounterVec, GaugeVec, Opts, Registry, Result};

use crate::record::status::{Files, Room, Status, Stream, Track};

/// Name, help, and how it is read from a status.
type Row<Of> = (&'static str, &'static str, fn(&Of) -> f64);

const ROOM_STATES: [&str; 6] = [
    "disconnected",
    "connecting",
    "joining",
    "joined",
    "failed",
    "stopped",
];

const ROOM_COUNTERS: [Row<Room>; 2] = [
    (
        "vdoroom_reconnects_total",
        "How often the connection to the room server was lost.",
        |room| room.reconnects.into(),
    ),
    (
        "vdoroom_ignored_messages_total",
        "Messages that were beyond a limit or could not be read.",
        |room| room.ignored_messages as f64,
    ),
];

const FILE_COUNTERS: [Row<Files>; 3] = [
    (
        "vdoroom_files_closed_total",
        "Files that were closed whole.",
        |files| files.closed as f64,
    ),
    (
        "vdoroom_files_failed_total",
        "Files that ended by an error.",
        |files| files.failed as f64,
    ),
    (
        "vdoroom_written_bytes_total",
        "Size of all files, open ones included.",
        |files| files.bytes as f64,
    ),
];

const STREAM_COUNTERS: [Row<Stream>; 4] = [
    (
        "vdoroom_stream_recorded_seconds_total",
        "How much of the stream is in files.",
        |stream| seconds(stream.recorded),
    ),
    (
        "vdoroom_stream_written_bytes_total",
        "Size of the stream's files, open ones included.",
        |stream| stream.bytes as f64,
    ),
    (
        "vdoroom_stream_files_total",
        "Files of the stream, open ones included.",
        |stream| stream.files as f64,
    ),
    (
        "vdoroom_stream_sessions_total",
        "WebRTC connections that the stream has had.",
        |stream| stream.sessions.into(),
    ),
];

const TRACK_COUNTERS: [Row<Track>; 10] = [
    (
        "vdoroom_stream_received_bytes_total",
        "Encoded media that went out of the pad.",
        |track| track.bytes as f64,
    ),
    (
        "vdoroom_stream_received_frames_total",
        "Buffers that went out of the pad.",
        |track| track.buffers as f64,
    ),
    (
        "vdoroom_stream_received_packets_total",
        "RTP packets that came in time.",
        |track| track.packets as f64,
    ),
    (
        "vdoroom_stream_lost_packets_total",
        "RTP packets that did not come.",
        |track| track.lost as f64,
    ),
    (
        "vdoroom_stream_late_packets_total",
        "RTP packets that came too late.",
        |track| track.late as f64,
    ),
    (
        "vdoroom_stream_recovered_packets_total",
        "RTP packets that came after they had been asked for again.",
        |track| track.recovered as f64,
    ),
    (
        "vdoroom_stream_damaged_frames_total",
        "Frames that lacked packets, or were made from such.",
        |track| track.damaged as f64,
    ),
    (
        "vdoroom_stream_dropped_frames_total",
        "Frames that did not go out of the pad.",
        |track| track.dropped as f64,
    ),
    (
        "vdoroom_stream_keyframes_total",
        "Keyframes that went out of the pad.",
        |track| track.keyframes as f64,
    ),
    (
        "vdoroom_stream_keyframe_requests_total",
        "Keyframes that were asked for.",
        |track| track.pli_sent as f64,
    ),
];

/// Streams that have left have no metrics.
pub fn of(status: &Status) -> Result<Vec<MetricFamily>> {
    let families = Families(Registry::new());
    families.of_program(status)?;
    families.of_room(&status.room)?;
    families.of_files(status)?;
    let present = status
        .streams
        .iter()
        .filter(|s| !matches!(s.state.as_str(), "away" | "left"));
    let present: Vec<_> = present.collect();
    families.of_streams(&present)?;
    families.of_tracks(&present)?;
    Ok(families.0.gather())
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

struct Families(Registry);

impl Families {
    fn register<C: Collector + Clone + 'static>(&self, family: C) -> Result<C> {
        self.0.register(Box::new(family.clone()))?;
        Ok(family)
    }

    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec> {
        self.register(CounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec> {
        self.register(GaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn number(&self, name: &str, help: &str, value: f64) -> Result<()> {
        let gauge = self.gauge(name, help, &[])?;
        gauge.with_label_values::<&str>(&[]).set(value);
        Ok(())
    }

    fn counters<Of>(&self, rows: &[Row<Of>], of: &Of) -> Result<()> {
        for (name, help, value) in rows {
            let counter = self.counter(name, help, &[])?;
            counter.with_label_values::<&str>(&[]).inc_by(value(of));
        }
        Ok(())
    }

    fn of_program(&self, status: &Status) -> Result<()> {
        let name = "vdoroom_build_info";
        let build = self.gauge(name, "Version of the recorder.", &["version"])?;
        let version = env!("CARGO_PKG_VERSION");
        build.with_label_values(&[version]).set(1.0);
        self.number(
            "vdoroom_uptime_seconds",
            "Time since the recorder was started.",
            seconds(status.elapsed),
        )?;
        let help = "Warnings of the recorder.";
        let warnings = self.counter("vdoroom_warnings_total", help, &[])?;
        let warnings = warnings.with_label_values::<&str>(&[]);
        warnings.inc_by(status.warnings as f64);
        Ok(())
    }

    fn of_room(&self, room: &Room) -> Result<()> {
        let states = self.gauge(
            "vdoroom_room_state",
            "1 for the state of the connection to the room, 0 for all others.",
            &["state"],
        )?;
        for state in ROOM_STATES {
            let is_so = room.state == state;
            states.with_label_values(&[state]).set(is_so.into());
        }
        self.counters(&ROOM_COUNTERS, room)
    }

    fn of_files(&self, status: &Status) -> Result<()> {
        let open = status.files.open as f64;
        self.number("vdoroom_files_open", "Files that are being written.", open)?;
        if let Some(free) = status.free {
            let help = "Free space on the disk where the files go.";
            self.number("vdoroom_disk_free_bytes", help, free as f64)?;
        }
        self.counters(&FILE_COUNTERS, &status.files)
    }

    fn of_streams(&self, streams: &[&Stream]) -> Result<()> {
        let labels = ["stream"];
        let info = self.gauge(
            "vdoroom_stream_info",
            "The label that a stream has, and its state as in the stats of vdoroomsrc.",
            &["stream", "label", "state"],
        )?;
        let help = "1 while a file of the stream is open.";
        let recording = self.gauge("vdoroom_stream_recording", help, &labels)?;
        let help = "Time to the guest and back, as far as it answers pings.";
        let round_trip = self.gauge("vdoroom_stream_round_trip_seconds", help, &labels)?;
        for stream in streams {
            let id = stream.stream_id.as_str();
            let label = stream.label.as_deref().unwrap_or_default();
            info.with_label_values(&[id, label, &stream.state]).set(1.0);
            let is_recording = stream.recording.into();
            recording.with_label_values(&[id]).set(is_recording);
            if let Some(time) = stream.round_trip_time {
                round_trip.with_label_values(&[id]).set(seconds(time));
            }
        }
        for (name, help, value) in STREAM_COUNTERS {
            let counter = self.counter(name, help, &labels)?;
            for stream in streams {
                let counter = counter.with_label_values(&[&stream.stream_id]);
                counter.inc_by(value(stream));
            }
        }
        Ok(())
    }

    /// By kind: a second camera of the same stream adds to the first.
    fn of_tracks(&self, streams: &[&Stream]) -> Result<()> {
        let labels = ["stream", "kind"];
        let all = streams.iter().flat_map(|stream| {
            let tracks = stream.tracks.iter();
            tracks.map(|track| ([stream.stream_id.as_str(), track.kind.as_str()], track))
        });
        for (name, help, value) in TRACK_COUNTERS {
            let counter = self.counter(name, help, &labels)?;
            for (labels, track) in all.clone() {
                counter.with_label_values(&labels).inc_by(value(track));
            }
        }
        let help = "Mean deviation of the packets' arrival.";
        let jitter = self.gauge("vdoroom_stream_jitter_seconds", help, &labels)?;
        let help = "1 while frames cannot be decoded, as with end-to-end encryption.";
        let undecodable = self.gauge("vdoroom_stream_undecodable", help, &labels)?;
        let codecs = self.gauge(
            "vdoroom_stream_codec_info",
            "What a stream sends.",
            &["stream", "kind", "codec", "width", "height"],
        )?;
        let size = |size: Option<i32>| size.map(|size| size.to_string()).unwrap_or_default();
        for ([stream, kind], track) in all {
            let time = seconds(track.jitter);
            jitter.with_label_values(&[stream, kind]).set(time);
            let undecodable = undecodable.with_label_values(&[stream, kind]);
            undecodable.set(undecodable.get().max(track.undecodable.into()));
            let (width, height) = (size(track.width), size(track.height));
            let labels = [stream, kind, &track.codec, &width, &height];
            codecs.with_label_values(&labels).set(1.0);
        }
        Ok(())
    }
}
