// SPDX-License-Identifier: MPL-2.0
//! A room mixed into one video and one audio track.

use super::pictures::Picture;
use super::*;

const WIDTH: usize = 640;
const HEIGHT: usize = 360;

/// Who is to be seen in a frame of the mix, as the numbers of their frames.
#[derive(Debug, PartialEq)]
enum Shown {
    Nobody,
    One(u32),
    Two(u32, u32),
}

fn shown(picture: &Picture) -> Shown {
    // Two share the width, and keep their proportions.
    let (width, height, y) = (WIDTH / 2, HEIGHT / 2, HEIGHT / 4);
    let left = picture.number_in(0, y, width, height);
    let right = picture.number_in(width, y, width, height);
    match (picture.number(), left, right) {
        (_, Some(left), Some(right)) => Shown::Two(left, right),
        (Some(number), ..) => Shown::One(number),
        _ => Shown::Nobody,
    }
}

#[test]
fn the_python_program_mixes_people_who_come_and_go() {
    let room = Room::new();
    // Debian's own Python, which has the GStreamer bindings.
    let command = format!("/usr/bin/python3 {}", source("mix_room.py"));
    let options = format!("--to mix.ts --size {WIDTH} {HEIGHT}");
    let program = room.start(&command, &options);
    let alice = room.comes("alice", Codec::H264);
    alice.wait_for_viewer(START).unwrap();
    alice.wait_for_frames(75, DEADLINE).unwrap();
    let bob = room.comes("bob", Codec::Vp8);
    bob.wait_for_viewer(DEADLINE).unwrap();
    bob.wait_for_frames(75, DEADLINE).unwrap();
    alice.stop();
    bob.wait_for_frames(75, DEADLINE).unwrap();
    assert_ends_well(program);

    let mix = room.file("mix.ts");
    let shown: Vec<Shown> = pictures::of(&mix).iter().map(shown).collect();
    let is_two = |shown: &Shown| matches!(shown, Shown::Two(..));
    let first = shown.iter().position(is_two).expect("never two");
    let last = shown.iter().rposition(is_two).expect("never two");
    let numbers = |shown: &[Shown], of: fn(&Shown) -> Option<u32>| -> Vec<u32> {
        shown.iter().filter_map(of).collect()
    };
    let one = |shown: &Shown| match shown {
        Shown::One(number) => Some(*number),
        _ => None,
    };
    let left = |shown: &Shown| match shown {
        Shown::Two(left, _) => Some(*left),
        _ => None,
    };
    let right = |shown: &Shown| match shown {
        Shown::Two(_, right) => Some(*right),
        _ => None,
    };
    let mut alice = numbers(&shown[..first], one);
    alice.extend(numbers(&shown, left));
    assert_goes_on("alice", &alice);
    let mut bob = numbers(&shown, right);
    bob.extend(numbers(&shown[last..], one));
    assert_goes_on("bob", &bob);
    let alone = numbers(&shown[last..], one).len();
    assert!(alone > 30, "bob is to be seen alone in {alone} frames");

    let report = check::inspect(&mix);
    let audio = report.audio.as_ref().expect("no audio");
    assert!(audio.beeps.len() > 3, "{report:#?}");
    assert_eq!(report.errors, Vec::<String>::new());
}

/// The frames of a person rise, and the video of nobody who is there stands still.
fn assert_goes_on(person: &str, numbers: &[u32]) {
    // One may be misread where the layout changes.
    let back = numbers.windows(2).filter(|pair| pair[0] > pair[1]);
    let back: Vec<_> = back.collect();
    assert!(back.len() <= 1, "{person} goes back: {back:?}");
    let different = numbers.chunk_by(|a, b| a == b);
    let longest = different.map(<[u32]>::len).max().unwrap_or(0);
    let distinct = numbers.chunk_by(|a, b| a == b).count();
    assert!(distinct >= 60, "{person} is hardly there: {numbers:?}");
    assert!(longest <= 30, "{person} stands still: {numbers:?}");
}
