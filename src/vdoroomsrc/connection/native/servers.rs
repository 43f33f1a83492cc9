// SPDX-License-Identifier: MPL-2.0
//! What a connection is made with, in the words of `vdoroom-rtc`.

use std::time::Duration;

use vdoroom_rtc::Settings;

use crate::vdoroomsrc::connection::link::Transport;

pub(super) fn settings(transport: &Transport<'_>) -> Settings {
    let ports = transport.ice.ports;
    Settings {
        ports: (!ports.is_any()).then_some(ports.min..=ports.max),
        latency: Duration::from_millis(transport.latency.into()),
        retransmission: transport.retransmission,
        ..Settings::default()
    }
}
