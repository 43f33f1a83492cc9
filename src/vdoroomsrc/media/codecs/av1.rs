// SPDX-License-Identifier: MPL-2.0
//! `rtpav1depay` for systems that have none, such as Debian 12: GStreamer keeps it in
//! gst-plugins-rs.

use std::sync::Once;

use gst::prelude::*;

use crate::vdoroomsrc::log::CAT;

const FACTORY: &str = "rtpav1depay";

/// The plugin that the crate gst-plugin-rtp registers.
const PLUGIN: &str = "rsrtp";

/// Registers the depayloader in this process, unless the system has one.
///
/// Not when our plugin is loaded: the process that scans plugins loads the system's as well, and a
/// type exists only once in a process.
pub(crate) fn provide_depayloader() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if gst::ElementFactory::find(FACTORY).is_some() {
            return;
        }
        if let Err(error) = gstrsrtp::plugin_register_static() {
            gst::warning!(CAT, "AV1 cannot be received: {error}");
            return;
        }
        // Its other elements are none of ours, and an application did not ask for them.
        let registry = gst::Registry::get();
        for feature in registry.features_by_plugin(PLUGIN) {
            if feature.name() != FACTORY {
                registry.remove_feature(&feature);
            }
        }
    });
}
