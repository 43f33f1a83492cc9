// SPDX-License-Identifier: MPL-2.0
//! A recorder that is killed at any moment leaves files that play, less than a second short.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::child::{Child, EVERY_CONTAINER, Kept};

/// Recorders that run at the same time.
const AT_ONCE: usize = 4;
/// The moment of the kill, counted from the start of the pipeline.
const MOMENTS_MS: std::ops::Range<u64> = 200..6000;

/// The sources of one recorder may be so far apart.
const STARVED_MS: f64 = 700.0;
/// A kill is repeated at most so often.
const TRIES: usize = 5;

/// The worst of all kills, per container and kind, in milliseconds.
type Worst = BTreeMap<String, f64>;

/// Kills one recorder and tells what is missing of what had come in. `None` if the sources were
/// short of processor time: sound that comes in bursts says nothing about a second.
fn try_kill_after(moment: Duration) -> Option<Worst> {
    let mut child = Child::start(EVERY_CONTAINER);
    child.wait_until_it_plays();
    thread::sleep(moment);
    let (folder, received) = child.kill();
    let mut missing = Worst::new();
    for person in EVERY_CONTAINER {
        let name = person.name;
        let kept = Kept::of(&folder, name);
        if !person.video.is_empty() {
            let video = received.video_ms(name) - kept.video_ms;
            missing.insert(format!("{name} video"), video);
        }
        let audio = received.audio_ms(name) - kept.audio_ms;
        missing.insert(format!("{name} audio"), audio);
    }
    let lag = received.lag_ms();
    if lag > STARVED_MS {
        eprintln!("once more: sources are {lag:.0} ms apart, {missing:.0?} are missing");
        return None;
    }
    Some(missing)
}

fn kill_after(moment: Duration) -> Worst {
    let missing = (0..TRIES).find_map(|_| try_kill_after(moment));
    let missing = missing.expect("a machine on which sources keep up");
    for (what, ms) in &missing {
        assert!(
            *ms <= 1000.0,
            "killed after {moment:?}: {ms:.0} ms of {what} are missing"
        );
    }
    missing
}

/// Kills `kills` recorders at random moments.
pub fn kill_at_random_moments(kills: usize) {
    let seed = std::env::var("SEED").map_or_else(|_| 20, |s| s.parse().unwrap());
    eprintln!("moments of the kills: SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let span = MOMENTS_MS.end - MOMENTS_MS.start;
    let moments: Vec<_> = (0..kills)
        .map(|_| Duration::from_millis(MOMENTS_MS.start + random.next_u64() % span))
        .collect();
    let began = Instant::now();
    let mut worst = Worst::new();
    for moments in moments.chunks(AT_ONCE) {
        let killed: Vec<_> = moments
            .iter()
            .copied()
            .map(|m| thread::spawn(move || kill_after(m)))
            .collect();
        for missing in killed {
            for (what, ms) in missing.join().unwrap() {
                let known = worst.entry(what).or_insert(ms);
                *known = known.max(ms);
            }
        }
    }
    eprintln!(
        "missing after {kills} kills at worst, in ms ({:?}): {worst:.0?}",
        began.elapsed()
    );
}

#[test]
fn a_recorder_that_is_killed_twenty_times_loses_less_than_a_second_each_time() {
    kill_at_random_moments(20);
}
