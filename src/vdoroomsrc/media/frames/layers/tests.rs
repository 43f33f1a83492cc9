// SPDX-License-Identifier: MPL-2.0
//! Which pictures become superframes, and which size is told.

use super::*;

/// Keyframes of 320x180, and frames of 640x360 above them.
const LOW: &[u8] = &[
    0x83, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x38, 0x13, 0xf8, 0x0b, 0x38, 0x50, 0xe0, 0x90,
    0x70, 0x63, 0x58, 0x00, 0x0c, 0x00, 0x5f, 0x7f, 0x87, 0xbf, 0xcb,
];
const HIGH: &[u8] = &[
    0x87, 0x02, 0x02, 0x00, 0x04, 0xfe, 0x02, 0xce, 0xb2, 0x71, 0xc1, 0x20, 0xe0, 0xcb, 0x40, 0x00,
    0x0a, 0xc0, 0x7f, 0x91, 0xe4, 0x48, 0x57, 0xde, 0xb5, 0xee, 0xbd, 0xbd, 0xd9, 0x33, 0x39, 0xeb,
];

/// The packets of a picture with these frames, two for each.
fn arrives(state: &mut State, frames: &[&[u8]]) {
    for (index, frame) in frames.iter().enumerate() {
        let piece = |begins_frame, bytes| Piece {
            begins_picture: begins_frame && index == 0,
            begins_frame,
            bytes,
            layer_at: None,
        };
        state.packet(piece(true, 10), false);
        let is_last = index + 1 == frames.len();
        state.packet(piece(false, frame.len() - 10), is_last);
    }
}

/// Whether a picture becomes a superframe, and whether that changes the size.
fn outcome(state: &mut State, frames: &[&[u8]]) -> (bool, bool) {
    let before = state.size;
    let superframe = state.picture(&frames.concat());
    (superframe.is_some(), state.size != before)
}

#[test]
fn frames_of_layers_become_one_picture_of_the_largest_size() {
    let mut state = State::default();
    let both = [LOW, HIGH];
    for changes_size in [true, false] {
        arrives(&mut state, &both);
        assert_eq!(outcome(&mut state, &both), (true, changes_size));
        assert_eq!(state.size, Some((640, 360)));
    }
    // From here on there is only one.
    arrives(&mut state, &[LOW]);
    assert_eq!(outcome(&mut state, &[LOW]), (false, true));
    assert_eq!(state.size, None);
}

#[test]
fn a_picture_that_lacks_a_layer_changes_no_size() {
    let mut state = State::default();
    arrives(&mut state, &[LOW, HIGH]);
    assert_eq!(outcome(&mut state, &[LOW, HIGH]), (true, true));
    // The upper one again, as if it were alone.
    arrives(&mut state, &[HIGH]);
    assert_eq!(outcome(&mut state, &[HIGH]), (false, false));
    assert_eq!(state.size, Some((640, 360)));
}

#[test]
fn a_picture_that_was_given_up_costs_no_other() {
    let mut state = State::default();
    arrives(&mut state, &[LOW, HIGH, HIGH]);
    arrives(&mut state, &[LOW, HIGH]);
    assert_eq!(outcome(&mut state, &[LOW, HIGH]), (true, true));
    assert!(state.whole.is_empty());
    // Something that nobody has told of stays as it is.
    assert_eq!(outcome(&mut state, &[LOW]), (false, false));
    for _ in 0..2 * LARGEST_BACKLOG {
        arrives(&mut state, &[LOW]);
    }
    assert_eq!(state.whole.len(), LARGEST_BACKLOG);
}

#[test]
fn a_picture_without_its_end_is_forgotten() {
    let mut state = State::default();
    let begins = Piece {
        begins_picture: true,
        begins_frame: true,
        bytes: 27,
        layer_at: None,
    };
    state.packet(begins, false);
    arrives(&mut state, &[LOW, HIGH]);
    assert_eq!(state.whole, [[LOW.len(), HIGH.len()]]);
}

#[test]
fn the_size_in_the_caps_is_that_of_the_whole_pictures() {
    gst::init().unwrap();
    let layers = Layers::default();
    let caps = "video/x-vp9,width=32,height=18,framerate=0/1";
    let caps: gst::Caps = caps.parse().unwrap();
    let size = |caps: gst::Caps| {
        let vp9 = caps.structure(0).unwrap();
        (vp9.get::<i32>("width").ok(), vp9.get::<i32>("height").ok())
    };
    assert_eq!(size(layers.mend(&caps)), (Some(32), Some(18)));
    assert!(!layers.has_news());
    layers.state().size = Some((640, 360));
    assert!(layers.has_news());
    assert_eq!(size(layers.mend(&caps)), (Some(640), Some(360)));
    assert!(!layers.has_news());
    // Of pictures with one frame the parser knows it.
    layers.state().size = None;
    assert!(layers.has_news());
    assert_eq!(size(layers.mend(&caps)), (Some(32), Some(18)));
}
