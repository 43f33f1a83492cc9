// SPDX-License-Identifier: MPL-2.0
//! A handler of a signal stops the pipeline, which another thread is stopping already and which
//! is why the signal is emitted: GStreamer has the handler wait for that thread, and the thread
//! must not wait for the handler.

use std::time::{Duration, Instant};

use gst::prelude::*;
use vdoroom_test_support::check::layout::closed_parts;
use vdoroom_test_support::{Codec, Dialect, Publisher, RoomServer};

use crate::recording::{Recording, source};

const AT_MOST: Duration = Duration::from_secs(1);

fn stop_pipeline_of(element: &gst::Element) {
    if let Some(pipeline) = element.parent().and_downcast::<gst::Pipeline>() {
        let _ = pipeline.set_state(gst::State::Null);
    }
}

/// NULL returns in time, and the part is closed, when a handler of the signal asks for NULL too.
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
fn null_waits_for_no_handler_of_pad_removed_that_asks_for_null_too() {
    stops_in_time("pad-removed");
}

#[test]
fn null_waits_for_no_handler_of_stream_removed_that_asks_for_null_too() {
    stops_in_time("stream-removed");
}
