// SPDX-License-Identifier: MPL-2.0
//! Files that are cut anywhere, and whose bytes are changed: none becomes worse, and no one panics.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::kit::{Recorded, apply, steps_of};
use super::player::frames;

const PLACES: usize = 600;

/// Whether it could be repaired. What was in it is in it.
fn keeps_its_frames(file: &[u8], what: &str) -> bool {
    let Ok((report, steps)) = steps_of(file) else {
        return false;
    };
    let mut after = file.to_vec();
    steps.iter().for_each(|step| apply(&mut after, step));
    let before = frames(file);
    let kept = frames(&after);
    assert!(
        kept.len() >= before.len() && kept[..before.len()] == before,
        "{what}: {} of {} frames are left: {report:?} {steps:?}",
        kept.len(),
        before.len()
    );
    let (again, steps) = steps_of(&after).unwrap();
    assert!(steps.is_empty(), "{what}: {again:?} again: {steps:?}");
    !report.repaired.is_empty()
}

#[test]
fn a_file_that_is_cut_anywhere_keeps_its_frames() {
    for recorded in [Recorded::person(), Recorded::silent_video()] {
        for file in [recorded.killed(), recorded.closed()] {
            let step = file.len() / PLACES + 1;
            let cuts = (0..file.len()).step_by(step).chain(0..700);
            let repaired = cuts.filter(|cut| {
                let what = format!("{} cut at {cut}", recorded.name);
                keeps_its_frames(&file[..*cut], &what)
            });
            assert!(repaired.count() > PLACES / 2, "{}", recorded.name);
        }
    }
}

#[test]
fn a_file_in_which_bytes_are_changed_keeps_its_frames() {
    let mut random = ChaCha8Rng::seed_from_u64(35);
    let mut any = move |below: usize| (random.next_u64() % below as u64) as usize;
    let recorded = Recorded::person();
    let (killed, closed) = (recorded.killed(), recorded.closed());
    for round in 0..PLACES * 2 {
        let mut file = if round % 2 == 0 { &killed } else { &closed }.clone();
        let mut changes = Vec::new();
        for _ in 0..=any(3) {
            // The beginning says more than the rest.
            let reach = if any(4) == 0 { 500 } else { file.len() };
            let (at, bit) = (any(reach), any(8));
            file[at] ^= 1 << bit;
            changes.push((at, bit));
        }
        if any(3) == 0 {
            let len = file.len();
            file.truncate(len - any(len / 2));
        }
        let what = format!("round {round}, {changes:?}, {} bytes", file.len());
        keeps_its_frames(&file, &what);
    }
}

#[test]
fn bytes_without_any_meaning_are_no_reason_to_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(36);
    let killed = Recorded::person().killed();
    for _ in 0..PLACES {
        let mut file = killed[..500 + (random.next_u64() % 4_000) as usize].to_vec();
        let from = (random.next_u64() % file.len() as u64) as usize;
        file[from..]
            .iter_mut()
            .for_each(|byte| *byte = random.next_u32() as u8);
        let what = format!("noise from {from} to {}", file.len());
        keeps_its_frames(&file, &what);
    }
}
