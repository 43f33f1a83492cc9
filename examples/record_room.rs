// SPDX-License-Identifier: MPL-2.0
//! How does an application record a room? It links each pad that `vdoroomsrc` adds to
//! `roomfilesink`, and reads what there is to show from the `stats` property.
//!
//! ```sh
//! cargo run --release --example record_room -- --room studio --location recordings/
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use gst::prelude::*;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use vdoroom_test_support::manifest::Manifest;
use vdoroom_test_support::timeline::{self, Picture};

/// Records a room, each person into a file of their own.
#[derive(Parser)]
#[command(name = "vdoroom-record")]
struct Options {
    /// Room to record
    #[arg(long)]
    room: String,
    /// Room server
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8443")]
    server: String,
    /// Environment variable with the room's password
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// Where the files go: a folder ending in /, a prefix, or a template with %s %l %t %d %n %e
    #[arg(long, default_value = "recording")]
    location: String,
    /// Record into Matroska, and when all is recorded, write NAME.xges, NAME-mosaic.xges and NAME.otio for editors; the
    /// manifest is NAME.manifest.jsonl
    #[arg(long, value_name = "NAME")]
    timeline: Option<PathBuf>,
    /// Stop after so many seconds; without it, record until Ctrl+C
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Any other property of vdoroomsrc, such as stun-server=stun:stun.example.org
    #[arg(long = "set", value_name = "PROPERTY=VALUE", value_parser = assignment)]
    properties: Vec<(String, String)>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has no =")?;
    Ok((name.into(), value.into()))
}

/// How long the files may take to close once the recording ends.
const CLOSING: Duration = Duration::from_secs(5);
const REFRESH: Duration = Duration::from_secs(1);
/// Name of the message that Ctrl+C puts onto the bus.
const INTERRUPTED: &str = "interrupted";

fn main() -> ExitCode {
    match record(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vdoroom-record: {error}");
            ExitCode::FAILURE
        }
    }
}

fn record(options: &Options) -> Result<(), Box<dyn Error>> {
    gst::init()?;
    gstvdoroom::plugin_register_static()?;
    let source = source(options)?;
    let sink = gst::ElementFactory::make("roomfilesink")
        .property("location", &options.location)
        .build()?;
    let manifest = options.timeline.as_deref().map(free_manifest).transpose()?;
    if let Some(manifest) = &manifest {
        // The container in which GStreamer's editing services find every picture at its time.
        sink.set_property_from_str("container", "matroska");
        sink.set_property(
            "manifest",
            manifest.to_str().ok_or("--timeline is not UTF-8")?,
        );
    }
    let pipeline = gst::Pipeline::new();
    pipeline.add_many([&source, &sink])?;
    let weak_sink = sink.downgrade();
    source.connect_pad_added(move |source, pad| {
        let Some(sink) = weak_sink.upgrade() else {
            return;
        };
        if let Err(error) = source.link_pads(Some(&pad.name()), &sink, None) {
            gst::element_warning!(
                source,
                gst::StreamError::WrongType,
                ["{} cannot be recorded: {error}", pad.name()]
            );
        }
    });
    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    interrupt_by_ctrl_c(&bus)?;

    let outcome = match pipeline.set_state(gst::State::Playing) {
        Ok(_) => watch(options, &pipeline, &bus, &source),
        Err(_) => {
            // The element has said why.
            let reason = bus.pop_filtered(&[gst::MessageType::Error]);
            Err(reason
                .map_or("the room cannot be joined".into(), |m| error_text(&m))
                .into())
        }
    };
    pipeline.set_state(gst::State::Null)?;
    print_files(&sink);
    if let (Some(name), Some(manifest)) = (&options.timeline, &manifest)
        && manifest.exists()
    {
        let manifest = Manifest::read(manifest);
        timeline::write(&manifest, name, Picture::default(), false)?.print();
    }
    outcome
}

/// The manifest of timelines with this name, if none of these files is there.
fn free_manifest(name: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let manifest = timeline::with_ending(name, ".manifest.jsonl");
    let mut files = timeline::files(name).into_iter().chain([manifest.clone()]);
    match files.find(|file| file.exists()) {
        Some(file) => Err(format!("{} is there already", file.display()).into()),
        None => Ok(manifest),
    }
}

fn source(options: &Options) -> Result<gst::Element, Box<dyn Error>> {
    let source = gst::ElementFactory::make("vdoroomsrc")
        .property("server", &options.server)
        .property("room", &options.room)
        .property("password-env", &options.password_env)
        .build()?;
    for (name, value) in &options.properties {
        let property = source
            .find_property(name)
            .ok_or_else(|| format!("vdoroomsrc has no property {name}"))?;
        let value = gst::glib::Value::deserialize(value, property.value_type())
            .map_err(|_| format!("{name} cannot be {value}"))?;
        source.set_property_from_value(name, &value);
    }
    Ok(source)
}

fn interrupt_by_ctrl_c(bus: &gst::Bus) -> Result<(), ctrlc::Error> {
    let bus = bus.clone();
    ctrlc::set_handler(move || {
        let interrupted = gst::Structure::new_empty(INTERRUPTED);
        // Fails only when the pipeline has ended.
        let _ = bus.post(gst::message::Application::new(interrupted));
    })
}

/// Shows what happens until the files are closed.
fn watch(
    options: &Options,
    pipeline: &gst::Pipeline,
    bus: &gst::Bus,
    source: &gst::Element,
) -> Result<(), Box<dyn Error>> {
    let mut display = Display::new();
    let mut end = options
        .seconds
        .map(|s| Instant::now() + Duration::from_secs(s));
    let mut ending = false;
    let mut refresh = Instant::now();
    loop {
        let now = Instant::now();
        let wait = refresh
            .min(end.unwrap_or(refresh))
            .saturating_duration_since(now);
        let message = bus.timed_pop(gst::ClockTime::try_from(wait).ok());
        let now = Instant::now();
        let mut stop = end.is_some_and(|end| now >= end);
        if let Some(message) = message {
            match message.view() {
                gst::MessageView::Eos(_) => return Ok(()),
                gst::MessageView::Error(_) => return Err(error_text(&message).into()),
                gst::MessageView::Warning(warning) => {
                    display.say(&format!(
                        "warning: {}",
                        detail(warning.debug(), warning.error())
                    ));
                }
                gst::MessageView::Application(_) if message.has_name(INTERRUPTED) => stop = true,
                _ => {}
            }
        }
        if stop && ending {
            return Err("ended before all files were closed".into());
        } else if stop {
            display.say("Closing the files");
            pipeline.send_event(gst::event::Eos::new());
            (ending, end) = (true, Some(now + CLOSING));
        }
        if now >= refresh {
            display.show(&source.property::<gst::Structure>("stats"), now);
            refresh = now + REFRESH;
        }
    }
}

fn error_text(message: &gst::Message) -> String {
    match message.view() {
        gst::MessageView::Error(error) => detail(error.debug(), error.error()),
        _ => String::new(),
    }
}

/// The sentence that the element wrote: the last line of the details, or the error itself.
fn detail(debug: Option<gst::glib::GString>, error: gst::glib::Error) -> String {
    let debug = debug.as_deref().and_then(|debug| debug.lines().last());
    match debug {
        Some(sentence) if !sentence.contains("gst") => sentence.into(),
        _ => error.to_string(),
    }
}

/// One line per stream: refreshed in place on a terminal, otherwise printed when it changes.
struct Display {
    lines: Option<MultiProgress>,
    streams: BTreeMap<String, Line>,
}

struct Line {
    bar: Option<ProgressBar>,
    /// When media was first seen.
    since: Option<Instant>,
    said: String,
}

impl Display {
    fn new() -> Self {
        let lines = std::io::stdout().is_terminal().then(MultiProgress::new);
        Self {
            lines,
            streams: BTreeMap::new(),
        }
    }

    fn say(&self, text: &str) {
        match &self.lines {
            // Fails only if the terminal has gone.
            Some(lines) => drop(lines.println(text)),
            None => println!("{text}"),
        }
    }

    fn show(&mut self, stats: &gst::Structure, now: Instant) {
        for stream in structures(stats, "streams") {
            let id: String = stream.get("stream-id").unwrap_or_default();
            let lines = &self.lines;
            let line = self.streams.entry(id.clone()).or_insert_with(|| Line {
                bar: lines.as_ref().map(|lines| lines.add(plain_bar())),
                since: None,
                said: String::new(),
            });
            let state: String = stream.get("state").unwrap_or_default();
            let mut tracks: Vec<_> = structures(&stream, "sessions")
                .flat_map(|session| structures(&session, "tracks").collect::<Vec<_>>())
                .collect();
            // Video first, in whichever order the tracks came.
            tracks.sort_by_key(|track| !track.has_field("width"));
            let codecs: Vec<String> = tracks.iter().map(codec_and_size).collect();
            let said = format!("{id:16} {state:10} {:28}", codecs.join(" + "));
            match &line.bar {
                Some(bar) => {
                    if !tracks.is_empty() {
                        line.since.get_or_insert(now);
                    }
                    let time = line.since.map_or(Duration::ZERO, |since| now - since);
                    bar.set_message(format!("{said} {} {}", clock(time), bitrate(&tracks)));
                }
                None if line.said != said => println!("{}", said.trim_end()),
                None => {}
            }
            line.said = said;
        }
    }
}

impl Drop for Display {
    /// Makes room for what is printed at the end.
    fn drop(&mut self) {
        if let Some(lines) = &self.lines {
            let _ = lines.clear();
        }
    }
}

fn plain_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    // Without a template that is wrong in itself, this cannot fail.
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}

fn structures(of: &gst::Structure, field: &str) -> impl Iterator<Item = gst::Structure> + use<> {
    let array: Option<gst::Array> = of.get(field).ok();
    let items = array.map(|array| array.as_slice().to_vec());
    items
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| item.get().ok())
}

fn codec_and_size(track: &gst::Structure) -> String {
    let codec: String = track.get("codec").unwrap_or_default();
    match (track.get::<i32>("width"), track.get::<i32>("height")) {
        (Ok(width), Ok(height)) => format!("{codec} {width}x{height}"),
        _ => codec,
    }
}

fn bitrate(tracks: &[gst::Structure]) -> String {
    let bits: u64 = tracks
        .iter()
        .filter_map(|track| track.get::<u64>("bitrate").ok())
        .sum();
    format!("{:.2} Mbit/s", bits as f64 / 1e6)
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn print_files(sink: &gst::Element) {
    let files = sink.property::<gst::Structure>("files");
    let parts: Vec<_> = structures(&files, "parts").collect();
    if parts.is_empty() {
        println!("Nothing was recorded.");
    }
    for part in parts {
        let text = |field: &str| part.get::<String>(field).unwrap_or_default();
        let codecs: Vec<String> = structures(&part, "tracks")
            .map(|track| track.get("codec").unwrap_or_default())
            .collect();
        let nanoseconds = |field: &str| part.get::<i64>(field).unwrap_or_default();
        println!(
            "{:40} {:9} {:12} {:>8.2} s {:>10} bytes {}",
            text("file"),
            text("container"),
            codecs.join(" + "),
            (nanoseconds("end") - nanoseconds("start")) as f64 / 1e9,
            part.get::<u64>("bytes").unwrap_or_default(),
            text("error"),
        );
    }
}
