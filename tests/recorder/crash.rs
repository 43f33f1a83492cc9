// SPDX-License-Identifier: MPL-2.0
//! A recorder that is killed at any moment leaves files that play, less than a second short.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::child::{Child, EVERY_CONTAINER, Kept, PACKET_MS};

/// Recorders that run at the same time.
const AT_ONCE: usize = 4;
/// The moment of the kill, counted from the start of the pipeline.
const MOMENTS_MS: std::ops::Range<u64> = 200..6000;

/// What came in so long before the kill is in the file, however busy the machine is.
const PROMISED: Duration = Duration::from_secs(1);

/// The worst of all kills, per container and kind, in milliseconds.
type Worst = BTreeMap<String, f64>;

/// Kills one recorder and tells what is missing of what had come in. Sources that are short of
/// processor time bring frames in bursts, so that more than a second of them may come in within
/// one: what counts is when they came.
fn kill_after(moment: Duration) -> Worst {
    let mut child = Child::start(EVERY_CONTAINER);
    child.wait_until_it_plays();
    // The moment of the kill is what is tried.
    thread::sleep(moment);
    let (folder, [received, promised]) = child.kill(PROMISED);
    let mut missing = Worst::new();
    let mut compare = |what: String, received: f64, promised: f64, kept: f64| {
        assert!(
            // A decoder leaves out the beginning of the first packet.
            kept >= promised - PACKET_MS,
            "killed after {moment:?}: {kept:.0} ms of {what} are there, and {promised:.0} ms came \
             in more than {PROMISED:?} before"
        );
        missing.insert(what, received - kept);
    };
    for person in EVERY_CONTAINER {
        let name = person.name;
        let kept = Kept::of(&folder, name);
        if !person.video.is_empty() {
            let [received, promised] = [&received, &promised].map(|r| r.video_ms(name));
            compare(format!("{name} video"), received, promised, kept.video_ms);
        }
        let [received, promised] = [&received, &promised].map(|r| r.audio_ms(name));
        compare(format!("{name} audio"), received, promised, kept.audio_ms);
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
fn a_recorder_that_is_killed_again_and_again_loses_less_than_a_second_each_time() {
    kill_at_random_moments(crate::KILLS);
}
