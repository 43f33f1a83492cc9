// SPDX-License-Identifier: MPL-2.0
//! What a loss of power can take: shown by the order of writes and syncs, as `strace` sees them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vdoroom_testkit::Folder;

use crate::child::{self, EVERY_CONTAINER};
use crate::strace::{self, Call};

const OPTIONS: &str =
    "-y -ttt -s 0 -e trace=openat,mkdir,write,writev,pwrite64,pwritev,fdatasync,fsync";
/// Seconds for which what was written may be lost with the power.
const LIMIT: f64 = 2.0;

/// Records five seconds of every container below `folder`, into a folder that is made for it.
fn record(folder: &Folder) -> Vec<Call> {
    let line = child::line(&folder.0.join("made/for/it"), EVERY_CONTAINER, "")
        .replace("videotestsrc", "videotestsrc num-buffers=75")
        .replace("audiotestsrc", "audiotestsrc num-buffers=250");
    strace::run(folder, OPTIONS, &line);
    strace::calls(folder)
}

fn is_write(call: &Call) -> bool {
    call.name.contains("write") && call.result >= 0
}

/// For how long data of each file was not on the disk, at worst.
fn oldest_unsynced(calls: &[Call], folder: &Path) -> BTreeMap<PathBuf, f64> {
    let mut oldest = BTreeMap::new();
    let in_folder = |c: &&Call| is_write(c) && c.path.starts_with(folder);
    for write in calls.iter().filter(in_folder) {
        let covers = |c: &&Call| {
            let syncs = matches!(c.name.as_str(), "fdatasync" | "fsync") && c.result == 0;
            syncs && c.path == write.path && c.began >= write.ended
        };
        let sync = calls.iter().find(covers);
        let sync = sync.unwrap_or_else(|| panic!("never synced: {write:?}"));
        let age = sync.ended - write.began;
        let worst = oldest.entry(write.path.clone()).or_insert(age);
        *worst = worst.max(age);
    }
    oldest
}

/// The folder that got an entry by this call.
fn changed_folder(call: &Call) -> Option<&Path> {
    let creates = match call.name.as_str() {
        "openat" => call.arguments.contains("O_CREAT"),
        name => name == "mkdir",
    };
    call.path.parent().filter(|_| creates && call.result >= 0)
}

/// Holds every write in this folder against the syncs after it.
pub fn check(folder: &Folder) {
    let calls = record(folder);
    let ages = oldest_unsynced(&calls, &folder.0.join("made"));
    let recordings = ages
        .keys()
        .filter(|f| f.extension().is_none_or(|e| e != "jsonl"));
    assert_eq!(recordings.count(), EVERY_CONTAINER.len(), "{ages:#?}");
    assert_eq!(
        ages.len(),
        2 * EVERY_CONTAINER.len(),
        "each has a manifest: {ages:#?}"
    );
    eprintln!(
        "written but not on the disk, in seconds at worst: {:.2?}",
        ages.values()
    );
    for (file, age) in &ages {
        assert!(*age <= LIMIT, "{file:?} was {age:.2} s behind");
    }
    let entries = calls.iter().filter(|c| c.path.starts_with(&folder.0));
    for (entry, changed) in entries.filter_map(|c| Some((c, changed_folder(c)?))) {
        let synced = calls
            .iter()
            .find(|c| c.name == "fsync" && c.path == changed && c.began >= entry.ended);
        let synced = synced.unwrap_or_else(|| panic!("the name is never synced: {entry:?}"));
        let age = synced.ended - entry.began;
        assert!(
            age <= LIMIT,
            "the name {:?} was lost for {age:.2} s",
            entry.path
        );
    }
}

#[test]
fn a_loss_of_power_takes_at_most_two_seconds_and_no_name() {
    if strace::can_trace() {
        // In memory: a sync takes no time of its own there, and the order is the same.
        check(&Folder::inside(Path::new("/dev/shm")));
    }
}
