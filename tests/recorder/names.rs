// SPDX-License-Identifier: MPL-2.0
//! Names come from strangers.

use gst::prelude::*;

use crate::media;
use crate::playback::play;
use crate::room::{Intro, Part, Recorder, Sender, send_until};

#[test]
fn hostile_stream_ids_and_labels_stay_inside_the_folder() {
    let mut recorder = Recorder::with(|sink, folder| {
        let location = folder.join("room/%s/%l-%n.%e");
        sink.set_property("location", location.to_str().unwrap());
    });
    let hostile = [
        "../../../up",
        "/etc/x",
        "..",
        "a\nb",
        "CON",
        "",
        "con",
        "lpt1.ts",
        "👩\u{200d}💻",
        "a_b",
    ];
    let long = "🎥".repeat(300);
    let mut senders: Vec<_> = hostile
        .iter()
        .copied()
        .chain([long.as_str()])
        .map(|name| {
            let intro = Intro {
                stream_id: name,
                group: Some(gst::GroupId::next()),
                promised: &[],
                person: Some(("room", name, 1, name)),
            };
            Sender::connect(&recorder, None, media::vp8(), &intro)
        })
        .collect();
    let count = senders.len();
    let mut senders: Vec<_> = senders.iter_mut().collect();
    send_until(1000, &mut senders);
    let parts = recorder.end();
    assert_eq!(parts.len(), count);
    let folder = recorder.folder.0.join("room").canonicalize().unwrap();
    for part in parts {
        let file = part.file().canonicalize().unwrap();
        assert!(file.starts_with(&folder), "{file:?} is outside");
        assert_eq!(file.strip_prefix(&folder).unwrap().components().count(), 2);
        assert_eq!(play(&file).frames, 15);
    }
}

#[test]
fn a_name_that_is_taken_gets_a_number_and_nothing_is_overwritten() {
    let mut recorder = Recorder::with(|sink, folder| {
        let location = folder.join("fixed.%e");
        sink.set_property("location", location.to_str().unwrap());
        std::fs::write(folder.join("fixed.mkv"), "precious").unwrap();
    });
    let mut alice = Sender::named(&recorder, "video_alice", media::vp8());
    let mut bob = Sender::named(&recorder, "video_bob", media::vp8());
    send_until(1000, &mut [&mut alice, &mut bob]);
    let parts = recorder.end();
    let mut files: Vec<_> = parts.iter().map(|p| p.file()).collect();
    files.sort();
    let folder = &recorder.folder.0;
    assert_eq!(
        files,
        [folder.join("fixed_2.mkv"), folder.join("fixed_3.mkv")]
    );
    assert_eq!(
        std::fs::read(folder.join("fixed.mkv")).unwrap(),
        b"precious"
    );
}

#[test]
fn people_whose_names_differ_only_in_case_or_after_the_cut_have_files_of_their_own() {
    let mut recorder = Recorder::with(|sink, folder| {
        let location = folder.join("%s.%e");
        sink.set_property("location", location.to_str().unwrap());
    });
    let (long, other) = ("x".repeat(300), "x".repeat(299) + "y");
    let names = [
        "Alice Smith",
        "alice smith",
        "ALICE SMITH",
        "alice/smith",
        &long,
        &other,
    ];
    let mut senders = names.map(|name| {
        let intro = Intro {
            stream_id: name,
            group: Some(gst::GroupId::next()),
            promised: &[],
            person: Some(("room", name, 1, name)),
        };
        Sender::connect(&recorder, None, media::vp8_small(), &intro)
    });
    send_until(500, &mut senders.each_mut());
    let parts = recorder.end();
    let name = |p: &Part| p.file().file_name().unwrap().to_str().unwrap().to_owned();
    let mut folded: Vec<_> = parts.iter().map(|p| name(p).to_lowercase()).collect();
    folded.sort();
    folded.dedup();
    assert_eq!(folded.len(), names.len(), "{parts:#?}");
    assert!(
        folded.contains(&"alice_smith.mkv".into()),
        "readable: {folded:?}"
    );
    for (person, part) in names.iter().zip(&parts) {
        assert_eq!(part.text("stream"), *person);
        assert!(part.file().metadata().unwrap().len() > 0);
    }
}

#[test]
fn a_link_that_leads_nowhere_is_a_taken_name() {
    let mut recorder = Recorder::with(|sink, folder| {
        let location = folder.join("fixed.%e");
        sink.set_property("location", location.to_str().unwrap());
        std::os::unix::fs::symlink("../outside", folder.join("fixed.mka")).unwrap();
    });
    let mut audio = Sender::named(&recorder, "audio_alice", media::opus());
    send_until(500, &mut [&mut audio]);
    let parts = recorder.end();
    assert!(parts[0].file().ends_with("fixed_2.mka"), "{parts:?}");
    assert!(!recorder.folder.0.join("../outside").exists());
}
