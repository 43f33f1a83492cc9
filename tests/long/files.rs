// SPDX-License-Identifier: MPL-2.0
//! More of what the short tests show of files: many kills, and a real disk.

use vdoroom_testkit::Folder;

use crate::{crash, power, strace};

#[test]
fn a_hundred_kills_lose_less_than_a_second_each() {
    crash::kill_at_random_moments(100);
}

#[test]
fn a_loss_of_power_takes_at_most_two_seconds_on_the_disk_of_this_machine() {
    if strace::can_trace() {
        power::check(&Folder::new());
    }
}
