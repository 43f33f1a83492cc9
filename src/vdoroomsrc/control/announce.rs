// SPDX-License-Identifier: MPL-2.0
//! Reports what happens in the room to the application: as signals of the element, and as element
//! messages on the bus, which `gst-launch-1.0 -m` prints.

use gst::prelude::*;

use crate::vdoroomsrc::connection::Session;
use crate::vdoroomsrc::reports::CAT;
use crate::vdoroomsrc::element::VdoRoomSrc;
use crate::protocol::{StreamId, StreamInfo};

pub(crate) fn accept_stream(element: &VdoRoomSrc, stream: &StreamId, info: &StreamInfo) -> bool {
    element.emit_by_name("accept-stream", &[&stream.0, &structure(info)])
}

pub(crate) fn stream_added(element: &VdoRoomSrc, stream: &StreamId, info: &StreamInfo) {
    gst::info!(CAT, obj = element, "{stream} is in the room");
    with_info(
        element,
        "stream-added",
        "vdoroom-stream-added",
        stream,
        info,
    );
}

pub(crate) fn stream_changed(element: &VdoRoomSrc, stream: &StreamId, info: &StreamInfo) {
    with_info(
        element,
        "stream-changed",
        "vdoroom-stream-changed",
        stream,
        info,
    );
}

pub(crate) fn stream_removed(element: &VdoRoomSrc, stream: &StreamId, reason: &str) {
    gst::info!(CAT, obj = element, "{stream} has left: {reason}");
    post(
        element,
        gst::Structure::builder("vdoroom-stream-removed")
            .field("stream-id", &stream.0)
            .field("reason", reason)
            .build(),
    );
    element.emit_by_name::<()>("stream-removed", &[&stream.0, &reason]);
}

pub(crate) fn warn(element: &VdoRoomSrc, stream: Option<&StreamId>, message: &str) {
    match stream {
        Some(stream) => gst::element_warning!(
            element,
            gst::ResourceError::Failed,
            ("stream \"{stream}\": {message}")
        ),
        None => gst::element_warning!(element, gst::ResourceError::Failed, ("{message}")),
    }
}

pub(crate) fn fail(element: &VdoRoomSrc, message: &str) {
    gst::element_error!(element, gst::ResourceError::Failed, ("{message}"));
}

fn with_info(
    element: &VdoRoomSrc,
    signal: &str,
    message: &str,
    stream: &StreamId,
    info: &StreamInfo,
) {
    let info = structure(info);
    post(
        element,
        gst::Structure::builder(message)
            .field("stream-id", &stream.0)
            .field("info", &info)
            .build(),
    );
    element.emit_by_name::<()>(signal, &[&stream.0, &info]);
}

/// How far a session's connection has come.
pub(crate) fn connection(element: &VdoRoomSrc, session: &Session) {
    let structure = session
        .connectivity
        .structure("vdoroom-connection")
        .field("stream-id", &session.stream.0)
        .field("session", session.number);
    post(element, structure.build());
}

fn post(element: &VdoRoomSrc, structure: gst::Structure) {
    let message = gst::message::Element::builder(structure)
        .src(element)
        .build();
    // Without a bus nobody would read it.
    let _ = element.post_message(message);
}

pub(crate) fn structure(info: &StreamInfo) -> gst::Structure {
    gst::Structure::builder("vdoroom-stream-info")
        .field_if_some("label", info.label.as_deref())
        .field("director", info.director)
        .field("audio-muted", info.audio_muted)
        .field("video-muted", info.video_muted)
        .field("screen-shared", info.screen_shared)
        .build()
}
