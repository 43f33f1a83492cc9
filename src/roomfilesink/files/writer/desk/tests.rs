// SPDX-License-Identifier: MPL-2.0
mod orders;

use super::*;

const GATHER: Duration = Duration::from_millis(100);

fn append() -> Vec<Op> {
    vec![Op::Append(b"x".to_vec())]
}

fn error() -> io::Result<()> {
    Err(io::Error::other("bad disk"))
}

/// A file that was just opened; everything so far is on the disk, and nobody works.
fn young() -> (Desk, Instant) {
    let now = Instant::now();
    let mut desk = Desk::new(GATHER, false, now);
    assert_eq!(desk.opened(now), Plan::Now);
    let sync = desk.begin_sync(now).unwrap();
    assert_eq!(sync, Sync::Folders);
    desk.synced(&sync, Ok(()), now);
    desk.take();
    desk.wrote(false, Ok(()), now);
    (desk, now)
}

/// The same, later.
fn at_rest() -> (Desk, Instant) {
    let (mut desk, opened) = young();
    let now = opened + YOUNG;
    desk.take();
    desk.wrote(false, Ok(()), now);
    (desk, now)
}

#[test]
fn a_young_file_is_written_at_once_and_an_old_one_with_what_comes_meanwhile() {
    let (mut desk, opened) = young();
    assert_eq!(desk.hand_in(append()), Plan::Now);
    assert_eq!(desk.hand_in(append()), Plan::Nothing, "it is coming");
    assert_eq!(desk.take().len(), 2);
    desk.hand_in(append());
    let plans = desk.wrote(true, Ok(()), opened + YOUNG / 2);
    assert_eq!(plans.write, Plan::Again, "came during the write");
    assert_eq!(desk.take().len(), 1);
    desk.hand_in(append());
    let plans = desk.wrote(true, Ok(()), opened + YOUNG);
    assert_eq!(plans.write, Plan::Within(GATHER));
    assert_eq!(desk.hand_in(append()), Plan::Nothing);
    assert_eq!(desk.take().len(), 2);
    desk.wrote(true, Ok(()), opened + YOUNG);
    assert_eq!(desk.hand_in(append()), Plan::Within(GATHER));
}

#[test]
fn a_finished_file_is_written_synced_and_told_of_once() {
    let (mut desk, now) = at_rest();
    desk.hand_in(append());
    assert_eq!(desk.hand_in(vec![Op::Finish]), Plan::Hasten);
    assert_eq!(desk.hand_in(append()), Plan::Nothing, "too late");
    assert_eq!(desk.take().len(), 1);
    let plans = desk.wrote(true, Ok(()), now);
    assert_eq!((plans.write, plans.sync), (Plan::Nothing, Plan::Now));
    assert!(desk.outcome().is_none(), "not synced yet");
    assert_eq!(desk.begin_sync(now), Some(Sync::Last));
    desk.synced(&Sync::Last, Ok(()), now);
    let outcome = desk.outcome().unwrap();
    assert!(outcome.result.is_ok() && !outcome.remove_if_empty);
    assert!(desk.outcome().is_none(), "once");
    assert_eq!(desk.give_up(), Plan::Nothing);
}

#[test]
fn what_is_handed_in_together_is_taken_together_up_to_the_end() {
    let (mut desk, now) = at_rest();
    let steps = [append(), append(), vec![Op::Finish], append()];
    let all = steps.into_iter().flatten().collect();
    assert_eq!(desk.hand_in(all), Plan::Now, "somebody waits for the end");
    assert_eq!(desk.take().len(), 2);
    assert_eq!(desk.wrote(true, Ok(()), now).sync, Plan::Now);
}

#[test]
fn what_is_written_while_a_sync_lasts_waits_for_the_next_which_begins_a_second_after_it() {
    let (mut desk, began) = at_rest();
    desk.hand_in(append());
    desk.take();
    let plans = desk.wrote(true, Ok(()), began);
    assert_eq!(
        plans.sync,
        Plan::Within(Duration::ZERO),
        "the last is long ago"
    );
    let sync = desk.begin_sync(began).unwrap();
    assert_eq!(sync, Sync::Look { written: true });
    let later = began + SYNC_INTERVAL / 3;
    desk.hand_in(append());
    desk.take();
    assert_eq!(desk.wrote(true, Ok(()), later).sync, Plan::Nothing);
    let plans = desk.synced(&sync, Ok(()), later);
    assert_eq!(plans.sync, Plan::Within(SYNC_INTERVAL - SYNC_INTERVAL / 3));
    assert_eq!(plans.write, Plan::Nothing, "a sync delays no write");
    let next = began + SYNC_INTERVAL;
    let sync = desk.begin_sync(next).unwrap();
    assert_eq!(sync, Sync::Look { written: true });
    assert_eq!(desk.synced(&sync, Ok(()), next).sync, Plan::Nothing);
}

#[test]
fn a_disk_that_must_not_fill_up_is_looked_at_while_nothing_is_written() {
    let (mut desk, now) = at_rest();
    desk.watches_disk = true;
    let sync = desk.begin_sync(now).unwrap();
    assert_eq!(sync, Sync::Look { written: false });
    let plans = desk.synced(&sync, Ok(()), now);
    assert_eq!(plans.sync, Plan::Within(SYNC_INTERVAL));
}

#[test]
fn a_failed_write_is_told_when_the_sync_is_through_and_only_once() {
    let (mut desk, now) = at_rest();
    desk.hand_in(append());
    desk.begin_sync(now);
    desk.take();
    desk.wrote(true, error(), now);
    assert!(
        desk.outcome().is_none(),
        "the sync may have something to say"
    );
    let sync = Sync::Look { written: false };
    desk.synced(&sync, Err(io::Error::other("another")), now);
    let outcome = desk.outcome().unwrap();
    assert_eq!(outcome.result.unwrap_err().to_string(), "bad disk");
    assert!(outcome.remove_if_empty);
    assert!(desk.outcome().is_none());
    assert_eq!(desk.hand_in(append()), Plan::Nothing);
    assert!(desk.ops.is_empty(), "nothing piles up");
}

#[test]
fn a_failed_sync_ends_a_file_that_waits_to_be_written() {
    let (mut desk, now) = at_rest();
    let sync = desk.begin_sync(now).unwrap();
    desk.hand_in(append());
    assert_eq!(desk.synced(&sync, error(), now).write, Plan::Hasten);
    assert!(desk.outcome().is_none());
    assert!(desk.take().is_empty());
    desk.wrote(false, Ok(()), now);
    assert!(desk.outcome().unwrap().result.is_err());
}

#[test]
fn what_became_urgent_before_it_was_arranged_is_late() {
    let (mut desk, _) = at_rest();
    assert_eq!(desk.hand_in(append()), Plan::Within(GATHER));
    assert_eq!(desk.is_late(), [false, false]);
    assert_eq!(desk.give_up(), Plan::Hasten, "which finds nothing yet");
    assert_eq!(desk.is_late(), [true, false]);
}

#[test]
fn a_file_that_cannot_be_opened_has_failed() {
    let now = Instant::now();
    let mut desk = Desk::new(GATHER, false, now);
    assert_eq!(desk.hand_in(append()), Plan::Nothing, "it is opened");
    desk.fail_to_open(io::Error::other("no such folder"));
    assert!(desk.outcome().unwrap().result.is_err());
}
