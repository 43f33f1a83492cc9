// SPDX-License-Identifier: MPL-2.0
//! A source whose pads come and go, linked by a launch line as a person writes it.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::fake_source::{VISITS, run_line};
use crate::media;
use crate::playback::play;
use crate::room::{Folder, Intro, Recorder, Sender, send_live_until, send_until};

#[test]
fn a_launch_line_with_a_colon_records_every_visit_of_everybody() {
    let folder = Folder::new();
    let location = folder.0.display();
    let line = format!("testroomsrc : roomfilesink name=rec location={location}/%s-%n.%e");
    let parts = run_line(&line);
    let mut names: Vec<_> = folder
        .recordings()
        .iter()
        .map(|f| f.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let expected = ["guest-1.ts", "guest-2.ts", "guest-3.ts", "stays-1.mkv"];
    assert_eq!(names, expected, "{parts:#?}");
    for part in parts {
        let file: String = part.get("file").unwrap();
        let played = play(Path::new(&file));
        let is_guest = part.get::<&str>("stream").unwrap() == "guest";
        let frames = if is_guest {
            15
        } else {
            (VISITS as usize * 2 - 1) * 15
        };
        assert_eq!(played.frames, frames, "{file}");
        assert!(played.audio_ms > 900, "{file}: {played:?}");
    }
}

#[test]
fn a_launch_line_with_named_pads_records_that_person_alone() {
    let folder = Folder::new();
    let location = folder.0.display();
    let line = format!(
        "testroomsrc name=r roomfilesink name=rec location={location}/%s-%n.%e \
         r.video_stays ! rec.video_stays r.audio_stays ! rec.audio_stays"
    );
    let parts = run_line(&line);
    assert_eq!(parts.len(), 1, "{parts:#?}");
    assert_eq!(play(&folder.0.join("stays-1.mkv")).frames, 75);
}

#[test]
fn every_end_of_a_source_gets_the_full_time_in_which_it_may_go_on() {
    let mut recorder = Recorder::new();
    let mut video = Sender::named(&recorder, "video_alice", media::vp8());
    send_until(1000, &mut [&mut video]);
    video.eos();
    recorder.next("part-closed");
    // The pause of the scenario: it goes on in time, for longer than an end has to last.
    std::thread::sleep(Duration::from_millis(150));
    video.introduce(&Intro {
        stream_id: "video_alice",
        group: None,
        promised: &[],
        person: None,
    });
    send_live_until(2500, &mut [&mut video]);
    let ended = Instant::now();
    video.eos();
    recorder.next("part-closed");
    assert!(recorder.try_next("part-opened").is_none());
    let held = ended.elapsed();
    assert!(held >= Duration::from_millis(500), "EOS after {held:?}");
}
