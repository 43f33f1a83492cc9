// SPDX-License-Identifier: MPL-2.0
//! Six people in a room for a long time: somebody leaves or comes every 20 s, and one packet in a
//! hundred is lost. Nothing piles up in the recorder, and next to no frame is missing in a file.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use vdoroom_testkit::check::{self, Report};
use vdoroom_testkit::own_network::{in_a_network_of_its_own, shell};
use vdoroom_testkit::{Codec, Dialect, Folder, Holdings, Launch, Publisher, RoomServer};

const PEOPLE: [(&str, Codec); 6] = [
    ("alice", Codec::H264),
    ("bob", Codec::Vp8),
    ("carol", Codec::H264Main),
    ("dave", Codec::Vp8),
    ("erin", Codec::H264),
    ("frank", Codec::Vp9),
];

/// Between somebody's leaving and the return, and the next one's leaving.
const STEP: Duration = Duration::from_secs(20);

const DEADLINE: Duration = Duration::from_secs(30);

/// Memory may grow by this between the first minute and the last.
const GROWTH_KIB: usize = 16 * 1024;

/// Threads that come and go.
const THREADS: usize = 4;

/// A machine that stands still for longer than `latency` loses what is not asked for again in time:
/// one frame in so many.
const ONE_IN: u64 = 10_000;

fn minutes() -> u64 {
    let set = std::env::var("VDOROOM_SOAK_MINUTES").ok();
    set.and_then(|minutes| minutes.parse().ok()).unwrap_or(45)
}

fn come(server: &RoomServer, (name, codec): (&str, Codec)) -> Publisher {
    let publisher = Publisher::builder(server.url(), "soak", name)
        .codec(codec)
        .frame_rate(10)
        .start()
        .unwrap();
    publisher.wait_for_viewer(DEADLINE).unwrap();
    publisher
}

/// Those who are there, and how many frames each visit sent.
struct Room<'a> {
    server: &'a RoomServer,
    there: BTreeMap<&'static str, Publisher>,
    visits: Vec<(&'static str, u64)>,
}

impl Room<'_> {
    fn come(&mut self, person: (&'static str, Codec)) {
        self.there.insert(person.0, come(self.server, person));
    }

    /// Every second one says goodbye.
    fn leave(&mut self, name: &'static str) {
        let publisher = self.there.remove(name).unwrap();
        assert_eq!(publisher.complaints(), Vec::<String>::new(), "{name}");
        let status = publisher.frames_sent();
        match self.visits.len() % 2 {
            0 => drop(publisher.stop()),
            _ => drop(publisher.crash()),
        }
        self.visits.push((name, status));
    }
}

#[test]
fn six_people_come_and_go_and_nothing_piles_up() {
    if !in_a_network_of_its_own("soak::six_people_come_and_go_and_nothing_piles_up") {
        return;
    }
    assert!(shell(
        "nft add rule inet t in meta l4proto udp numgen random mod 100 \\< 1 counter drop"
    ));
    gst::init().unwrap();
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let line = format!(
        "-e vdoroomsrc server={} room=soak latency=500 : roomfilesink location={}/%s-%n.%e",
        server.url(),
        folder.0.display()
    );
    let mut launch = Launch::start(&folder.0, &line);
    let mut room = Room {
        server: &server,
        there: BTreeMap::new(),
        visits: Vec::new(),
    };
    for person in PEOPLE {
        room.come(person);
    }
    let held = watch(&mut room, &mut launch);
    if launch.is_running() {
        for (name, _) in PEOPLE {
            room.leave(name);
        }
        launch.signal("INT");
    }
    let (status, printed) = launch.wait(DEADLINE);
    assert!(status.success(), "{printed}");
    shell("nft list chain inet t in");
    report(&folder, &room.visits, &held, &printed);
}

/// Lets people come and go; what the recorder held each time when all were there.
fn watch(room: &mut Room, launch: &mut Launch) -> Vec<(Duration, Holdings)> {
    let start = Instant::now();
    let length = Duration::from_secs(minutes() * 60);
    let mut held = Vec::new();
    for number in 0.. {
        // The pace at which people come and go.
        std::thread::sleep(STEP);
        if !launch.is_running() {
            break;
        }
        held.push((start.elapsed(), Holdings::of(launch.pid())));
        if start.elapsed() >= length {
            break;
        }
        let person = PEOPLE[number * 5 % PEOPLE.len()];
        room.leave(person.0);
        std::thread::sleep(STEP);
        room.come(person);
    }
    held
}

fn report(folder: &Folder, visits: &[(&str, u64)], held: &[(Duration, Holdings)], printed: &str) {
    let mut damaged = Vec::new();
    let mut lost = 0;
    let mut frames = 0;
    let mut files = 0;
    for line in folder.manifest() {
        if line["event"] != "part-closed" {
            continue;
        }
        let file = line["file"].as_str().unwrap();
        let report = check::inspect(folder.0.join(file));
        files += 1;
        frames += report
            .video
            .as_ref()
            .map_or(0, |video| video.frames_decoded);
        println!("{file}: {}", describe(&report));
        let of_this = lost_frames(&report);
        lost += of_this.expect("a frame with a counter");
        if of_this != Some(0) {
            damaged.push(format!("{file}: {report:#?}"));
        }
    }
    let sent: u64 = visits.iter().map(|(_, frames)| frames).sum();
    println!(
        "{} visits, {sent} frames sent, {files} files, {frames} frames recorded",
        visits.len()
    );
    for (since, holdings) in held {
        println!("{:>5} s: {holdings:?}", since.as_secs());
    }
    println!("{printed}");
    assert!(lost * ONE_IN <= sent, "{lost} of {sent} lost: {damaged:#?}");
    assert_eq!(files, visits.len(), "one file for each visit");
    let (Some((_, first)), Some((_, last))) = (held.first(), held.last()) else {
        panic!("nothing was measured");
    };
    let seen = format!("{first:?}, then {last:?}");
    assert!(last.threads <= first.threads + THREADS, "{seen}");
    assert!(last.descriptors <= first.descriptors, "{seen}");
    assert!(
        last.anonymous_kib <= first.anonymous_kib + GROWTH_KIB,
        "{seen}"
    );
}

fn lost_frames(report: &Report) -> Option<u64> {
    let counters = report.video.as_ref()?.counters.as_ref()?;
    Some(counters.missing)
}

fn describe(report: &Report) -> String {
    let counters = report.video.as_ref().and_then(|v| v.counters.as_ref());
    format!("{counters:?}, problems: {:?}", report.problems())
}
