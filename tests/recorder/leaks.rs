// SPDX-License-Identifier: MPL-2.0
//! Who left leaves nothing behind. Counted in a process of its own: other tests have threads too.

use gst::prelude::*;
use vdoroom_testkit::Holdings;
use vdoroom_testkit::holdings::alone;

use crate::media;
use crate::room::{Recorder, Sender, send_live_until, send_until, wait_for};

/// Seven people come one after the other while earlier ones are still there.
fn visit(recorder: &mut Recorder) -> usize {
    let mut present: Vec<(Sender, Sender)> = Vec::new();
    for n in 0..7 {
        let video = if n % 2 == 0 {
            media::h264()
        } else {
            media::vp8()
        };
        present.push((
            Sender::named(recorder, &format!("video_{n}"), video),
            Sender::named(recorder, &format!("audio_{n}"), media::opus()),
        ));
        let mut all: Vec<_> = present.iter_mut().flat_map(|(v, a)| [v, a]).collect();
        send_until(500 * (n + 1), &mut all);
        if present.len() > 3 {
            let (video, audio) = present.remove(0);
            video.unlink();
            audio.unlink();
        }
    }
    for (video, audio) in present {
        video.unlink();
        audio.unlink();
    }
    (0..7).for_each(|_| drop(recorder.next("part-closed")));
    7
}

#[test]
fn people_who_come_and_go_leave_no_threads_and_no_open_files() {
    if !alone("leaks::people_who_come_and_go_leave_no_threads_and_no_open_files") {
        return;
    }
    let mut recorder = Recorder::new();
    let mut parts = visit(&mut recorder);
    let expected = settled();
    for _ in 0..3 {
        parts += visit(&mut recorder);
        wait_for("threads and files as after the first round", || {
            Holdings::now().is_within(&expected).then_some(())
        });
    }
    let stats: gst::Structure = recorder.sink.property("stats");
    assert_eq!(
        stats.get::<u64>("parts-closed").unwrap(),
        parts as u64,
        "{stats}"
    );
    assert_eq!(stats.get::<u64>("parts-open").unwrap(), 0, "{stats}");
    let files: gst::Structure = recorder.sink.property("files");
    assert_eq!(files.get::<gst::Array>("parts").unwrap().len(), parts);
}

#[test]
fn starting_and_stopping_leaves_no_threads_and_no_open_files() {
    if !alone("leaks::starting_and_stopping_leaves_no_threads_and_no_open_files") {
        return;
    }
    let mut recorder = Recorder::new();
    let mut expected = None;
    for _ in 0..8 {
        visit(&mut recorder);
        recorder.pipeline.set_state(gst::State::Null).unwrap();
        let expected = *expected.get_or_insert_with(settled);
        wait_for("threads and files as after the first run", || {
            Holdings::now().is_within(&expected).then_some(())
        });
        recorder.pipeline.set_state(gst::State::Playing).unwrap();
    }
}

/// Threads of this process that do nothing but files.
fn file_threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|t| std::fs::read_to_string(t.ok()?.path().join("comm")).ok());
    let ours = |name: &String| {
        ["roomfile:time", "roomfile:write", "roomfile:sync"].contains(&name.as_str())
    };
    names
        .map(|name| name.trim().to_owned())
        .filter(ours)
        .collect()
}

#[test]
fn the_files_of_many_people_are_written_by_the_threads_of_one() {
    if !alone("leaks::the_files_of_many_people_are_written_by_the_threads_of_one") {
        return;
    }
    let mut recorder = Recorder::new();
    let mut people: Vec<_> = (0..8)
        .map(|n| Sender::named(&recorder, &format!("video_{n}"), media::vp8()))
        .collect();
    let mut sent = 2000;
    // At their beginning files are written at once, by as many threads as that takes.
    loop {
        let mut all: Vec<_> = people.iter_mut().collect();
        send_live_until(sent, &mut all);
        let mut threads = file_threads();
        threads.sort();
        if threads == ["roomfile:sync", "roomfile:time", "roomfile:write"] {
            break;
        }
        assert!(sent < 30_000, "{threads:?}");
        sent += 250;
    }
    assert_eq!(recorder.end().len(), 8);
    recorder.pipeline.set_state(gst::State::Null).unwrap();
    wait_for("the end of all threads of files", || {
        file_threads().is_empty().then_some(())
    });
}

/// What is held when it has not changed for a moment: threads take a while to go.
fn settled() -> Holdings {
    let mut seen = Vec::new();
    wait_for("a steady number of threads and files", || {
        let now = Holdings::now();
        seen.push(now);
        let last = seen.iter().rev().take(25);
        let same = |before: &Holdings| now.is_within(before) && before.is_within(&now);
        (seen.len() >= 25 && last.into_iter().all(same)).then_some(now)
    })
}
