// SPDX-License-Identifier: MPL-2.0
//! The conversations that the fuzzer of the room server found, and random changes of them.

use std::time::Duration;

use vdoroom_testkit::{corpus::replay, server::fuzzing::conversation};

#[test]
fn whatever_is_said_the_server_keeps_its_rules() {
    replay("server", Duration::from_secs(3), conversation);
}
