// SPDX-License-Identifier: MPL-2.0
//! GStreamer elements that receive and record every stream of a VDO.Ninja room.
#![deny(unsafe_code)]

/**
 * plugin-vdoroom:
 * @title: VDO.Ninja rooms
 * @short_description: receives and records every stream of a VDO.Ninja room
 *
 * {{ README.md[2:] }}
 */
use gst::glib;

mod bitstream;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod late;
mod prefix;
pub mod roomfilesink;
mod signalling;
#[cfg(test)]
mod tests;
mod utc;
pub mod vdoroomsrc;

pub use vdoroom_protocol as protocol;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    vdoroomsrc::register(plugin)?;
    roomfilesink::register(plugin)
}

#[allow(unsafe_code)] // The entry points that GStreamer calls.
mod plugin {
    use super::*;

    gst::plugin_define!(
        vdoroom,
        env!("CARGO_PKG_DESCRIPTION"),
        plugin_init,
        concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
        "MPL-2.0",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_REPOSITORY"),
        env!("BUILD_REL_DATE")
    );
}

pub use plugin::plugin_register_static;
