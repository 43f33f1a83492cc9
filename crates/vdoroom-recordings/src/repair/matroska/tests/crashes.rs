// SPDX-License-Identifier: MPL-2.0
//! A crash while a file is repaired in place.

use super::kit::{Recorded, apply, repaired, steps_of};
use super::player::frames;
use crate::repair::steps::Step;

/// What a disk writes at once.
const SECTOR: u64 = 512;

/// The states in which a step can be left: a write that is not appended comes apart only where one
/// sector ends.
fn torn(file: &[u8], step: &Step) -> Vec<Vec<u8>> {
    let Step::Write(at, data) = step else {
        return vec![];
    };
    let is_appended = *at as usize == file.len();
    let parts = (1..data.len()).filter(|part| {
        let boundary = (at + *part as u64).is_multiple_of(SECTOR);
        is_appended || boundary
    });
    parts
        .map(|part| {
            let mut torn = file.to_vec();
            apply(&mut torn, &Step::Write(*at, data[..part].to_vec()));
            torn
        })
        .collect()
}

/// Each state plays as before, and repairing it again makes the same of it.
fn survives(killed: &[u8]) -> usize {
    let (_, expected) = repaired(killed);
    let before = frames(killed);
    let (_, steps) = steps_of(killed).unwrap();
    let mut file = killed.to_vec();
    let mut states = 0;
    for step in &steps {
        let mut next = file.clone();
        apply(&mut next, step);
        let left = torn(&file, step).into_iter().chain([next.clone()]);
        for state in left {
            states += 1;
            assert!(frames(&state) == before, "{step:?} costs frames");
            let (report, again) = repaired(&state);
            assert!(again == expected, "{step:?} cannot be repaired: {report:?}");
        }
        file = next;
    }
    states
}

#[test]
fn a_file_plays_as_before_wherever_a_repair_in_place_ends_and_can_be_repaired_again() {
    let recorded = [
        Recorded::person(),
        Recorded::audio(),
        Recorded::silent_video(),
    ];
    for recorded in recorded {
        let killed = recorded.killed();
        assert!(survives(&killed) > 50, "{}", recorded.name);
        survives(&killed[..killed.len() - 3]);
    }
}

/// The title moves Info, and with it the duration, across the end of a sector.
#[test]
fn a_duration_that_is_half_written_is_written_again() {
    let killed = Recorded::person().killed();
    let (_, steps) = steps_of(&killed).unwrap();
    let (_, expected) = repaired(&killed);
    let duration = steps.iter().find_map(|step| match step {
        Step::Write(at, data) if data.len() == 11 => Some((*at, data.clone())),
        _ => None,
    });
    let (at, data) = duration.unwrap();
    for part in 1..data.len() {
        let mut torn = killed.clone();
        apply(&mut torn, &Step::Write(at, data[..part].to_vec()));
        assert!(repaired(&torn).1 == expected, "after {part} bytes");
    }
}

#[test]
fn a_size_that_is_half_written_is_written_again() {
    let killed = Recorded::person().killed();
    let (_, steps) = steps_of(&killed).unwrap();
    let (_, expected) = repaired(&killed);
    let mut file = killed.clone();
    for step in &steps {
        if let Step::Write(at, data) = step
            && data.len() == 8
        {
            for part in 1..data.len() {
                let mut torn = file.clone();
                apply(&mut torn, &Step::Write(*at, data[..part].to_vec()));
                assert!(frames(&torn) == frames(&killed), "after {part} bytes");
                assert!(repaired(&torn).1 == expected, "after {part} bytes");
            }
        }
        apply(&mut file, step);
    }
}
