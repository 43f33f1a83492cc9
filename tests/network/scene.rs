// SPDX-License-Identifier: MPL-2.0
//! A room server, a TURN server, and who is far from both.

use gst::prelude::*;
use vdoroom_testkit::netns::{Family, Host};
use vdoroom_testkit::publisher::PublisherBuilder;
use vdoroom_testkit::{Codec, Dialect, Internet, Publisher, RoomServer, TurnServer, turn};

use crate::recording::{Recording, source};

pub const ROOM: &str = "r";

const ROOM_PORT: u16 = 8443;

/// The order of the fields is that in which they go.
pub struct Scene {
    pub room: RoomServer,
    pub room_host: Host,
    pub internet: Internet,
}

impl Scene {
    /// `None`, with the reason on stderr, where there can be none.
    pub fn new() -> Option<Self> {
        Self::of(Family::Both)
    }

    /// The room server has addresses of this family.
    pub fn of(family: Family) -> Option<Self> {
        let internet = Internet::new()?;
        let host = internet.host_of("room", family);
        let room = host.run(|| {
            RoomServer::builder()
                .dialect(Dialect::Hosted)
                .logged()
                .listen(host.port(ROOM_PORT))
                .start()
                .unwrap()
        });
        Some(Self {
            room,
            room_host: host,
            internet,
        })
    }

    pub fn with_turn() -> Option<(Self, TurnServer)> {
        if !turn::is_available() {
            return None;
        }
        let scene = Self::new()?;
        let turn = scene.turn("turn");
        Some((scene, turn))
    }

    pub fn turn(&self, name: &str) -> TurnServer {
        TurnServer::start(&self.internet.host(name))
    }

    /// Somebody on that host publishes.
    pub fn publish(
        &self,
        host: &Host,
        name: &str,
        set: impl FnOnce(PublisherBuilder) -> PublisherBuilder,
    ) -> Publisher {
        let builder = set(Publisher::builder(self.room.url(), ROOM, name).codec(Codec::Vp8));
        host.run(|| builder.start().unwrap())
    }

    /// The room is recorded from that host.
    pub fn record(&self, host: &Host, set: impl FnOnce(&gst::Element)) -> Recording {
        let source = source(&self.room, ROOM);
        set(&source);
        host.run(|| Recording::into_sink(source, |_, _| {}))
    }
}

/// The recorder uses these servers, with the credentials of [`turn`].
pub fn use_turn(source: &gst::Element, urls: &[String]) {
    source.set_property("turn-servers", gst::Array::new(urls));
    source.set_property("turn-user", turn::USER);
    source.set_property("turn-password", turn::PASSWORD);
}

/// … and nothing else.
pub fn use_only_turn(source: &gst::Element, urls: &[String]) {
    use_turn(source, urls);
    source.set_property_from_str("ice-transport-policy", "relay");
}
