// SPDX-License-Identifier: MPL-2.0
//! Names come from strangers.

use gst::prelude::*;

use crate::media;
use crate::playback::play;
use crate::room::{Intro, Recorder, Sender, send_until};

#[test]
fn hostile_stream_ids_and_labels_stay_inside_the_folder() {
    let mut recorder = Recorder::with(|sink, folder| {
        let location = folder.join("room/%s/%l-%n.%e");
        sink.set_property("location", location.to_str().unwrap());
    });
    let hostile = ["../../../up", "/etc/x", "..", "a\nb", "CON", ""];
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
        assert_eq!(play(&file).pictures, 15);
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
