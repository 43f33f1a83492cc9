// SPDX-License-Identifier: MPL-2.0
//! `examples/static`, which is built by `scripts/test-long`.

use vdoroom_testkit::launch::program;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer};

use crate::recording::{DEADLINE, assert_all_whole};

#[test]
fn an_application_with_the_elements_inside_records_a_room() {
    let program = program("record-static");
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let alice = Publisher::builder(server.url(), "r", "alice");
    let alice = alice.codec(Codec::Vp8).frame_rate(10).start().unwrap();
    let line = format!(
        "exec {} {} r '{}/%s.%e' 5",
        program.display(),
        server.url(),
        folder.0.display()
    );
    let application = Launch::shell(&folder.0, &line, |command| {
        command.env("GST_PLUGIN_PATH", "");
    });
    alice.wait_for_viewer(DEADLINE).unwrap();
    let (status, said) = application.wait(DEADLINE);
    assert!(status.success(), "{said}");
    assert_all_whole(&folder.recordings(), 1);
}
