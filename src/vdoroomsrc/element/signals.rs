// SPDX-License-Identifier: MPL-2.0
//! The element's signals. They are emitted from its control thread, with no lock held.

use std::ops::ControlFlow;

use gst::glib;
use gst::glib::subclass::Signal;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::object::VdoRoomSrc;
use crate::protocol::{Event, StreamId};
use crate::vdoroomsrc::reports::Command;

#[allow(unused_doc_comments)] // They are for gst-docs, which looks for them beside the signals.
pub(super) fn all() -> Vec<Signal> {
    let string = String::static_type;
    let info = gst::Structure::static_type;
    vec![
        /**
         * GstVdoRoomSrc::stream-added:
         * @stream_id: the stream ID as people see it
         * @info: what is known of the stream, a structure `vdoroom-stream-info`
         *
         * A stream is in the room. Whether it is received is decided by #GstVdoRoomSrc:streams
         * and by #GstVdoRoomSrc::accept-stream.
         */
        Signal::builder("stream-added")
            .param_types([string(), info()])
            .build(),
        /**
         * GstVdoRoomSrc::stream-changed:
         * @stream_id: the stream ID as people see it
         * @info: what is known of the stream now, a structure `vdoroom-stream-info`
         *
         * What is known of a stream has changed: its label, or what is muted.
         */
        Signal::builder("stream-changed")
            .param_types([string(), info()])
            .build(),
        /**
         * GstVdoRoomSrc::stream-removed:
         * @stream_id: the stream ID as people see it
         * @reason: why, in words
         *
         * A stream has left the room, and its pads are removed, except those that are kept for its
         * return (#GstVdoRoomSrc:rejoin-window).
         */
        Signal::builder("stream-removed")
            .param_types([string(), string()])
            .build(),
        /**
         * GstVdoRoomSrc::accept-stream:
         * @stream_id: the stream ID as people see it
         * @info: what is known of the stream, a structure `vdoroom-stream-info`
         *
         * Asks whether to receive a stream that the properties accept. The publisher is not asked
         * for media before. Without a handler every accepted stream is received.
         *
         * Returns: %FALSE not to receive it; one such handler is enough.
         */
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
        /**
         * GstVdoRoomSrc::request-keyframe:
         * @stream_id: the stream ID as people see it
         *
         * Requests a keyframe of each of the stream's videos, by PLI.
         */
        action("request-keyframe", |element, stream| {
            let command = Command::RequestKeyframe(StreamId(stream));
            element.imp().command(command);
        }),
        /**
         * GstVdoRoomSrc::play:
         * @stream_id: the stream ID as people see it
         *
         * Receives a stream, also one that the properties exclude, or that was stopped.
         */
        action("play", |element, stream| {
            element.imp().send(Event::Play(StreamId(stream)));
        }),
        /**
         * GstVdoRoomSrc::stop:
         * @stream_id: the stream ID as people see it
         *
         * Ends the connection of a stream, which stays in the room, and does not request it again.
         */
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
