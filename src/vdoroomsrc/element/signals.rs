// SPDX-License-Identifier: MPL-2.0
//! The element's signals. They are emitted from its control thread, with no lock held.

use std::ops::ControlFlow;

use gst::glib;
use gst::glib::subclass::Signal;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::object::VdoRoomSrc;
use crate::protocol::{Event, Kind, StreamId};
use crate::vdoroomsrc::control;
use crate::vdoroomsrc::reports::Command;
use crate::vdoroomsrc::settings::{AUDIO_BITRATES, VIDEO_BITRATES};

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
         * GstVdoRoomSrc::webrtcbin-ready:
         * @stream_id: the stream ID as people see it
         * @webrtcbin: the #GstElement of the connection
         *
         * A connection is about to be made: its webrtcbin is neither started nor negotiated. For
         * tuning, ICE agents, proxies and encryption. What #GstVdoRoomSrc sets itself (bundle policy,
         * ICE servers, ports) is set before.
         */
        Signal::builder("webrtcbin-ready")
            .param_types([string(), gst::Element::static_type()])
            .build(),
        /**
         * GstVdoRoomSrc::channel-message:
         * @stream_id: the stream ID as people see it
         * @text: one JSON object
         *
         * A publisher has said something on its data channel that is no signalling: chat, remote
         * control, what is muted. Its certificate is the one of its offer. PROTOCOL.md section 5.
         */
        Signal::builder("channel-message")
            .param_types([string(), string()])
            .build(),
        /**
         * GstVdoRoomSrc::send-message:
         * @stream_id: the stream ID as people see it
         * @text: one JSON object, of 256 KiB at most
         *
         * Sends a message to a publisher, over the data channel of its connection. A warning says if
         * it was not sent.
         */
        Signal::builder("send-message")
            .param_types([string(), string()])
            .action()
            .class_handler(|values| {
                let element = values.first()?.get::<VdoRoomSrc>().ok()?;
                let text = |index: usize| values.get(index)?.get::<Option<String>>().ok()?;
                let (stream, text) = (StreamId(text(1)?), text(2)?);
                let event = Event::SendMessage {
                    stream: stream.clone(),
                    text,
                };
                if !element.imp().send(event) {
                    let why = "a message was not sent: the element does not run";
                    control::warn(element.upcast_ref(), Some(&stream), why);
                }
                None::<glib::Value>
            })
            .build(),
        /**
         * GstVdoRoomSrc::set-bitrate:
         * @stream_id: the stream ID as people see it
         * @kind: `video` or `audio`
         * @kbits: kbit/s, at most 200000 of video and 510 of audio; 0 for what
         * #GstVdoRoomSrc:video-bitrate and #GstVdoRoomSrc:audio-bitrate say
         *
         * Asks the publisher of one stream for another bitrate than the others.
         *
         * Returns: %FALSE if the kind or the bitrate is not possible, or the element does not run.
         */
        Signal::builder("set-bitrate")
            .param_types([string(), string(), u32::static_type()])
            .return_type::<bool>()
            .action()
            .class_handler(|values| Some(set_bitrate(values).is_some().to_value()))
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

fn set_bitrate(values: &[glib::Value]) -> Option<()> {
    let element = values.first()?.get::<VdoRoomSrc>().ok()?;
    let text = |index: usize| values.get(index)?.get::<Option<String>>().ok()?;
    let stream = StreamId(text(1)?);
    let kind = text(2)?.parse().ok()?;
    let kbits = values.get(3)?.get().ok()?;
    let possible = match kind {
        Kind::Video => VIDEO_BITRATES,
        Kind::Audio => AUDIO_BITRATES,
    };
    possible.contains(&kbits).then_some(())?;
    let event = Event::BitratesOf {
        stream,
        kind,
        kbits,
    };
    element.imp().send(event).then_some(())
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
