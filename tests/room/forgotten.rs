// SPDX-License-Identifier: MPL-2.0
//! An application drops its pipeline, and has never set it to NULL.

use std::process::Command;

use vdoroom_testkit::check::inspect;
use vdoroom_testkit::require::require;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer};

use crate::recording::DEADLINE;

/// GStreamer keeps such a pipeline and complains; the process can end, and its file plays.
#[test]
fn a_process_that_forgets_to_stop_ends() {
    const FORGETS: &str = "\
import gc, gi, sys, time
gi.require_version('Gst', '1.0')
from gi.repository import Gst
Gst.init(None)
pipeline = Gst.parse_launch(sys.argv[1])
pipeline.set_state(Gst.State.PLAYING)
bus = pipeline.get_bus()
while True:
    message = bus.timed_pop_filtered(20 * Gst.SECOND, Gst.MessageType.ELEMENT)
    if message is None or message.get_structure().get_name() == 'roomfilesink-part-opened':
        break
# It records for a second.
time.sleep(1)
del pipeline, bus, message
gc.collect()
print('forgotten')
";
    let gi = Command::new("/usr/bin/python3")
        .args(["-c", "import gi"])
        .status();
    let there = gi.is_ok_and(|status| status.success());
    if !require(there, "Python's gi is not installed") {
        return;
    }
    let server = RoomServer::start(Dialect::Hosted);
    let alice = Publisher::builder(server.url(), "r", "alice").codec(Codec::Vp8);
    let _alice = alice.frame_rate(10).start().unwrap();
    let folder = Folder::new();
    std::fs::write(folder.0.join("forgets.py"), FORGETS).unwrap();
    let line = format!(
        "exec /usr/bin/python3 forgets.py 'vdoroomsrc server={} room=r : roomfilesink location=%s-%n.%e'",
        server.url()
    );
    // GStreamer's complaint is a critical warning.
    let launch = Launch::shell(&folder.0, &line, |command| {
        command.env_remove("G_DEBUG");
    });
    let (status, printed) = launch.wait(DEADLINE);
    assert!(
        status.success() && printed.contains("forgotten"),
        "{printed}"
    );
    let files = folder.files(&["mkv"]);
    let [file] = files.as_slice() else {
        panic!("one file, not {files:?}: {printed}");
    };
    let report = inspect(file);
    assert!(report.video.is_some_and(|video| video.frames_decoded > 0));
}
