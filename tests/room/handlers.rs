// SPDX-License-Identifier: MPL-2.0
//! What handlers of signals may do: not return, and stop a pipeline that is being stopped.

use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use gst::prelude::*;
use vdoroom_testkit::check::layout::closed_parts;
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer};

use crate::recording::{Recording, source};

const AT_MOST: Duration = Duration::from_secs(1);

fn stop_pipeline_of(element: &gst::Element) {
    if let Some(pipeline) = element.parent().and_downcast::<gst::Pipeline>() {
        let _ = pipeline.set_state(gst::State::Null);
    }
}

/// GStreamer has a handler that asks for NULL wait for the thread that stops the pipeline already,
/// and that is why the signal is emitted. That thread must not wait for the handler.
fn stops_in_time(signal: &'static str) {
    let server = RoomServer::start(Dialect::Hosted);
    let source = source(&server, "r");
    let stopper = |values: &[gst::glib::Value]| {
        stop_pipeline_of(&values[0].get().unwrap());
        None
    };
    if !signal.starts_with("part") {
        source.connect(signal, false, stopper);
    }
    let mut recording = Recording::into_sink(source, |sink, _| {
        if signal.starts_with("part") {
            sink.connect(signal, false, stopper);
        }
    });
    let alice = Publisher::builder(server.url(), "r", "alice").codec(Codec::Vp8);
    let _alice = alice.frame_rate(10).start().unwrap();
    recording.wait_for_frames(&["alice"], 10);
    let start = Instant::now();
    recording.pipeline.set_state(gst::State::Null).unwrap();
    let took = start.elapsed();
    println!("{signal}: NULL took {took:?}");
    assert!(took < AT_MOST, "{signal}: NULL took {took:?}");
    recording.wait("the part's end", |r| closed_parts(&r.folder).len() == 1);
}

#[test]
fn null_waits_for_no_handler_of_part_closed_that_asks_for_null_too() {
    stops_in_time("part-closed");
}

#[test]
fn null_waits_for_no_handler_of_stream_removed_that_asks_for_null_too() {
    stops_in_time("stream-removed");
}

#[test]
fn a_handler_of_part_opened_that_does_not_return_costs_nobody_a_frame() {
    let server = RoomServer::start(Dialect::Hosted);
    let (release, until_released) = mpsc::channel::<()>();
    let until_released = Mutex::new(until_released);
    let source = source(&server, "r");
    let mut recording = Recording::into_sink(source, |sink, _| {
        sink.connect("part-opened", false, move |_| {
            let _ = until_released.lock().unwrap().recv();
            None
        });
    });
    let publisher = |name| Publisher::builder(server.url(), "r", name).codec(Codec::Vp8);
    let start = |name| publisher(name).frame_rate(10).start().unwrap();
    let names = ["alice", "bob"];
    let people = names.map(start);
    recording.wait_for_frames(&names, 30);
    recording.finish_complete(&[("alice", &people[0]), ("bob", &people[1])]);
    drop(release);
}
