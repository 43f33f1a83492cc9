// SPDX-License-Identifier: MPL-2.0
//! Files as the recorder writes them, killed at any moment, cut and damaged.

mod crashes;
mod damage;
mod kit;
mod player;

use kit::{Recorded, repaired, steps_of};
use player::frames;

#[test]
fn a_file_that_was_killed_becomes_what_the_recorder_would_have_made_of_it() {
    for recorded in [
        Recorded::person(),
        Recorded::audio(),
        Recorded::silent_video(),
    ] {
        let (report, file) = repaired(&recorded.killed());
        assert!(file == recorded.closed(), "{}: it differs", recorded.name);
        assert_eq!(report.repaired, ["duration", "index", "sizes"]);
        assert!(report.is_well() && report.findings.is_empty(), "{report:?}");
        assert_eq!(report.frames(), recorded.blocks as u64);
    }
}

#[test]
fn a_file_that_was_closed_needs_nothing() {
    for recorded in [
        Recorded::person(),
        Recorded::audio(),
        Recorded::silent_video(),
    ] {
        let (report, steps) = steps_of(&recorded.closed()).unwrap();
        assert_eq!(steps, vec![], "{}: {report:?}", recorded.name);
        assert!(report.is_well() && report.repaired.is_empty());
    }
}

#[test]
fn the_beginning_of_a_frame_at_the_end_is_left_out_and_told() {
    let recorded = Recorded::person();
    let killed = recorded.killed();
    let (report, file) = repaired(&killed[..killed.len() - 5]);
    let text = &report.findings[0].text;
    assert!(text.contains("bytes are left out"), "{text}");
    assert_eq!(report.repaired, ["duration", "index", "sizes", "end"]);
    assert!(report.is_well());
    assert_eq!(report.frames(), recorded.blocks as u64 - 1);
    assert_eq!(frames(&file), frames(&killed[..killed.len() - 5]));
}

#[test]
fn a_file_that_was_cut_after_it_was_closed_gets_a_shorter_duration_and_an_index() {
    let closed = Recorded::person().closed();
    let half = &closed[..closed.len() / 2];
    let (report, file) = repaired(half);
    assert_eq!(report.repaired, ["duration", "index", "sizes", "end"]);
    let whole = steps_of(&closed).unwrap().0.duration.unwrap();
    let rest = report.duration.unwrap();
    assert!(
        rest > whole / 3 && rest < whole * 2 / 3,
        "{rest} of {whole}"
    );
    assert_eq!(steps_of(&file).unwrap().1, vec![], "once is enough");
}

#[test]
fn zeros_that_a_loss_of_power_leaves_are_left_out() {
    let recorded = Recorded::person();
    let mut killed = recorded.killed();
    killed.extend([0; 9_000]);
    let (report, file) = repaired(&killed);
    assert!(file == recorded.closed());
    assert!(report.findings[0].text.contains("9000 bytes"), "{report:?}");
}

#[test]
fn a_hole_stays_as_it_is_and_is_told() {
    let recorded = Recorded::person();
    let mut killed = recorded.killed();
    let middle = killed.len() / 2;
    killed[middle..middle + 3_000].fill(0);
    let (report, file) = repaired(&killed);
    assert!(!report.is_well());
    let holes = report.findings.iter().filter(|f| f.kind == "hole");
    assert_eq!(holes.count(), 1, "{report:?}");
    assert!(report.frames() < recorded.blocks as u64);
    assert!(report.frames() > recorded.blocks as u64 / 2);
    assert_eq!(frames(&file), frames(&killed));
    assert_eq!(file[middle..middle + 3_000], [0; 3_000]);
}

#[test]
fn where_nothing_was_recorded_nothing_is_repaired() {
    let killed = Recorded::person().killed();
    let header = killed
        .windows(4)
        .position(|w| w == [0x1f, 0x43, 0xb6, 0x75]);
    let (report, steps) = steps_of(&killed[..header.unwrap()]).unwrap();
    assert_eq!(report.findings[0].kind, "nothing-recorded");
    assert!(steps.is_empty() && !report.is_well());
    for len in [1, 4, 30, 60] {
        let error = steps_of(&killed[..len]).unwrap_err().to_string();
        assert!(
            error.contains("recorded") || error.contains("beginning"),
            "{error}"
        );
    }
}

#[test]
fn a_video_without_a_keyframe_is_told() {
    let (report, _) = repaired(&Recorded::without_keyframe().killed());
    assert_eq!(report.findings[0].kind, "no-keyframe");
    assert!(!report.is_well());
}

#[test]
fn a_file_without_reserved_space_is_refused() {
    let killed = Recorded::person().killed();
    let room = killed
        .windows(4)
        .position(|w| w == [0x18, 0x53, 0x80, 0x67]);
    let room = room.unwrap() + 12;
    let foreign = [&killed[..room], &killed[room + 120..]].concat();
    let error = steps_of(&foreign).unwrap_err().to_string();
    assert!(error.contains("has no space"), "{error}");
}

#[test]
fn other_files_of_ebml_are_refused() {
    let killed = Recorded::person().killed();
    let doc_type = killed.windows(8).position(|w| w == b"matroska").unwrap();
    let mut other = killed.clone();
    other[doc_type..doc_type + 8].copy_from_slice(b"whatever");
    let error = steps_of(&other).unwrap_err().to_string();
    assert!(error.contains("not Matroska"), "{error}");
}
