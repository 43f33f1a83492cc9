// SPDX-License-Identifier: MPL-2.0
//! Reports the states of webrtcbin and its transports.

use gst::glib;
use gst::prelude::*;
use gst_webrtc::WebRTCDTLSTransport;

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

/// Reports the states of a transport. Returns those that it has already.
pub(super) fn watch(
    dtls: &WebRTCDTLSTransport,
    id: SessionId,
    reports: &Reports,
) -> Vec<(Layer, String)> {
    report(dtls, "state", id, Layer::Dtls, reports);
    // webrtcbin's own property (1.22) says nothing of a transport without media.
    let ice = dtls.transport();
    if let Some(ice) = &ice {
        report(ice, "state", id, Layer::Ice, reports);
    }
    let ice = ice.and_then(|ice| nick(&ice.property_value("state")));
    let dtls = nick(&dtls.property_value("state"));
    let states = [(Layer::Ice, ice), (Layer::Dtls, dtls)];
    let known = states
        .into_iter()
        .filter_map(|(layer, state)| Some((layer, state?)));
    known.collect()
}

fn report(
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
fn nick(value: &glib::Value) -> Option<String> {
    let (_, value) = glib::EnumValue::from_value(value)?;
    Some(value.nick().to_owned())
}
