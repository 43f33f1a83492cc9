// SPDX-License-Identifier: MPL-2.0
//! `testroomsrc`: a source with sometimes pads, as a room has them, for `gst::parse::launch`.
//! Three times a person comes with camera and microphone and leaves again; another one stays.

use std::sync::{Arc, LazyLock, Mutex, Once};
use std::thread;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::media::{self, Media};

/// Visits of the person who comes and goes.
pub const VISITS: u32 = 3;
const SECOND: u64 = 1000;

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct TestRoomSrc {
        pub thread: Mutex<Option<thread::JoinHandle<()>>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for TestRoomSrc {
        const NAME: &'static str = "TestRoomSrc";
        type Type = super::TestRoomSrc;
        type ParentType = gst::Element;
    }

    impl ObjectImpl for TestRoomSrc {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().set_element_flags(gst::ElementFlags::SOURCE);
        }
    }

    impl GstObjectImpl for TestRoomSrc {}

    impl ElementImpl for TestRoomSrc {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new("Test room", "Source", "A room", "Tests")
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                let template = |name, caps: &str| {
                    let (direction, presence) =
                        (gst::PadDirection::Src, gst::PadPresence::Sometimes);
                    gst::PadTemplate::new(name, direction, presence, &caps.parse().unwrap())
                };
                vec![
                    template("video_%s", "video/x-h264; video/x-vp8").unwrap(),
                    template("audio_%s", "audio/x-opus").unwrap(),
                ]
            });
            &TEMPLATES
        }

        fn change_state(
            &self,
            transition: gst::StateChange,
        ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
            let result = self.parent_change_state(transition)?;
            if transition == gst::StateChange::PausedToPlaying {
                let element = self.obj().clone();
                let room = thread::spawn(move || super::run(&element));
                *self.thread.lock().unwrap() = Some(room);
            }
            if transition == gst::StateChange::ReadyToNull
                && let Some(room) = self.thread.lock().unwrap().take()
            {
                room.join().unwrap();
            }
            Ok(result)
        }
    }
}

glib::wrapper! {
    pub struct TestRoomSrc(ObjectSubclass<imp::TestRoomSrc>) @extends gst::Element, gst::Object;
}

pub fn register() {
    gst::init().unwrap();
    gstvdoroom::plugin_register_static().unwrap();
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (rank, class) = (gst::Rank::NONE, TestRoomSrc::static_type());
        gst::Element::register(None, "testroomsrc", rank, class).unwrap();
    });
}

struct Visitor {
    pads: Vec<(gst::Pad, &'static Media, usize)>,
}

impl Visitor {
    fn enter(element: &TestRoomSrc, name: &str, session: u32, video: &'static Media) -> Self {
        let group = gst::GroupId::next();
        let kinds = [("video", video), ("audio", media::opus())];
        let id = |kind: &str| format!("room/{name}/{session}/{kind}");
        let streams = kinds.map(|(kind, _)| {
            let flags = gst::StreamFlags::empty();
            gst::Stream::new(Some(&id(kind)), None, gst::StreamType::VIDEO, flags)
        });
        let collection = gst::StreamCollection::builder(None)
            .streams(streams)
            .build();
        let pads = kinds.map(|(kind, media)| {
            let template = element.pad_template(&format!("{kind}_%s")).unwrap();
            let pad = gst::Pad::builder_from_template(&template)
                .name(format!("{kind}_{name}"))
                .build();
            pad.set_active(true).unwrap();
            let start = gst::event::StreamStart::builder(&id(kind))
                .group_id(group)
                .build();
            let segment = gst::FormattedSegment::<gst::ClockTime>::new();
            pad.push_event(start);
            pad.push_event(gst::event::Caps::new(&media.caps));
            pad.push_event(gst::event::Segment::new(&segment));
            pad.push_event(gst::event::StreamCollection::new(&collection));
            element.add_pad(&pad).unwrap();
            (pad, media, 0)
        });
        Self { pads: pads.into() }
    }

    fn send_until(&mut self, from_ms: u64, until_ms: u64) {
        for (pad, media, next) in &mut self.pads {
            while let Some(frame) = media.frames.get(*next) {
                let mut frame = frame.copy();
                let pts = frame.pts().unwrap() + gst::ClockTime::from_mseconds(from_ms);
                if pts.mseconds() >= until_ms {
                    break;
                }
                frame.get_mut().unwrap().set_pts(pts);
                let result = pad.push(frame);
                let fine = result.is_ok() || !pad.is_linked();
                assert!(fine, "{}: {result:?}", pad.name());
                *next += 1;
            }
        }
    }

    fn leave(self, element: &TestRoomSrc) {
        for (pad, ..) in &self.pads {
            pad.push_event(gst::event::Eos::new());
        }
        for (pad, ..) in self.pads {
            pad.set_active(false).unwrap();
            element.remove_pad(&pad).unwrap();
        }
    }
}

fn run(element: &TestRoomSrc) {
    let mut stays = Visitor::enter(element, "stays", 1, media::vp8());
    for visit in 0..VISITS {
        let from = u64::from(visit) * 2 * SECOND;
        stays.send_until(0, from);
        let mut guest = Visitor::enter(element, "guest", visit + 1, media::h264());
        guest.send_until(from, from + SECOND);
        stays.send_until(0, from + SECOND);
        guest.leave(element);
    }
    stays.leave(element);
    // A room that empties does not end: the test does.
    let message = gst::message::Application::builder(gst::Structure::new_empty("room-is-empty"))
        .src(element)
        .build();
    element.post_message(message).unwrap();
}

/// Runs a launch line until the room is empty, then ends it; gives the pipeline's parts in the
/// order in which they closed.
pub fn run_line(line: &str) -> Vec<gst::Structure> {
    register();
    let pipeline = gst::parse::launch(line).unwrap();
    let closed = Arc::new(Mutex::new(Vec::new()));
    let store = closed.clone();
    let bin = pipeline.downcast_ref::<gst::Bin>().unwrap();
    let recorder = bin.by_name("rec").unwrap();
    recorder.connect("part-closed", false, move |args| {
        store
            .lock()
            .unwrap()
            .push(args[1].get::<gst::Structure>().unwrap());
        None
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    for message in bus.iter_timed(gst::ClockTime::from_seconds(30)) {
        match message.view() {
            gst::MessageView::Application(_) => {
                // The source has no pad left and so does not take it; the recorder does.
                let _ = pipeline.send_event(gst::event::Eos::new());
            }
            gst::MessageView::Error(e) => panic!("{} {:?}", e.error(), e.debug()),
            gst::MessageView::Eos(_) => {
                pipeline.set_state(gst::State::Null).unwrap();
                let closed = closed.lock().unwrap().clone();
                return closed;
            }
            _ => {}
        }
    }
    panic!("{line} does not end within 30 s");
}
