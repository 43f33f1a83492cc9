// SPDX-License-Identifier: MPL-2.0
//! The element's signals. They are emitted from its control thread, with no lock held.

use std::ops::ControlFlow;

use gst::glib;
use gst::glib::subclass::Signal;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::VdoRoomSrc;
use crate::protocol::{Event, StreamId};

pub(super) fn all() -> Vec<Signal> {
    let string = String::static_type;
    let info = gst::Structure::static_type;
    vec![
        // A stream is in the room (id, info).
        Signal::builder("stream-added")
            .param_types([string(), info()])
            .build(),
        // What is known of a stream has changed (id, info).
        Signal::builder("stream-changed")
            .param_types([string(), info()])
            .build(),
        // A stream has left, and its pads have gone (id, reason).
        Signal::builder("stream-removed")
            .param_types([string(), string()])
            .build(),
        // Whether to receive a stream that passes the filter (id, info); one "no" is enough.
        Signal::builder("accept-stream")
            .param_types([string(), info()])
            .return_type::<bool>()
            .run_last()
            .class_handler(|_| Some(true.to_value()))
            .accumulator(|_, _, value| match value.get() {
                Ok(false) => ControlFlow::Break(value.clone()),
                _ => ControlFlow::Continue(value.clone()),
            })
            .build(),
        action("request-keyframe", |element, stream| {
            element.imp().request_keyframe(stream);
        }),
        action("play", |element, stream| {
            element.imp().send(Event::Play(StreamId(stream)));
        }),
        action("stop", |element, stream| {
            element.imp().send(Event::Stop(StreamId(stream)));
        }),
    ]
}

/// An action signal that takes a stream ID.
fn action(name: &'static str, handle: fn(&VdoRoomSrc, String)) -> Signal {
    Signal::builder(name)
        .param_types([String::static_type()])
        .action()
        .class_handler(move |values| {
            let element = values.first()?.get::<VdoRoomSrc>().ok()?;
            let stream = values.get(1)?.get::<Option<String>>().ok()??;
            handle(&element, stream);
            None::<glib::Value>
        })
        .build()
}
