// SPDX-License-Identifier: MPL-2.0
//! NULL is a second away from every point of a recording, whoever asks for it, and an element that
//! nobody brings to NULL goes there when it is dropped.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use vdoroom_testkit::check::{self, layout::closed_parts};
use vdoroom_testkit::holdings::{alone, assert_heap_left, heap_bytes};
use vdoroom_testkit::wait::wait_for;
use vdoroom_testkit::{Codec, Dialect, Holdings, Publisher, RoomServer};

use crate::lifecycle::Elsewhere;
use crate::recording::{DEADLINE, NULL_DEADLINE, Recording, assert_whole, init_with_key, source};

/// What a session leaves to its threads is done by then.
const SETTLED: Duration = Duration::from_secs(3);

/// As [`Recording::start`], of what may be stopped at once.
fn start(server: &RoomServer, room: &str, set: impl FnOnce(&gst::Element)) -> Recording {
    init_with_key();
    Recording::start(server, room, set)
}

fn guest(server: &RoomServer, room: &str, name: &str) -> Publisher {
    let guest = Publisher::builder(server.url(), room, name).codec(Codec::Vp8);
    guest.frame_rate(10).start().unwrap()
}

/// Goes to NULL, and tells how long that took.
fn timed_null(element: &gst::Element) -> Duration {
    let start = Instant::now();
    element.set_state(gst::State::Null).unwrap();
    start.elapsed()
}

/// None once it has left it.
fn pipeline_of(element: &gst::Element) -> Option<gst::Element> {
    element.parent().and_downcast()
}

/// The one that stops a pipeline, once, and how long it took.
#[derive(Clone)]
struct Stopper(Arc<Mutex<Option<Sender<Duration>>>>);

impl Stopper {
    fn new() -> (Self, Receiver<Duration>) {
        let (tx, rx) = mpsc::channel();
        (Self(Arc::new(Mutex::new(Some(tx)))), rx)
    }

    fn stop(&self, pipeline: &gst::Element) {
        let tx = self.0.lock().unwrap().take();
        if let Some(tx) = tx {
            tx.send(timed_null(pipeline)).unwrap();
        }
    }

    /// The last signals may come when the element has left its pipeline.
    fn stop_pipeline_of(&self, element: &gst::Element) {
        if let Some(pipeline) = pipeline_of(element) {
            self.stop(&pipeline);
        }
    }
}

fn assert_in_time(stopped: &Receiver<Duration>, from: &str) {
    let took = stopped
        .recv_timeout(DEADLINE)
        .unwrap_or_else(|_| panic!("NULL from {from} does not return"));
    assert!(took < NULL_DEADLINE, "NULL from {from} took {took:?}");
}

#[test]
fn null_is_a_second_away_from_every_point_of_a_session() {
    let server = RoomServer::start(Dialect::Hosted);
    let _alice = guest(&server, "r", "alice");
    let connecting = |r: &Recording| {
        r.stream("alice")
            .is_some_and(|s| s.get::<u32>("sessions-so-far") == Ok(1))
    };
    type Point<'a> = (&'a str, &'a dyn Fn(&Recording) -> bool);
    let points: [Point; 6] = [
        ("the first moment", &|_| true),
        ("the room", &|r| r.stats().get("state") == Ok("joined")),
        ("the guest", &|r| r.heard("vdoroom-stream-added", "alice")),
        ("ICE", &connecting),
        ("the first pad", &|r| !r.source.pads().is_empty()),
        ("the first part", &|r| {
            r.heard("roomfilesink-part-opened", "alice")
        }),
    ];
    for (what, reached) in points {
        let mut recording = start(&server, "r", |_| {});
        recording.wait(what, reached);
        recording.stop();
        assert!(recording.source.pads().is_empty(), "{what}");
    }
}

#[test]
fn null_is_a_second_away_during_eos_and_from_a_pause() {
    let server = RoomServer::start(Dialect::Hosted);
    let _alice = guest(&server, "r", "alice");
    for paused in [false, true] {
        let mut recording = start(&server, "r", |_| {});
        recording.wait_for_news("roomfilesink-part-opened", "alice");
        match paused {
            true => drop(recording.pipeline.set_state(gst::State::Paused).unwrap()),
            false => assert!(recording.pipeline.send_event(gst::event::Eos::new())),
        }
        recording.stop();
        assert_eq!(closed_parts(&recording.folder).len(), 1);
    }
}

#[test]
fn a_handler_of_the_sources_signals_may_stop_the_pipeline() {
    let server = RoomServer::start(Dialect::Hosted);
    let _alice = guest(&server, "r", "alice");
    for signal in ["stream-added", "pad-added"] {
        let (stopper, stopped) = Stopper::new();
        let recording = start(&server, "r", |source| {
            source.connect(signal, false, move |values| {
                let source = values[0].get().unwrap();
                stopper.stop_pipeline_of(&source);
                None
            });
        });
        assert_in_time(&stopped, signal);
        recording.stop();
    }
}

#[test]
fn a_handler_of_the_recorders_signals_may_stop_the_pipeline() {
    let server = RoomServer::start(Dialect::Hosted);
    let alice = guest(&server, "r", "alice");
    for signal in ["part-opened", "part-closed"] {
        let (stopper, stopped) = Stopper::new();
        let mut recording = Recording::into_sink(source(&server, "r"), |sink, _| {
            sink.connect(signal, false, move |values| {
                let sink = values[0].get().unwrap();
                stopper.stop_pipeline_of(&sink);
                None
            });
        });
        if signal == "part-closed" {
            recording.wait_for_news("roomfilesink-part-opened", "alice");
            alice.reload();
        }
        assert_in_time(&stopped, signal);
        recording.stop();
    }
}

/// What GStreamer allows: a streaming thread cannot wait for its own end, so it has the state
/// changed by another thread.
#[test]
fn a_streaming_thread_may_have_the_pipeline_stopped() {
    let server = RoomServer::start(Dialect::Hosted);
    let _alice = guest(&server, "r", "alice");
    let (stopper, stopped) = Stopper::new();
    let recording = start(&server, "r", move |source| {
        source.connect_pad_added(move |source, pad| {
            let pipeline = pipeline_of(source).map(|pipeline| pipeline.downgrade());
            let stopper = stopper.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                if let Some(pipeline) = pipeline.as_ref().and_then(|p| p.upgrade()) {
                    let stopper = stopper.clone();
                    pipeline.call_async(move |pipeline| stopper.stop(pipeline));
                }
                gst::PadProbeReturn::Remove
            });
        });
    });
    assert_in_time(&stopped, "a streaming thread");
    recording.stop();
}

#[test]
fn a_main_loop_that_is_blocked_holds_nothing_up() {
    if !alone("states::a_main_loop_that_is_blocked_holds_nothing_up") {
        return;
    }
    let (blocked_tx, blocked) = mpsc::channel();
    let (free, until_free) = mpsc::channel::<()>();
    let main_loop = glib::MainLoop::new(None, false);
    let running = main_loop.clone();
    let thread = thread::spawn(move || {
        glib::idle_add_once(move || {
            blocked_tx.send(()).unwrap();
            let _ = until_free.recv();
        });
        running.run();
    });
    blocked.recv_timeout(DEADLINE).unwrap();
    let server = RoomServer::start(Dialect::Hosted);
    let _alice = guest(&server, "r", "alice");
    let mut recording = start(&server, "r", |_| {});
    recording.wait_for_news("roomfilesink-part-opened", "alice");
    recording.wait_for_frames(&["alice"], 15);
    recording.stop();
    assert_eq!(closed_parts(&recording.folder).len(), 1);
    drop(free);
    main_loop.quit();
    thread.join().unwrap();
}

#[test]
fn two_rooms_are_recorded_at_once_in_one_process() {
    let server = RoomServer::start(Dialect::Hosted);
    let _people = [guest(&server, "a", "alice"), guest(&server, "b", "bob")];
    let mut first = start(&server, "a", |_| {});
    let mut second = start(&server, "b", |_| {});
    first.wait_for_frames(&["alice"], 20);
    second.wait_for_frames(&["bob"], 20);
    let one = first.finish();
    let then = second.frames("bob");
    second.wait_for_frames(&["bob"], then + 10);
    let other = second.finish();
    for (recorded, stream) in [(&one, "alice"), (&other, "bob")] {
        assert_eq!(recorded.files.len(), 1, "{:#?}", recorded.files);
        assert_whole(stream, recorded.only(stream));
    }
}

/// Bytes that a recording may leave on the heap.
const LEFT_BY_A_RECORDING: usize = 256 * 1024;

/// Both elements leave their pipeline as they are, and nobody else has a reference.
#[test]
fn elements_that_are_dropped_while_they_record_leave_whole_files_and_no_thread() {
    if !alone("states::elements_that_are_dropped_while_they_record_leave_whole_files_and_no_thread")
    {
        return;
    }
    let elsewhere = Elsewhere::alice();
    let server = &elsewhere.server;
    drop_while_recording(server);
    let nobody = Holdings {
        threads: 0,
        descriptors: 0,
        ..Holdings::now()
    };
    let before = Holdings::settled(std::process::id(), &nobody, SETTLED);
    let heap = heap_bytes();
    for _ in 0..3 {
        drop_while_recording(server);
    }
    Holdings::settled(std::process::id(), &before, DEADLINE).assert_within(&before);
    assert_heap_left(heap, 3, LEFT_BY_A_RECORDING);
}

fn drop_while_recording(server: &RoomServer) {
    let mut recording = start(server, "r", |_| {});
    recording.wait_for_news("roomfilesink-part-opened", "alice");
    recording.wait_for_frames(&["alice"], 10);
    let folder = recording.folder.clone();
    let start = Instant::now();
    for element in recording.pipeline.children() {
        recording.pipeline.remove(&element).unwrap();
        assert_eq!(element.current_state(), gst::State::Playing);
    }
    let (tell, gone) = mpsc::channel();
    recording.source.add_weak_ref_notify(move || {
        // Nobody waits for it any more if it comes too late.
        let _ = tell.send(());
    });
    drop(recording);
    let took = start.elapsed();
    assert!(took < 2 * NULL_DEADLINE, "dropping both took {took:?}");
    // The control thread may be the last that lets go of it.
    let left = (2 * NULL_DEADLINE).saturating_sub(took);
    gone.recv_timeout(left).expect("the source is still held");
    // A streaming thread may be the last that lets go of the recorder.
    let closed = wait_for("a closed part in the manifest", DEADLINE, || {
        Some(closed_parts(&folder).len()).filter(|parts| *parts > 0)
    });
    assert_eq!(closed, 1);
    for file in folder.recordings() {
        let report = check::inspect(&file);
        assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
    }
}
