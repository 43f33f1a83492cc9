// SPDX-License-Identifier: MPL-2.0
//! One measurement: a recorder, a kind of media, a number of streams.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use procfs::CurrentSI;
use serde::Serialize;
use vdoroom_testkit::log::Direction;
use vdoroom_testkit::server::Limits;
use vdoroom_testkit::{Folder, Launch, RoomServer};

use crate::frames::{self, Frames};
use crate::process::Usage;
use crate::scene::Media;

/// How long a recorder may take to record everybody, and to end.
const DEADLINE: Duration = Duration::from_secs(60);
/// From then on everybody is recorded as ever: the first 5 s of media take another way (`webrtcbin/direct`).
const SETTLING: Duration = Duration::from_secs(6);
/// A file of this size has more than headers: its first keyframe. Audio alone takes 0.4 s for it.
const FIRST_KEYFRAME: u64 = 3 * 1024;
const POLL: Duration = Duration::from_millis(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorder {
    /// With this engine.
    Ours(&'static str),
    Bare,
    Floor,
    /// A line of the shell with `{server}`, `{room}` and `{folder}`.
    Other(String),
}

impl Recorder {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ours("native") => "native",
            Self::Ours(_) => "vdoroomsrc",
            Self::Bare => "webrtcbin",
            Self::Floor => "floor",
            Self::Other(_) => "other",
        }
    }
}

pub struct Case<'a> {
    pub recorder: &'a Recorder,
    pub media: &'a Media,
    pub streams: usize,
    /// How long is measured.
    pub time: Duration,
    /// The publishers are those that cost little.
    pub is_crowd: bool,
    /// The recorder has a processor of its own.
    pub is_apart: bool,
    /// Another program takes nearly all of that.
    pub is_starved: bool,
}

/// Programs that are kept apart.
enum Side {
    Recorder,
    Publishers,
}

#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub recorder: &'static str,
    pub media: &'static str,
    pub streams: usize,
    /// Bits per second of each video.
    pub bitrate: u64,
    /// Milliseconds of processor time for each second of each stream: the median of the rounds.
    pub cpu_ms_per_stream_second: f64,
    /// The same of each round; none for one that failed.
    pub cpu_ms_of_rounds: Vec<Option<f64>>,
    /// At the end of the measurement, of all streams together.
    pub usage: Usage,
    /// Seconds from the recorder's joining the room until the last stream's first keyframe is in its
    /// file; none for the floor, which joins nothing.
    pub join_s: Option<f64>,
    /// One for each stream, unless a recorder has begun another.
    pub files: usize,
    pub frames_recorded: u64,
    pub frames_missing: u64,
    /// How busy the machine was, from 0 to 1, with publishers and all.
    pub load: f64,
}

impl Outcome {
    pub fn has_one_file_each(&self) -> bool {
        self.files == self.streams
    }

    /// The round with the median of processor time, with the median time to join, and the frames of
    /// all rounds.
    pub fn of_rounds(rounds: Vec<Option<Self>>) -> Option<Self> {
        let cpu = |round: &Self| round.cpu_ms_per_stream_second;
        let cpu_ms_of_rounds = rounds.iter().map(|r| r.as_ref().map(cpu)).collect();
        let mut rounds: Vec<Self> = rounds.into_iter().flatten().collect();
        rounds.sort_by(|a, b| {
            a.cpu_ms_per_stream_second
                .total_cmp(&b.cpu_ms_per_stream_second)
        });
        let mut joins: Vec<f64> = rounds.iter().filter_map(|round| round.join_s).collect();
        joins.sort_by(f64::total_cmp);
        Some(Self {
            cpu_ms_of_rounds,
            join_s: joins.get(joins.len() / 2).copied(),
            frames_recorded: rounds.iter().map(|round| round.frames_recorded).sum(),
            frames_missing: rounds.iter().map(|round| round.frames_missing).sum(),
            ..rounds.get(rounds.len() / 2)?.clone()
        })
    }
}

impl Outcome {
    /// The least and the most of the rounds.
    pub fn cpu_ms_range(&self) -> [f64; 2] {
        let rounds = self.cpu_ms_of_rounds.iter().flatten();
        let least = rounds.clone().copied().reduce(f64::min);
        [
            least.unwrap_or_default(),
            rounds.copied().reduce(f64::max).unwrap_or_default(),
        ]
    }

    /// What it costs as a multiple of what `other` costs: the median of the rounds, each held against
    /// the other's of the same minute.
    pub fn cpu_ratio(&self, other: &Self) -> Option<f64> {
        let rounds = self.cpu_ms_of_rounds.iter().zip(&other.cpu_ms_of_rounds);
        let ratios = rounds.filter_map(|(own, other)| Some((*own)? / (*other)?));
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied()
    }
}

impl Case<'_> {
    pub fn run(&self) -> Result<Outcome, String> {
        let folder = Folder::new();
        let began = Instant::now();
        let server = self.server()?;
        let (mut publishers, recorder) = match self.recorder {
            Recorder::Floor => {
                let mut recorder = self.start(&server, &folder.0);
                recorder.wait_for_line("ready", DEADLINE);
                (self.own("send", &server, &folder.0), recorder)
            }
            _ => {
                let mut publishers = match self.is_crowd {
                    true => self.own("crowd", &server, &folder.0),
                    false => self.own("publish", &server, &folder.0),
                };
                match self.is_crowd {
                    true => drop(publishers.wait_for_line("all have joined", DEADLINE)),
                    false => self.wait_for_publishers(&server)?,
                }
                (publishers, self.start(&server, &folder.0))
            }
        };
        let bitrate = publishers.wait_for_line("bitrate", DEADLINE);
        let bitrate = bitrate
            .rsplit(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let recorded = match self.wait_for_keyframes(&folder.0) {
            Ok(recorded) => recorded,
            Err(error) => {
                let [publishers, recorder] = [publishers, recorder].map(|program| {
                    program.signal("KILL");
                    program.wait(DEADLINE).1
                });
                return Err(format!(
                    "{error}; the publishers said:\n{publishers}\nthe recorder said:\n{recorder}"
                ));
            }
        };
        let join_s = joined(&server).map(|at| (recorded - began).as_secs_f64() - at.as_secs_f64());
        thread::sleep(SETTLING);

        let rival = self.is_starved.then(|| {
            let line = format!(
                "exec {}sh -c 'while :; do :; done'",
                self.place(&Side::Recorder)
            );
            run(&folder.0, &line)
        });
        let (before, busy_before, since) =
            (Usage::of_tree(recorder.pid())?, busy()?, Instant::now());
        thread::sleep(self.time);
        let (after, busy_after) = (Usage::of_tree(recorder.pid())?, busy()?);
        let seconds = since.elapsed().as_secs_f64();
        if let Some(rival) = rival {
            rival.signal("KILL");
            rival.wait(DEADLINE);
            thread::sleep(SETTLING);
        }

        recorder.signal("INT");
        let (_, printed) = recorder.wait(DEADLINE);
        publishers.signal("INT");
        publishers.wait(DEADLINE);
        let frames = self
            .count(&folder.0)
            .map_err(|e| format!("{e}\n{printed}"))?;
        let cpu_ms = (after.cpu_ms - before.cpu_ms) / (seconds * self.streams as f64);
        Ok(Outcome {
            recorder: self.recorder.name(),
            media: self.media.name,
            streams: self.streams,
            bitrate,
            cpu_ms_per_stream_second: cpu_ms,
            cpu_ms_of_rounds: vec![Some(cpu_ms)],
            usage: after,
            join_s: join_s.filter(|_| *self.recorder != Recorder::Floor),
            files: files(&folder.0)?.len(),
            frames_recorded: frames.recorded,
            frames_missing: frames.missing,
            load: (busy_after.0 - busy_before.0) / (busy_after.1 - busy_before.1),
        })
    }

    /// One that lets all of them in, from this address, and keeps their messages.
    fn server(&self) -> Result<RoomServer, String> {
        let limits = Limits::default();
        let limits = Limits {
            connections_per_address: limits.connections_per_address.max(2 * self.streams),
            ..limits
        };
        let server = RoomServer::builder().logged().limits(limits).start();
        server.map_err(|e| e.to_string())
    }

    fn start(&self, server: &RoomServer, folder: &Path) -> Launch {
        match self.recorder {
            Recorder::Ours(engine) => {
                let modest = if self.is_starved { "nice -n 19 " } else { "" };
                let line = format!(
                    "exec {}{modest}gst-launch-1.0 -e vdoroomsrc server={} room=r password=false \
                     engine={engine} : roomfilesink location=rec_",
                    self.place(&Side::Recorder),
                    server.url()
                );
                run(folder, &line)
            }
            Recorder::Bare => self.own("bare", server, folder),
            Recorder::Floor => self.own("floor", server, folder),
            Recorder::Other(line) => {
                let line = line
                    .replace("{server}", server.url())
                    .replace("{room}", "r")
                    .replace("{folder}", &folder.display().to_string());
                run(folder, &format!("{}{line}", self.place(&Side::Recorder)))
            }
        }
    }

    /// This program in another role.
    fn own(&self, role: &str, server: &RoomServer, folder: &Path) -> Launch {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("recording"));
        let place = match role {
            "bare" | "floor" => self.place(&Side::Recorder),
            _ => self.place(&Side::Publishers),
        };
        let line = format!(
            "exec {place}{} {role} --server {} --media {} --streams {}",
            program.display(),
            server.url(),
            self.media.name,
            self.streams,
        );
        run(folder, &line)
    }

    /// What makes a program of this side run where it is to.
    fn place(&self, side: &Side) -> String {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        match side {
            _ if !self.is_apart => String::new(),
            Side::Recorder => "taskset --cpu-list 0 ".into(),
            Side::Publishers if processors > 1 => {
                format!("taskset --cpu-list 1-{} ", processors - 1)
            }
            Side::Publishers => String::new(),
        }
    }

    fn wait_for_publishers(&self, server: &RoomServer) -> Result<(), String> {
        for number in 0..self.streams {
            let stream = format!("\"guest{number}\"");
            server.wait_for(DEADLINE, |entry| {
                entry.direction == Direction::Received
                    && entry.text.contains("seed")
                    && entry.text.contains(&stream)
            })?;
        }
        Ok(())
    }

    /// When the last stream's first keyframe was in its file.
    fn wait_for_keyframes(&self, folder: &Path) -> Result<Instant, String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let written = files(folder)?
                .into_values()
                .filter(|size| *size >= FIRST_KEYFRAME);
            let now = Instant::now();
            match written.count() {
                count if count >= self.streams => return Ok(now),
                count if now >= deadline => {
                    return Err(format!("{count} of {} streams are recorded", self.streams));
                }
                _ => thread::sleep(POLL),
            }
        }
    }

    fn count(&self, folder: &Path) -> Result<Frames, String> {
        let mut sum = Frames::default();
        for file in files(folder)?.into_keys() {
            let frames = frames::count(&file, self.media.script.rate)?;
            sum.recorded += frames.recorded;
            sum.missing += frames.missing;
        }
        Ok(sum)
    }
}

/// As users have it. In tests a critical warning is the end, and GStreamer's senders before 1.24 give
/// one now and then when the first report of a receiver comes (`g_hash_table_foreach`).
fn run(folder: &Path, line: &str) -> Launch {
    Launch::shell(folder, line, |command| {
        command.env_remove("G_DEBUG");
    })
}

/// The recordings in a folder, and their sizes.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, u64>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| e.to_string())?;
    let of = |entry: std::fs::DirEntry| Some((entry.path(), entry.metadata().ok()?.len()));
    let mut files: BTreeMap<_, _> = entries.flatten().filter_map(of).collect();
    files.retain(|path, _| {
        let extension = path.extension().and_then(|e| e.to_str());
        matches!(extension, Some("ts" | "mkv" | "webm"))
    });
    Ok(files)
}

/// When the recorder, who came last, joined, since the server began.
fn joined(server: &RoomServer) -> Option<Duration> {
    let log = server.log();
    let mut joins = log
        .iter()
        .rev()
        .filter(|entry| entry.text.contains("joinroom"));
    Some(joins.next()?.at)
}

/// Processor time of the whole machine: busy, and in all.
fn busy() -> Result<(f64, f64), String> {
    let total = procfs::KernelStats::current()
        .map_err(|e| e.to_string())?
        .total;
    let idle = total.idle_ms() + total.iowait_ms().unwrap_or(0);
    let busy = total.user_ms()
        + total.nice_ms()
        + total.system_ms()
        + total.irq_ms().unwrap_or(0)
        + total.softirq_ms().unwrap_or(0);
    Ok((busy as f64, (busy + idle) as f64))
}
