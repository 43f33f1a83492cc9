// SPDX-License-Identifier: MPL-2.0
//! Broken media of each codec, through all that is behind webrtcbin into files. Each codec has a
//! process of its own, so that a crash is told as what it is.
//!
//! `MEDIA_SECONDS=600 MEDIA_ONLY=H264 cargo test --lib media` looks for longer than a test may, goes
//! on after a crash, and keeps the input in `fuzz/artifacts`; `MEDIA_FIRST` says with which number
//! to begin.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use vdoroom_testkit::{Folder, corpus};

use crate::fuzzing;

/// Changed inputs of each codec.
const INPUTS: u64 = 40;

/// Most of the time a recorder waits for its clock.
const AT_ONCE: usize = 4;

/// Tells a process which codec it is to try, and how.
const CHILD: &str = "VDOROOM_MEDIA_CHILD";

/// What is tried.
struct Target {
    /// Of the corpus.
    name: &'static str,
    test: &'static str,
    /// Names of the streams, which begin with the codec.
    streams: Vec<&'static str>,
    check: fn(&[u8]) -> Result<(), String>,
}

#[test]
fn whatever_packets_come_the_recorder_goes_on() {
    try_each(&Target {
        name: "media",
        test: "tests::media::whatever_packets_come_the_recorder_goes_on",
        streams: fuzzing::names().expect("there are seeds"),
        check: fuzzing::packets,
    });
}

#[test]
fn whatever_frames_come_the_recorder_goes_on() {
    let names = fuzzing::form_names().expect("there are seeds");
    // In each container.
    let streams = names.iter().cycle().take(5 * names.len());
    try_each(&Target {
        name: "frames",
        test: "tests::media::whatever_frames_come_the_recorder_goes_on",
        streams: streams.copied().collect(),
        check: fuzzing::frames,
    });
}

/// A multiplexer that orders frames by their times would wait for all others: for good.
#[test]
fn a_frame_dated_years_ahead_stops_no_recording() {
    let forms = fuzzing::form_names().expect("there are seeds");
    let ts = forms
        .iter()
        .position(|name| name.starts_with("H264") && name.contains("byte-stream"));
    let form = u8::try_from(ts.expect("H.264")).expect("a byte");
    // The second frame: its time, its decoding time, its duration.
    for field in [8, 9, 12] {
        let dated = [form, field, 1, 2, 10];
        assert_eq!(fuzzing::frames(&dated), Ok(()), "{field}");
    }
}

/// As the child that is named in the environment, or each codec in a child.
fn try_each(target: &Target) {
    if let Ok(child) = env::var(CHILD) {
        return run(&child, target);
    }
    let only = env::var("MEDIA_ONLY").unwrap_or_default();
    let codecs: BTreeSet<&str> = target.streams.iter().map(|name| codec(name)).collect();
    let codecs: Vec<&str> = codecs
        .into_iter()
        .filter(|c| c.starts_with(&only))
        .collect();
    let codecs = Mutex::new(codecs.into_iter());
    let next = || codecs.lock().expect("nothing fails with it").next();
    let workers = || {
        let found = std::iter::from_fn(next).flat_map(|codec| hunt(target, codec));
        found.collect::<Vec<String>>()
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(workers)).collect();
        let found = threads.into_iter().map(|t| t.join().expect("a hunt ends"));
        found.flatten().collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn codec(name: &str) -> &str {
    name.split('-').next().unwrap_or(name)
}

/// What was found of a codec, in words.
fn hunt(target: &Target, codec: &str) -> Vec<String> {
    let folder = Folder::new();
    let folder = &folder.0;
    let known = folder.join("known");
    fs::create_dir_all(&known).expect("a folder");
    for (name, input) in corpus::of(target.name) {
        if target.codec_of(&input) == Some(codec) {
            fs::write(known.join(name), input).expect("a file");
        }
    }
    let number = |name: &str| env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let end = number("MEDIA_SECONDS").map(|s| Instant::now() + Duration::from_secs(s));
    let began = number("MEDIA_FIRST").unwrap_or(0);
    let mut next = began;
    let mut failures = Vec::new();
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()).as_secs());
        if left == Some(0) {
            break;
        }
        let seconds = left.unwrap_or(0);
        let output = start(
            target.test,
            &format!("{}\n{codec}\n{next}\n{seconds}", folder.display()),
        );
        let at = fs::read_to_string(folder.join("at")).unwrap_or_default();
        if output.status.success() {
            next = at.parse().map_or(next, |at: u64| at + 1);
            break;
        }
        let input = fs::read(folder.join("input")).unwrap_or_default();
        let failure = format!("{codec}, {at}: {}", describe(&output, &input));
        if end.is_none() {
            failures.push(failure);
            break;
        }
        eprintln!("{failure}");
        keep(target.name, &input);
        match at.parse::<u64>() {
            Ok(at) => next = at + 1,
            // One of the corpus.
            Err(_) => fs::remove_file(known.join(&at)).expect("a file"),
        }
    }
    if end.is_some() {
        eprintln!("{codec}: {} inputs", next - began);
    }
    failures
}

impl Target {
    fn codec_of(&self, input: &[u8]) -> Option<&'static str> {
        let name = self.streams.get(usize::from(*input.first()?))?;
        Some(codec(name))
    }

    /// The numbers of a codec's streams.
    fn of(&self, wanted: &str) -> Vec<u8> {
        let streams = (0..=u8::MAX).zip(&self.streams);
        let own = streams.filter(|(_, name)| codec(name) == wanted);
        own.map(|(number, _)| number).collect()
    }
}

fn start(test: &str, child: &str) -> Output {
    Command::new(env::current_exe().expect("this program has a path"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, child)
        // The harness tells critical warnings, and knows which are harmless.
        .env_remove("G_DEBUG")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .expect("this program runs again")
}

fn describe(output: &Output, input: &[u8]) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    let said = said[said.len().saturating_sub(6)..].join(" | ");
    let signal = output.status.signal();
    format!("signal {signal:?}: {said}: b\"{}\"", input.escape_ascii())
}

/// Where the fuzzers keep what they find.
fn keep(target: &str, input: &[u8]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/artifacts");
    let folder = folder.join(target);
    fs::create_dir_all(&folder).expect("a folder");
    let name = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let file = folder.join(format!("crash-{name:016x}"));
    fs::write(file, input).expect("an input can be kept");
}

/// The known inputs of a codec, and then changed ones.
fn run(child: &str, target: &Target) {
    let [folder, codec, first, seconds] = child.split('\n').collect::<Vec<_>>()[..] else {
        panic!("{child}");
    };
    let folder = Path::new(folder);
    let first: u64 = first.parse().expect("a number");
    let seconds: u64 = seconds.parse().expect("a number");
    let attempt = |name: &str, input: &[u8]| {
        fs::write(folder.join("at"), name).expect("a file");
        fs::write(folder.join("input"), input).expect("a file");
        if let Err(broken) = (target.check)(input) {
            panic!("{broken}");
        }
    };
    let known = fs::read_dir(folder.join("known")).expect("a folder");
    let known: BTreeSet<PathBuf> = known.flatten().map(|entry| entry.path()).collect();
    for path in known {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        attempt(&name, &fs::read(&path).expect("an input"));
    }
    let streams = target.of(codec);
    let end = Instant::now() + Duration::from_secs(seconds);
    for count in first.. {
        let over = match seconds {
            0 => count >= first + INPUTS,
            _ => Instant::now() >= end,
        };
        if over {
            break;
        }
        let at = usize::try_from(count).unwrap_or(0) % streams.len();
        attempt(&count.to_string(), &input(streams[at], count));
    }
}

/// The same for each number, on any machine.
fn input(stream: u8, count: u64) -> Vec<u8> {
    let mut chance = ChaCha8Rng::seed_from_u64(count << 8 | u64::from(stream));
    let changes = match count {
        // As it was sent.
        0 | 1 => 0,
        // Most have few changes.
        _ => 1 + chance.next_u32() % (1 + chance.next_u32() % 16),
    };
    let mut input = vec![stream];
    for _ in 0..changes {
        input.extend(chance.next_u32().to_le_bytes());
    }
    input
}
