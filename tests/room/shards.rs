// SPDX-License-Identifier: MPL-2.0
//! Recorders on several machines divide a room among themselves, here as processes on one.

use std::collections::BTreeMap;
use std::time::Instant;

use gstvdoroom::protocol::{Shard, StreamId};
use vdoroom_testkit::check::layout::closed_parts;
use vdoroom_testkit::check::{self, Report};
use vdoroom_testkit::{AudioCodec, Dialect, Folder, Launch, Publisher, RoomServer};

use crate::GUESTS;
use crate::recording::{DEADLINE, interrupt};

const SHARDS: u32 = 3;
/// The one that is killed.
const KILLED: u32 = 1;
const FRAMES_PER_SECOND: u32 = 5;
/// What everybody sends between two things that happen.
const FRAMES: u64 = 10;
/// Frames on their way when a recording ends.
const ON_THEIR_WAY: u64 = 5;

/// A run of the recorder; it records into a folder of its own.
struct Run {
    index: u32,
    folder: Folder,
    launch: Launch,
}

impl Run {
    fn start(server: &RoomServer, index: u32) -> Self {
        let folder = Folder::new();
        let line = format!(
            "-e -m vdoroomsrc server={} room=r shard-index={index} shard-count={SHARDS} \
             : roomfilesink location=%s-%n.%e",
            server.url()
        );
        Self {
            index,
            launch: Launch::start(&folder.0, &line),
            folder,
        }
    }

    /// Waits until everybody who falls to this shard is being written.
    fn wait_for_parts(&mut self, guests: &BTreeMap<String, Publisher>) {
        for _ in guests.keys().filter(|name| owns(self.index, name)) {
            let opened = "roomfilesink-part-opened";
            self.launch.wait_for_line(opened, DEADLINE);
        }
    }

    /// Ends it, and returns what it recorded, by stream: each in one file, with every frame.
    fn finish(self) -> BTreeMap<String, Report> {
        interrupt(self.launch, &self.folder, DEADLINE);
        let mut recorded = BTreeMap::new();
        for part in closed_parts(&self.folder) {
            let name = part.stream().to_owned();
            assert!(owns(self.index, &name), "{name} in shard {}", self.index);
            let problems = part.report.problems();
            assert_eq!(problems, Vec::<String>::new(), "{name}: {:#?}", part.report);
            let other = recorded.insert(name.clone(), part.report);
            assert!(other.is_none(), "two parts of {name}: {other:#?}");
        }
        assert_eq!(self.folder.recordings().len(), recorded.len());
        recorded
    }
}

fn owns(index: u32, name: &str) -> bool {
    let shard = Shard::new(index, SHARDS).unwrap();
    shard.owns(&StreamId(name.to_owned()))
}

fn guests(server: &RoomServer) -> BTreeMap<String, Publisher> {
    let start = |number| {
        let name = format!("guest{number}");
        let guest = Publisher::builder(server.url(), "r", &name)
            .audio_codec(AudioCodec::Pcmu)
            .frame_rate(FRAMES_PER_SECOND)
            .without_audio();
        (name, guest.start().unwrap())
    };
    (0..GUESTS).map(start).collect()
}

/// Waits until each of them has sent some more.
fn wait_for_frames<'a>(guests: impl IntoIterator<Item = &'a Publisher>) {
    let goal = |guest: &'a Publisher| (guest, guest.frames_sent() + FRAMES);
    let goals: Vec<_> = guests.into_iter().map(goal).collect();
    for (guest, goal) in goals {
        let missing = goal.saturating_sub(guest.frames_sent());
        guest.wait_for_frames(missing, DEADLINE).unwrap();
    }
}

fn frames(report: &Report) -> u64 {
    report
        .video
        .as_ref()
        .map_or(0, |video| video.frames_decoded)
}

#[test]
fn each_guest_is_recorded_by_one_shard_and_one_that_is_killed_costs_the_others_nothing() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut runs: Vec<Run> = (0..SHARDS)
        .map(|index| Run::start(&server, index))
        .collect();
    let guests = guests(&server);
    for run in &mut runs {
        run.wait_for_parts(&guests);
    }
    wait_for_frames(guests.values());
    for (name, guest) in &guests {
        assert_eq!(guest.viewers(), 1, "{name}");
    }
    let killed = runs.remove(KILLED as usize);
    killed.launch.signal("KILL");
    let unharmed = guests.iter().filter(|(name, _)| !owns(KILLED, name));
    wait_for_frames(unharmed.map(|(_, guest)| guest));
    let since = Instant::now();
    let mut again = Run::start(&server, KILLED);
    again.wait_for_parts(&guests);
    println!(
        "shard started again: all recorded after {:?}",
        since.elapsed()
    );
    runs.push(again);
    wait_for_frames(guests.values());
    let sent = guests
        .iter()
        .map(|(name, guest)| (name.clone(), guest.frames_sent()));
    let sent: BTreeMap<String, u64> = sent.collect();
    let mut recorded = BTreeMap::new();
    for run in runs {
        recorded.extend(run.finish());
    }
    assert_eq!(
        recorded.keys().collect::<Vec<_>>(),
        guests.keys().collect::<Vec<_>>(),
    );
    for (name, report) in &recorded {
        if !owns(KILLED, name) {
            let (frames, sent) = (frames(report), sent[name]);
            assert!(frames + ON_THEIR_WAY >= sent, "{name}: {frames} of {sent}");
        }
    }
    let first = killed.folder.recordings();
    let of_killed = guests.keys().filter(|name| owns(KILLED, name)).count();
    assert_eq!(first.len(), of_killed, "{first:?}");
    for file in first {
        assert!(frames(&check::inspect(&file)) > 0, "{}", file.display());
    }
}
