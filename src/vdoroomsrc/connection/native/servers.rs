// SPDX-License-Identifier: MPL-2.0
//! What a connection is made with, in the words of `vdoroom-rtc`.

use std::time::Duration;

use gst_webrtc::WebRTCICETransportPolicy;
use vdoroom_rtc::Settings;

use crate::vdoroomsrc::connection::link::Transport;

pub(super) fn settings(transport: &Transport<'_>) -> Settings {
    let ice = transport.ice;
    let turn = ice.turn.iter().filter_map(|url| {
        let server = url.server()?;
        Some(vdoroom_rtc::TurnServer {
            host: server.host,
            port: server.port,
            user: server.user,
            password: server.password,
            transport: match server.tcp {
                true => vdoroom_rtc::Transport::Tcp,
                false => vdoroom_rtc::Transport::Udp,
            },
        })
    });
    Settings {
        ports: (!ice.ports.is_any()).then_some(ice.ports.min..=ice.ports.max),
        stun: ice.stun_server().into_iter().collect(),
        turn: turn.collect(),
        relay_only: ice.policy == WebRTCICETransportPolicy::Relay,
        latency: Duration::from_millis(transport.latency.into()),
        retransmission: transport.retransmission,
    }
}
