// SPDX-License-Identifier: MPL-2.0
//! `vdoroom export`: from a recording to what one hands on. Plans the files of each manifest, makes
//! one after the other with a bar for each, and prints a table of them.

// From bottom to top: imports run downwards only.
mod options;
mod outcome;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use vdoroom_platform::file::{self, FileId};
use vdoroom_recordings::export::{Measured, Output, Plan, Recording, Refused, Request};
use vdoroom_recordings::manifest::Manifest;
use vdoroom_recordings::media;
use vdoroom_recordings::render::{self, Watch};
use vdoroom_server::printable;

use crate::manifests;

pub use options::{Options, PAGE};

use outcome::{Outcome, Row, State};

const FAILED: u8 = 1;
const WRONG: u8 = 2;
const INCOMPLETE: u8 = 3;
const BAR: &str = "{prefix} {wide_bar} {percent:>3} % {eta:>4}";

pub fn run(options: &Options) -> ExitCode {
    let request = options.request();
    let found = request.check().and_then(|()| {
        let path = options.path.display();
        manifests::at(&options.path).map_err(|error| format!("{path}: {error}"))
    });
    let ended = match found {
        Ok(paths) => export(options, &request, &paths),
        Err(error) => Err((WRONG, error)),
    };
    match ended {
        Ok(outcome) => {
            outcome.print(options.json);
            match outcome.is_whole() {
                true => ExitCode::SUCCESS,
                false if outcome.has_failed() && !outcome.is_interrupted => ExitCode::from(FAILED),
                false => ExitCode::from(INCOMPLETE),
            }
        }
        Err((status, error)) => {
            eprintln!("vdoroom export: {}", printable(&error));
            if options.json {
                let outcome = Outcome {
                    warnings: vec![error],
                    ..Outcome::default()
                };
                outcome.print(true);
            }
            ExitCode::from(status)
        }
    }
}

/// Files, and the folder that they come into.
struct Job {
    folder: PathBuf,
    plan: Plan,
}

fn export(
    options: &Options,
    request: &Request,
    paths: &[PathBuf],
) -> Result<Outcome, (u8, String)> {
    let failed = |error: String| (FAILED, error);
    let Planned {
        jobs,
        originals,
        errors,
        others,
    } = plan(options, request, paths);
    if jobs.is_empty() {
        return Err(failed([errors, others].concat().join("; ")));
    }
    // Until here nothing is written, and an interrupt ends the program as any other.
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = cancelled.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .map_err(|error| failed(error.to_string()))?;
    let mut outcome = Outcome {
        notes: others,
        warnings: errors,
        ..Outcome::default()
    };
    for Job { folder, plan } in jobs {
        std::fs::create_dir_all(&folder)
            .map_err(|error| failed(format!("{}: {error}", folder.display())))?;
        for output in &plan.outputs {
            if cancelled.load(Ordering::Relaxed) {
                break;
            }
            let file = folder.join(&output.file);
            let row = match is_recorded(&file, &originals) {
                true => {
                    let error = "this is a recorded file: choose another folder by --output";
                    Row::new(output, file, State::Failed, Some(error.into()))
                }
                false => make(options, output, file, &cancelled),
            };
            outcome.outputs.push(row);
        }
        outcome.notes.extend(plan.notes);
        outcome.warnings.extend(plan.warnings);
    }
    if cancelled.load(Ordering::Relaxed) {
        outcome.is_interrupted = true;
        outcome
            .warnings
            .push("interrupted: call it again to go on".into());
    }
    Ok(outcome)
}

struct Planned {
    jobs: Vec<Job>,
    /// Files that a recorder wrote, whatever they are called.
    originals: HashSet<FileId>,
    /// Why recordings cannot be exported.
    errors: Vec<String>,
    /// Recordings that have nothing of what is asked for.
    others: Vec<String>,
}

/// Whether a recorder has written this file, by the manifests that are exported and by those around
/// it.
fn is_recorded(file: &Path, originals: &HashSet<FileId>) -> bool {
    file::id(file).is_ok_and(|file| originals.contains(&file)) || !Manifest::about(file).is_empty()
}

/// What is to be made of each recording.
fn plan(options: &Options, request: &Request, paths: &[PathBuf]) -> Planned {
    let mut manifests: Vec<_> = paths.iter().map(|path| Manifest::read(path)).collect();
    Manifest::join(&mut manifests);
    // One that went on in another and has nothing of its own is no recording.
    manifests.retain(|manifest| !manifest.parts.is_empty() || !manifest.damage.is_empty());
    let several = manifests.len() > 1;
    let (mut jobs, mut errors, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for manifest in &manifests {
        let recording = Recording::of(manifest, &measure);
        match Plan::of(recording, request) {
            Ok(plan) => jobs.push(Job {
                folder: folder(options, &manifest.path, several),
                plan,
            }),
            Err(refused) => {
                let list = match &refused {
                    Refused::NotThere(_) => &mut others,
                    Refused::Impossible(_) => &mut errors,
                };
                list.push(format!("{}: {refused}", manifest.path.display()));
            }
        }
    }
    if manifests.is_empty() {
        errors.push("nothing was recorded".into());
    }
    let is_there = |name: &String| {
        jobs.iter()
            .any(|job: &Job| !job.plan.missing.contains(name))
    };
    let nowhere = request.people.iter().filter(|name| !is_there(name));
    let nowhere: Vec<_> = nowhere.cloned().collect();
    if !jobs.is_empty() && !nowhere.is_empty() {
        errors.push(format!("nobody is called {}", nowhere.join(", ")));
    }
    let files = manifests.iter().flat_map(|manifest| {
        let parts = manifest.parts.iter();
        parts.map(|part| part.locate(&manifest.path))
    });
    Planned {
        jobs,
        originals: files.filter_map(|file| file::id(file).ok()).collect(),
        errors,
        others,
    }
}

/// Decodes a file that the recorder did not close.
fn measure(file: &Path) -> Measured {
    let report = media::inspect(file);
    let first = report.video.iter().map(|video| (video.width, video.height));
    let all = report
        .video
        .iter()
        .flat_map(|video| video.sizes.iter().copied());
    Measured {
        length: report.duration().nseconds(),
        sizes: first.chain(all).collect(),
    }
}

fn folder(options: &Options, manifest: &Path, several: bool) -> PathBuf {
    let beside = manifest.parent().unwrap_or(Path::new("")).join("export");
    let folder = options.output.clone().unwrap_or(beside);
    let name = manifest.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".jsonl").unwrap_or(&name);
    let name = name.strip_suffix(".manifest").unwrap_or(name);
    match several {
        true => folder.join(name),
        false => folder,
    }
}

fn make(options: &Options, output: &Output, file: PathBuf, cancelled: &AtomicBool) -> Row {
    if file.exists() && !options.overwrite {
        return Row::new(output, file, State::Skipped, None);
    }
    let progress = Progress::new(output, cancelled);
    let mut made = render::render(output, &file, &options.settings(), &progress);
    let is_refused = made.as_ref().is_err_and(|failed| failed.is_refused);
    let encoded = output
        .encoded()
        .filter(|_| is_refused && !progress.is_cancelled());
    if let Some(encoded) = &encoded {
        made = render::render(encoded, &file, &options.settings(), &progress);
    }
    let output = encoded.as_ref().unwrap_or(output);
    progress.bar.finish_and_clear();
    match made.map_err(|failed| failed.text) {
        Ok(problems) if problems.is_empty() => Row::new(output, file, State::Written, None),
        Ok(problems) => Row::new(output, file, State::Incomplete, Some(problems.join("; "))),
        Err(error) => Row::new(output, file, State::Failed, Some(error)),
    }
}

/// A bar on the terminal, if standard error is one.
struct Progress<'a> {
    bar: ProgressBar,
    cancelled: &'a AtomicBool,
}

impl<'a> Progress<'a> {
    fn new(output: &Output, cancelled: &'a AtomicBool) -> Self {
        let bar = ProgressBar::new(output.length);
        // Without a template that is wrong in itself, this cannot fail.
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        bar.set_prefix(printable(&output.file));
        Self { bar, cancelled }
    }
}

impl Watch for Progress<'_> {
    fn at(&self, time: u64) {
        self.bar.set_position(time);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
