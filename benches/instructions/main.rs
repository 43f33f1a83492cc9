// SPDX-License-Identifier: MPL-2.0
//! A guard: how many instructions the work for a room and for a buffer takes, counted by valgrind's
//! callgrind, beside what it took when the baseline was written. That does not depend on how busy
//! the machine is.
//!
//! ```sh
//! cargo bench --profile dev --features fuzzing --bench instructions            # compare
//! cargo bench --profile dev --features fuzzing --bench instructions -- --save  # write the baseline
//! ```
//!
//! Each case runs twice, with work and with twice as much; the difference is without start-up. The
//! unoptimised build is counted, since the tests have it already: the figures tell a change, not a
//! cost. Another compiler or GStreamer counts otherwise: then nothing is done.
//!
//! One case has no baseline: each of many people must cost about as much as each of a few.

mod baseline;
mod buffers;
mod packets;
mod people;
mod room;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;

use clap::{Parser, ValueEnum};

use baseline::Baseline;

/// How far a count may be from the baseline.
const TOLERANCE: f64 = 0.05;

/// How often is counted what is off.
const ATTEMPTS: u32 = 4;

/// Each of many people may cost so much more than each of a few.
const FEW: u32 = 8;
const MANY: u32 = 256;
const GROWTH: f64 = 0.1;

#[derive(Clone, Copy, ValueEnum)]
enum Case {
    /// The protocol's state machine, an hour in a room of ten who come and go
    Room,
    /// A person into a Matroska file, a second of video and audio
    Matroska,
    /// A person into a transport stream, a second of video and audio
    TransportStream,
    /// The same as Matroska, from packets as webrtcbin gives them
    Vp8Packets,
    /// The same as TransportStream, from packets
    H264Packets,
    /// As many people as there are units, a second of each
    People,
}

/// Those with a baseline.
const KNOWN: [Case; 5] = [
    Case::Room,
    Case::Matroska,
    Case::TransportStream,
    Case::Vp8Packets,
    Case::H264Packets,
];

impl Case {
    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Once and twice this many units are run.
    fn units(self) -> u32 {
        match self {
            Self::Room => 1,
            _ => 40,
        }
    }

    fn run(self, units: u32) -> Result<(), String> {
        match self {
            Self::Room => room::hours(units),
            Self::Matroska => buffers::record(buffers::VP8, units),
            Self::TransportStream => buffers::record(buffers::H264, units),
            Self::Vp8Packets => packets::record("VP8", buffers::VP8, units),
            Self::H264Packets => packets::record("H264", buffers::H264, units),
            Self::People => people::record(units),
        }
    }

    /// Instructions for one unit. The two runs share nothing, so that two processors take both.
    fn count(self) -> Result<f64, String> {
        let units = self.units();
        let (once, twice) = thread::scope(|scope| {
            let once = scope.spawn(|| counted(self, units));
            let twice = counted(self, 2 * units);
            let once = once.join();
            (once.unwrap_or_else(|_| Err("a thread ended".into())), twice)
        });
        Ok((twice? as f64 - once? as f64) / f64::from(units))
    }
}

#[derive(Parser)]
#[command(
    name = "instructions",
    about = "Counts instructions and compares with the baseline"
)]
struct Options {
    /// Write the baseline
    #[arg(long)]
    save: bool,
    #[arg(long, hide = true, requires = "units")]
    case: Option<Case>,
    #[arg(long, hide = true)]
    units: Option<u32>,
    /// What cargo bench says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = match (options.case, options.units) {
        (Some(case), Some(units)) => case.run(units),
        _ => guard(options.save),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn guard(save: bool) -> Result<(), String> {
    // Writes GStreamer's registry, which the first run would do otherwise, and be counted.
    gst::init().map_err(|e| e.to_string())?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/baseline.json");
    let now = Baseline::of_this_machine()?;
    if save {
        return write(now, &file);
    }
    let before = Baseline::read(&file)?;
    if !before.is_comparable(&now) {
        let with = before.made_with();
        println!("Nothing is counted: the baseline was made with {with}.");
        return Ok(());
    }
    let mut off = vec![];
    for case in KNOWN {
        let name = case.name();
        let Some(expected) = before.counts.get(&name) else {
            return Err(format!("{name}: not in the baseline; write it with --save"));
        };
        let change = |count: f64| count / expected - 1.0;
        let mut count = case.count()?;
        // A busy machine wakes threads more often, in either of the two runs: the nearest counts.
        for _ in 1..ATTEMPTS {
            if change(count).abs() > TOLERANCE {
                let again = case.count()?;
                if change(again).abs() < change(count).abs() {
                    count = again;
                }
            }
        }
        let change = change(count);
        println!("{name}: {count:.0} instructions, {:+.1} %", change * 100.0);
        if change.abs() > TOLERANCE {
            off.push(name);
        }
    }
    if off.is_empty() {
        return compare_people();
    }
    Err(format!(
        "{} changed by more than {:.0} %: mend it, or say why in the commit and write the baseline \
         anew with --save",
        off.join(", "),
        TOLERANCE * 100.0
    ))
}

fn compare_people() -> Result<(), String> {
    let each = |people: u32| {
        let count = counted(Case::People, people)?;
        Ok::<f64, String>(count as f64 / f64::from(people))
    };
    let (few, many) = (each(FEW)?, each(MANY)?);
    if few < 1.0 {
        let functions = people::COUNTED.join(" and ");
        return Err(format!("callgrind knows no {functions}"));
    }
    let growth = many / few - 1.0;
    println!(
        "people: {many:.0} instructions for each of {MANY}, {:+.1} % beside each of {FEW}",
        growth * 100.0
    );
    if growth > GROWTH {
        return Err("each of many people costs more than each of a few".into());
    }
    Ok(())
}

fn write(mut baseline: Baseline, file: &Path) -> Result<(), String> {
    for case in KNOWN {
        let counts = (0..ATTEMPTS).map(|_| case.count());
        let counts = counts.collect::<Result<Vec<f64>, String>>()?;
        baseline.counts.insert(case.name(), median(counts).round());
    }
    baseline.write(file)
}

fn median(mut counts: Vec<f64>) -> f64 {
    counts.sort_by(f64::total_cmp);
    counts.get(counts.len() / 2).copied().unwrap_or_default()
}

/// Runs this program under callgrind, and reads how many instructions it executed.
fn counted(case: Case, units: u32) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let parts: &[&str] = match case {
        Case::People => &people::COUNTED,
        _ => &[],
    };
    let parts = parts.iter().map(|name| format!("--toggle-collect={name}"));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(parts)
        .arg(program)
        .args(["--case", &case.name(), "--units", &units.to_string()])
        .output()
        .map_err(|e| format!("valgrind: {e}"))?;
    let printed = String::from_utf8_lossy(&output.stderr);
    let collected = printed
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok());
    match collected {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(format!("{}: {}: {printed}", case.name(), output.status)),
    }
}
