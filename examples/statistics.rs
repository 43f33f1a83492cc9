// SPDX-License-Identifier: MPL-2.0
//! How well does each track of a room arrive? Reads `stats` of `vdoroomsrc` into types of Rust.
//!
//!     cargo run --release --example statistics -- --room studio
use clap::Parser;
use gst::{glib::value::FromValue, prelude::*};
use std::{error::Error, time::Duration};

/// Tells how well each track of a room arrives, every two seconds
#[derive(Parser)]
struct Options {
    #[arg(long)]
    room: String,
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8443")]
    server: String,
}

/// What this application needs of a track's statistics.
struct Track {
    /// Whose it is, its kind and its codec.
    name: [String; 3],
    /// In bit/s.
    bitrate: u64,
    /// RTP packets that never came, and how often packets were asked for again.
    lost: u64,
    again: u32,
    round_trip: Option<Duration>,
}

/// All tracks in what `stats` gives.
fn tracks(stats: &gst::StructureRef) -> Vec<Track> {
    let mut found = Vec::new();
    for stream in structures(stats, "streams") {
        for session in structures(&stream, "sessions") {
            let transport = session.get::<gst::Structure>("transport").ok();
            let round_trip = transport.and_then(|of| of.get::<u64>("round-trip-time").ok());
            found.extend(
                structures(&session, "tracks")
                    .into_iter()
                    .map(|track| Track {
                        name: [
                            value(&stream, "stream-id"),
                            value(&track, "kind"),
                            value(&track, "codec"),
                        ],
                        bitrate: value(&track, "bitrate"),
                        lost: value(&track, "lost"),
                        again: value(&track, "nack-sent"),
                        round_trip: round_trip.map(Duration::from_nanos),
                    }),
            );
        }
    }
    found
}

/// A field may be absent as long as nothing is known.
fn value<T: Default + for<'a> FromValue<'a>>(of: &gst::StructureRef, field: &str) -> T {
    let value = of.value(field).ok().and_then(|value| value.get().ok());
    value.unwrap_or_default()
}

fn structures(of: &gst::StructureRef, field: &str) -> Vec<gst::Structure> {
    let array = of.get::<gst::Array>(field).unwrap_or_default();
    array.iter().filter_map(|value| value.get().ok()).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    gst::init()?;
    gstvdoroom::plugin_register_static()?;
    let source = gst::ElementFactory::make("vdoroomsrc")
        .property("server", &options.server)
        .property("room", &options.room)
        .build()?;
    let pipeline = gst::Pipeline::new();
    pipeline.add(&source)?;
    let _ = pipeline.set_state(gst::State::Playing); // If it fails, the bus tells why.
    let bus = pipeline.bus().ok_or("no bus")?;
    let interval = gst::ClockTime::from_seconds(2);
    loop {
        let error = bus.timed_pop_filtered(interval, &[gst::MessageType::Error]);
        if let Some(gst::MessageView::Error(error)) = error.as_ref().map(|m| m.view()) {
            pipeline.set_state(gst::State::Null)?;
            return Err(error.error().into());
        }
        for track in tracks(&source.property::<gst::Structure>("stats")) {
            let (name, kbits) = (track.name.join(" "), track.bitrate / 1000);
            let (lost, again) = (track.lost, track.again);
            let round_trip = track.round_trip.unwrap_or_default();
            println!(
                "{name}: {kbits} kbit/s, {lost} packets lost, {again} requested again, {round_trip:.1?}"
            );
        }
    }
}
