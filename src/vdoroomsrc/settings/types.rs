// SPDX-License-Identifier: MPL-2.0
//! Types of settings.

use gst::glib;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstVdoRoomDialect")]
pub enum Dialect {
    #[default]
    #[enum_value(name = "Auto: detected from the server's messages", nick = "auto")]
    Auto = 0,
    #[enum_value(name = "Hosted: the server tracks rooms and members", nick = "hosted")]
    Hosted = 1,
    #[enum_value(name = "Relay: the server only relays messages", nick = "relay")]
    Relay = 2,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstVdoRoomEngine")]
pub enum Engine {
    #[cfg_attr(not(feature = "native-by-default"), default)]
    #[enum_value(
        name = "GStreamer's webrtcbin, one for each stream",
        nick = "webrtcbin"
    )]
    Webrtcbin = 0,
    #[cfg_attr(feature = "native-by-default", default)]
    #[enum_value(
        name = "Native: one thread and one socket for all streams",
        nick = "native"
    )]
    Native = 1,
}

/// A value that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
