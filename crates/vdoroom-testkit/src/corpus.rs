// SPDX-License-Identifier: MPL-2.0
//! The inputs that the fuzzers found, as tests that need no fuzzer: each one is replayed, and then
//! changed at random for a while, always the same.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::chance::Chance;

/// The inputs of a target in `fuzz/corpus`, ordered by name.
pub fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let folder = folder.join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut inputs: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("a folder can be listed").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (name, fs::read(&path).expect("an input can be read"))
        })
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "no inputs in {}", folder.display());
    inputs
}

/// Gives `check` every input of the target's corpus, and then for `time` changed ones. A failure
/// shows the input as text that a Rust source could hold.
pub fn replay(target: &str, time: Duration, check: impl Fn(&[u8]) -> Result<(), String>) {
    let inputs = of(target);
    for (name, input) in &inputs {
        if let Err(broken) = check(input) {
            panic!("{target}, {name}: {broken}");
        }
    }
    change(&inputs, time, check);
}

/// Gives `check` changed inputs for `time`.
pub fn change(
    inputs: &[(String, Vec<u8>)],
    time: Duration,
    check: impl Fn(&[u8]) -> Result<(), String>,
) {
    let end = Instant::now() + time;
    let mut chance = Chance::new(1);
    while Instant::now() < end {
        let input = changed(inputs, &mut chance);
        if let Err(broken) = check(&input) {
            panic!("{broken} by b\"{}\"", input.escape_ascii());
        }
    }
}

/// Bytes lost, doubled, replaced, and pieces of one input in another.
fn changed(inputs: &[(String, Vec<u8>)], chance: &mut Chance) -> Vec<u8> {
    let mut input = chance.pick(inputs).1.clone();
    if chance.below(2) == 0 {
        return with_other_lines(&input, inputs, chance);
    }
    for _ in 0..=chance.below(4) {
        let at = chance.below(input.len() + 1);
        let until = at + chance.below((input.len() - at).min(40) + 1);
        match chance.below(4) {
            0 => drop(input.drain(at..until)),
            1 => {
                let piece = input[at..until].to_vec();
                input.splice(at..at, piece);
            }
            2 => {
                let other = &chance.pick(inputs).1;
                let from = chance.below(other.len() + 1);
                let piece = other[from..].iter().take(40).copied();
                input.splice(at..until, piece);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = chance.below(256) as u8;
                }
            }
        }
    }
    input
}

/// Lines lost, doubled, exchanged, taken from another input, or with another end.
fn with_other_lines(input: &[u8], inputs: &[(String, Vec<u8>)], chance: &mut Chance) -> Vec<u8> {
    let lines_of = |input: &[u8]| -> Vec<Vec<u8>> {
        let lines = input.split_inclusive(|byte| *byte == b'\n');
        lines.map(<[u8]>::to_vec).collect()
    };
    let mut lines = lines_of(input);
    for _ in 0..=chance.below(3) {
        let at = chance.below(lines.len());
        let Some(line) = lines.get(at).cloned() else {
            break;
        };
        let to = chance.below(lines.len() + 1);
        match chance.below(5) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(to, line),
            2 => lines.swap(at, to.min(at)),
            3 => {
                let others = lines_of(&chance.pick(inputs).1);
                let other = others.get(chance.below(others.len())).cloned();
                lines.insert(to, other.unwrap_or_default());
            }
            _ => {
                let ends: [&[u8]; 6] = [b"", b"0", b"-1", b"99999999999", b" ", b"x y:z/1"];
                lines[at].truncate(chance.below(line.len()));
                lines[at].extend_from_slice(ends[chance.below(ends.len())]);
                lines[at].extend_from_slice(b"\r\n");
            }
        }
    }
    lines.concat()
}
