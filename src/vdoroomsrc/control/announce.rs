// SPDX-License-Identifier: MPL-2.0
//! Reports what happens in the room to the application: as signals of the element, and as element
//! messages on the bus, which `gst-launch-1.0 -m` prints.

use gst::prelude::*;

use crate::protocol::{RoomState, StreamId, StreamInfo};
use crate::vdoroomsrc::connection::Connectivity;
use crate::vdoroomsrc::log::CAT;

pub(super) fn accept_stream(element: &gst::Bin, stream: &StreamId, info: &StreamInfo) -> bool {
    element.emit_by_name("accept-stream", &[&stream.0, &structure(info)])
}

pub(super) fn stream_added(element: &gst::Bin, stream: &StreamId, info: &StreamInfo) {
    gst::info!(CAT, obj = element, "{stream} is in the room");
    with_info(
        element,
        "stream-added",
        "vdoroom-stream-added",
        stream,
        info,
    );
}

pub(super) fn stream_changed(element: &gst::Bin, stream: &StreamId, info: &StreamInfo) {
    with_info(
        element,
        "stream-changed",
        "vdoroom-stream-changed",
        stream,
        info,
    );
}

pub(super) fn stream_removed(element: &gst::Bin, stream: &StreamId, reason: &str) {
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

/// Before anything is negotiated, and before the webrtcbin runs.
pub(super) fn webrtcbin_ready(element: &gst::Bin, stream: &StreamId, webrtcbin: &gst::Element) {
    element.emit_by_name::<()>("webrtcbin-ready", &[&stream.0, webrtcbin]);
}

pub(super) fn channel_message(element: &gst::Bin, stream: &StreamId, text: &str) {
    element.emit_by_name::<()>("channel-message", &[&stream.0, &text]);
}

/// As a property, as a message, and as progress, which players show.
pub(super) fn room_state(element: &gst::Bin, state: RoomState, reason: Option<&str>) {
    use gst::ProgressType;
    let name = <&str>::from(state);
    gst::info!(
        CAT,
        obj = element,
        "the room: {name} {}",
        reason.unwrap_or_default()
    );
    element.notify("room-state");
    let told = gst::Structure::builder("vdoroom-room-state")
        .field("state", name)
        .field_if_some("reason", reason);
    post(element, told.build());
    let (kind, text) = match state {
        RoomState::Connecting => (ProgressType::Start, "Connecting to the room server"),
        RoomState::Joining => (ProgressType::Continue, "Joining the room"),
        RoomState::Joined => (ProgressType::Complete, "Joined the room"),
        RoomState::Disconnected => (ProgressType::Continue, "Reconnecting to the room server"),
        RoomState::Failed => (ProgressType::Error, "The room server refuses"),
        RoomState::Stopped => (ProgressType::Canceled, "Left the room"),
    };
    let progress = gst::message::Progress::builder(kind, "room", reason.unwrap_or(text));
    let _ = element.post_message(progress.src(element).build());
}

pub(crate) fn warn(element: &gst::Bin, stream: Option<&StreamId>, message: &str) {
    match stream {
        Some(stream) => gst::element_warning!(
            element,
            gst::ResourceError::Failed,
            ("stream \"{stream}\": {message}")
        ),
        None => gst::element_warning!(element, gst::ResourceError::Failed, ("{message}")),
    }
}

pub(crate) fn fail(element: &gst::Bin, message: &str) {
    gst::element_error!(element, gst::ResourceError::Failed, ("{message}"));
}

fn with_info(
    element: &gst::Bin,
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
pub(super) fn connection(
    element: &gst::Bin,
    stream: &StreamId,
    session: u32,
    connectivity: &Connectivity,
) {
    let structure = connectivity
        .structure("vdoroom-connection")
        .field("stream-id", &stream.0)
        .field("session", session);
    post(element, structure.build());
}

fn post(element: &gst::Bin, structure: gst::Structure) {
    let message = gst::message::Element::builder(structure)
        .src(element)
        .build();
    // Without a bus nobody would read it.
    let _ = element.post_message(message);
}

/// The streams of a session, if they are other ones than those that were told before.
pub(super) fn collection(
    element: &gst::Bin,
    told: &mut Option<gst::StreamCollection>,
    collection: gst::StreamCollection,
) {
    let ids = |collection: &gst::StreamCollection| -> Vec<_> {
        collection.iter().map(|stream| stream.stream_id()).collect()
    };
    if told.as_ref().map(ids) == Some(ids(&collection)) {
        return;
    }
    let message = gst::message::StreamCollection::builder(&collection).src(element);
    let _ = element.post_message(message.build());
    *told = Some(collection);
}

/// Which streams of a session are received from now on.
pub(super) fn selected(
    element: &gst::Bin,
    collection: &gst::StreamCollection,
    streams: &[gst::Stream],
) {
    let message = gst::message::StreamsSelected::builder(collection);
    let message = message.streams(streams).src(element);
    let _ = element.post_message(message.build());
}

pub(super) fn structure(info: &StreamInfo) -> gst::Structure {
    gst::Structure::builder("vdoroom-stream-info")
        .field_if_some("label", info.label.as_deref())
        .field("director", info.director)
        .field("audio-muted", info.audio_muted)
        .field("video-muted", info.video_muted)
        .field("screen-shared", info.screen_shared)
        .build()
}
