// SPDX-License-Identifier: MPL-2.0
//! What receiving costs: the time of the I/O thread.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::LONGEST;
use super::publisher::Publisher;
use super::viewer::Viewer;

const THREAD: &str = "vdoroom:rtc";

fn tasks() -> Vec<PathBuf> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let tasks = tasks.map(|task| task.unwrap().path());
    let is_ours = |task: &PathBuf| {
        fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == THREAD)
    };
    tasks.filter(is_ours).collect()
}

/// Until there are so many I/O threads.
pub fn wait_for_threads(longest: Duration, count: usize) {
    let started = Instant::now();
    while tasks().len() != count {
        assert!(started.elapsed() < longest, "{} I/O threads", tasks().len());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The time on a CPU, and how often it was given up.
fn used() -> (Duration, u64) {
    let [task] = &tasks()[..] else {
        panic!("not one I/O thread");
    };
    let schedule = fs::read_to_string(task.join("schedstat")).unwrap();
    let nanoseconds = schedule.split(' ').next().unwrap().parse().unwrap();
    let status = fs::read_to_string(task.join("status")).unwrap();
    let switches = status.lines().filter(|line| line.contains("ctxt_switches"));
    let switches = switches.map(|line| {
        line.split_whitespace()
            .last()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    });
    (Duration::from_nanos(nanoseconds), switches.sum())
}

/// `cargo test --release -p vdoroom-rtc --test webrtcbin cost -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, for a machine that does nothing else"]
fn cost_of_each_stream() {
    let count: u32 = std::env::var("STREAMS").map_or(8, |count| count.parse().unwrap());
    let publishers: Vec<Publisher> = (0..count).map(|_| Publisher::start(true)).collect();
    let viewers = publishers
        .iter()
        .map(|publisher| Viewer::of(publisher, super::settings(), None));
    let viewers: Vec<Viewer> = viewers.collect();
    for viewer in &viewers {
        viewer.wait(LONGEST, |heard| heard.frames() > 30);
    }
    let received = || -> usize {
        let packets = viewers.iter().map(|viewer| {
            let heard = viewer.heard();
            heard.packets("audio") + heard.packets("video")
        });
        packets.sum()
    };
    let (packets, (before, switches), started) = (received(), used(), Instant::now());
    std::thread::sleep(Duration::from_secs(10));
    let ((after, switched), elapsed) = (used(), started.elapsed());
    let stream_seconds = elapsed.as_secs_f64() * f64::from(count);
    let packets = (received() - packets) as f64 / stream_seconds;
    let cost = (after - before).as_secs_f64() * 1000.0 / stream_seconds;
    let switches = (switched - switches) as f64 / elapsed.as_secs_f64();
    println!(
        "{count} streams: {cost:.2} CPU-ms, {packets:.0} packets per stream-second, \
         {switches:.0} context switches per second"
    );
    let pss = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let pss = pss
        .lines()
        .find(|line| line.starts_with("Pss_Anon"))
        .unwrap_or_default();
    println!("{pss} (publishers included)");
}
