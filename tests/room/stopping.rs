// SPDX-License-Identifier: MPL-2.0
//! An application may stop at any moment and from any thread: NULL is reached in under a second.

use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gst::prelude::*;
use vdoroom_test_support::{Codec, Dialect, Folder, Launch, Publisher, RoomServer};

use crate::recording::{DEADLINE, Recording};

const AT_MOST: Duration = Duration::from_secs(1);

fn publish(server: &RoomServer) -> Publisher {
    Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .frame_rate(10)
        .start()
        .unwrap()
}

/// Sets the pipeline to NULL; how long that took.
fn stop(pipeline: &gst::Pipeline) -> Duration {
    let start = Instant::now();
    pipeline.set_state(gst::State::Null).unwrap();
    start.elapsed()
}

/// `stop_when` gets the recording and something that stops it, once; it is stopped in time.
fn stops_in_time(stop_when: impl FnOnce(&Recording, Box<dyn Fn() + Send + Sync>)) {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let (told, took) = mpsc::channel();
    let once = std::sync::Once::new();
    let pipeline = recording.pipeline.downgrade();
    let stopper = move || {
        once.call_once(|| {
            if let Some(pipeline) = pipeline.upgrade() {
                let _ = told.send(stop(&pipeline));
            }
        });
    };
    stop_when(&recording, Box::new(stopper));
    let _alice = publish(&server);
    let mut stopped = None;
    recording.wait("somebody to stop it", |_| {
        stopped = stopped.or(took.try_recv().ok());
        stopped.is_some()
    });
    let took = stopped.unwrap();
    assert!(took < AT_MOST, "NULL took {took:?}");
}

#[test]
fn it_stops_while_the_connection_is_being_made() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let _alice = publish(&server);
    recording.wait("the session of alice", |r| r.stream("alice").is_some());
    recording.stop();
}

#[test]
fn it_stops_while_the_last_frames_are_on_their_way() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let _alice = publish(&server);
    recording.wait_for_frames(&["alice"], 10);
    recording.pipeline.send_event(gst::event::Eos::new());
    recording.stop();
}

#[test]
fn it_stops_from_a_handler_of_pad_added() {
    stops_in_time(|recording, stop| {
        recording.source.connect_pad_added(move |_, _| stop());
    });
}

#[test]
fn it_stops_from_a_handler_of_stream_added() {
    stops_in_time(|recording, stop| {
        recording.source.connect("stream-added", false, move |_| {
            stop();
            None
        });
    });
}

/// A streaming thread cannot wait for its own end: GStreamer has `call_async` for it.
#[test]
fn it_stops_as_a_streaming_thread_asks() {
    stops_in_time(|recording, stop| {
        let stop = std::sync::Arc::new(stop);
        recording.source.connect_pad_added(move |source, pad| {
            let (stop, source) = (stop.clone(), source.clone());
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                let stop = stop.clone();
                source.call_async(move |_| stop());
                gst::PadProbeReturn::Ok
            });
        });
    });
}

/// The example of many applications: everything is dropped, and nothing was set to NULL before.
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
time.sleep(1)
del pipeline, bus, message
gc.collect()
print('forgotten')
";
    let gi = Command::new("python3").args(["-c", "import gi"]).status();
    if !gi.is_ok_and(|status| status.success()) {
        eprintln!("skipped: Python's gi is not installed");
        return;
    }
    let server = RoomServer::start(Dialect::Hosted);
    let _alice = publish(&server);
    let folder = Folder::new();
    std::fs::write(folder.0.join("forgets.py"), FORGETS).unwrap();
    let line = format!(
        "exec python3 forgets.py 'vdoroomsrc server={} room=r : roomfilesink location=%s-%n.%e'",
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
    let report = vdoroom_test_support::check::inspect(file);
    assert!(report.video.is_some_and(|video| video.frames_decoded > 0));
}
