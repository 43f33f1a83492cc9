// SPDX-License-Identifier: MPL-2.0
//! The conversations that the fuzzer of the room found, and random changes of them.

use std::time::Duration;

use vdoroom_test_support::corpus::replay;

#[test]
fn whatever_is_said_the_rules_hold() {
    replay("room", Duration::from_secs(3), |input| {
        crate::conversation::converse(input, true);
        Ok(())
    });
}
