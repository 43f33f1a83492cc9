// SPDX-License-Identifier: MPL-2.0
//! Reports the states of webrtcbin and its transports.

use gst::glib;
use gst::prelude::*;

use crate::protocol::SessionId;
use crate::vdoroomsrc::reports::{Command, Layer, Reports};

/// Properties of webrtcbin.
const STATES: [(Layer, &str); 2] = [
    (Layer::Gathering, "ice-gathering-state"),
    (Layer::Connection, "connection-state"),
];

/// Reports the states of a new webrtcbin.
pub(super) fn connect(webrtcbin: &gst::Element, id: SessionId, reports: &Reports) {
    for (layer, property) in STATES {
        report(webrtcbin, property, id, layer, reports);
    }
}

pub(crate) fn report(
    object: &impl IsA<glib::Object>,
    property: &'static str,
    id: SessionId,
    layer: Layer,
    reports: &Reports,
) {
    let to = reports.clone();
    object.connect_notify(Some(property), move |object, _| {
        if let Some(state) = nick(&object.property_value(property)) {
            to.command(Command::State {
                session: id,
                layer,
                state,
            });
        }
    });
}

/// The name of an enum's value.
pub(crate) fn nick(value: &glib::Value) -> Option<String> {
    let (_, value) = glib::EnumValue::from_value(value)?;
    Some(value.nick().to_owned())
}
