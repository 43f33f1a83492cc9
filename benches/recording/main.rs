// SPDX-License-Identifier: MPL-2.0
//! What does it cost to record a person? Measures recorders on the same publishers, one after the
//! other: this project's, webrtcbin wired by hand, and the least that GStreamer's elements take.
//!
//! ```sh
//! scripts/bench --streams 1,8 --media vp8-360
//! ```

mod bare;
mod case;
mod crowd;
mod files;
mod floor;
mod frames;
mod plot;
mod process;
mod report;
mod scene;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use serde_json::json;

use case::{Case, Outcome, Recorder};
use scene::{MEDIA, Media};

#[derive(Parser)]
#[command(
    name = "recording",
    about = "Measures what recording a room costs",
    args_conflicts_with_subcommands = true
)]
struct Options {
    #[command(subcommand)]
    role: Option<Role>,
    /// Numbers of streams
    #[arg(long, value_delimiter = ',', default_value = "1,4,8,16,32,64")]
    streams: Vec<usize>,
    /// Kinds of media
    #[arg(long, value_delimiter = ',', value_parser = Media::by_name, default_values = MEDIA.map(|m| m.name))]
    media: Vec<Media>,
    /// Seconds that are measured, for each number of streams and each recorder
    #[arg(long, default_value = "15")]
    seconds: u64,
    /// How often each is measured, in turns; the median counts
    #[arg(long, default_value = "3", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Those of the recorders: native, vdoroomsrc, webrtcbin, floor, other
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Publishers that cost little, for hundreds of streams
    #[arg(long)]
    crowd: bool,
    /// The recorder gets the first processor for itself, the publishers the others
    #[arg(long)]
    apart: bool,
    /// While it is measured, another program takes nearly all of the recorder's processor
    #[arg(long, requires = "apart")]
    starved: bool,
    /// End with an error if a frame is missing (unless it is starved), if a stream has several files, or
    /// if something could not be measured
    #[arg(long)]
    whole: bool,
    /// One more recorder: a line of the shell with {server}, {room} and {folder}, that ends on an
    /// interrupt (which it does if the recorder is started by exec)
    #[arg(long, value_name = "LINE")]
    other: Option<String>,
    /// Where the results go: NAME.json, NAME.md and a plot for each kind of media
    #[arg(long, value_name = "NAME", default_value = "recording")]
    output: PathBuf,
    /// What cargo bench says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// What this program is when it starts itself.
#[derive(Subcommand)]
#[command(hide = true)]
enum Role {
    Publish(Part),
    Crowd(Part),
    Send(Part),
    Bare(Part),
    Floor(Part),
}

#[derive(clap::Args)]
struct Part {
    #[arg(long)]
    server: String,
    #[arg(long, value_parser = Media::by_name)]
    media: Media,
    #[arg(long)]
    streams: usize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("recording: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    gst::init().map_err(|e| e.to_string())?;
    let here = Path::new(".");
    match &options.role {
        Some(Role::Publish(p)) => scene::publish(&p.server, "r", &p.media, p.streams),
        Some(Role::Crowd(p)) => crowd::publish(&p.server, "r", &p.media, p.streams),
        Some(Role::Send(p)) => scene::send(&p.media, p.streams),
        Some(Role::Bare(p)) => bare::record(&p.server, "r", here),
        Some(Role::Floor(p)) => floor::record(&p.media, p.streams, here),
        None => measure(options),
    }
}

fn measure(options: &Options) -> Result<(), String> {
    let ours = ["webrtcbin", "native"].map(Recorder::Ours);
    let mut recorders = Vec::from(ours);
    recorders.extend([Recorder::Bare, Recorder::Floor]);
    recorders.extend(options.other.clone().map(Recorder::Other));
    let is_wanted = |name: &str| options.only.iter().any(|only| only == name);
    recorders.retain(|recorder| options.only.is_empty() || is_wanted(recorder.name()));
    let mut outcomes = vec![];
    let mut is_whole = true;
    for media in &options.media {
        for streams in &options.streams {
            // In turns, so that a machine that is busy for a while is so for all of them.
            let mut of_recorders = vec![vec![]; recorders.len()];
            for round in 1..=options.rounds {
                for (recorder, outcomes) in recorders.iter().zip(&mut of_recorders) {
                    let name = recorder.name();
                    eprintln!("{}, {streams} streams, round {round}: {name}", media.words);
                    let case = Case {
                        recorder,
                        media,
                        streams: *streams,
                        time: Duration::from_secs(options.seconds),
                        is_crowd: options.crowd,
                        is_apart: options.apart,
                        is_starved: options.starved,
                    };
                    let outcome = case.run();
                    if let Err(error) = &outcome {
                        eprintln!("not measured: {error}");
                    }
                    let is_good = |outcome: &Outcome| {
                        outcome.has_one_file_each()
                            && (options.starved || outcome.frames_missing == 0)
                    };
                    is_whole &= outcome.as_ref().is_ok_and(is_good);
                    outcomes.push(outcome.ok());
                }
            }
            outcomes.extend(of_recorders.into_iter().filter_map(Outcome::of_rounds));
        }
    }
    let table = report::table(&outcomes);
    println!("{table}");
    let gstreamer = gst::version_string();
    let results = json!({
        "machine": process::machine(),
        "gstreamer": gstreamer.as_str(),
        "outcomes": outcomes,
    });
    let write = |file: PathBuf, text: String| {
        std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))
    };
    write(
        options.output.with_extension("json"),
        format!("{results:#}\n"),
    )?;
    write(options.output.with_extension("md"), table)?;
    for media in &options.media {
        let name = format!("{}-{}.svg", options.output.display(), media.name);
        let title = format!("{}: processor time to record a stream", media.words);
        plot::draw(&outcomes, media.name, &title, Path::new(&name))?;
    }
    match options.whole && !is_whole {
        true => Err("not everything was recorded".into()),
        false => Ok(()),
    }
}
