// SPDX-License-Identifier: MPL-2.0
//! How a publisher's webrtcbin finds its way, and what it numbers.

use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use gst::{glib, prelude::*};

use crate::publisher::settings::Settings;

/// No TCP candidates and no UPnP: a third of the descriptors.
pub fn be_lean(webrtcbin: &gst::Element) {
    let agent = webrtcbin.property::<gst::Object>("ice-agent");
    agent.set_property("ice-tcp", false);
    let nice = agent.property::<glib::Object>("agent");
    nice.set_property("upnp", false);
}

/// webrtcbin before 1.28 draws the number of its SCTP association by lot: of two in a process that
/// draw the same, one has no channel. The plugin under test counts from 0.
pub fn number_association(webrtcbin: &gst::Element) {
    static NEXT: AtomicU16 = AtomicU16::new(1 << 15);
    let number = u32::from(NEXT.fetch_add(1, Relaxed) | 1 << 15);
    if let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() {
        bin.connect_element_added(move |_, element| {
            let numbers_itself = gst::version() >= (1, 28, 0, 0);
            if !numbers_itself && element.has_property("sctp-association-id") {
                element.set_property("sctp-association-id", number);
            }
        });
    }
}

pub fn set_ice_servers(webrtcbin: &gst::Element, settings: &Settings) {
    for url in &settings.ice_servers {
        match url.starts_with("stun") {
            true => webrtcbin.set_property("stun-server", url),
            false => drop(webrtcbin.emit_by_name::<bool>("add-turn-server", &[url])),
        }
    }
    if settings.relay_only {
        webrtcbin.set_property_from_str("ice-transport-policy", "relay");
    }
}
