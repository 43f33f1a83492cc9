// SPDX-License-Identifier: MPL-2.0
//! What the elements say of themselves, and what is said of them: `gst-inspect-1.0`, the manual's
//! tables, the element docs and the pipelines in them.

mod elements;
mod lines;
mod manifest;
mod properties;
mod signals;

use std::sync::Once;

use gst::prelude::*;

const ELEMENTS: [&str; 2] = ["vdoroomsrc", "roomfilesink"];

fn element(name: &str) -> gst::Element {
    // Once: a second time replaces the factories that another test may be looking at.
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        gst::init().unwrap();
        gstvdoroom::plugin_register_static().unwrap();
    });
    gst::ElementFactory::make(name).build().unwrap()
}

/// The properties that an object has of itself, not of what it is made from.
fn own_properties(type_: gst::glib::Type) -> Vec<gst::glib::ParamSpec> {
    let class = gst::glib::object::ObjectClass::from_type(type_).unwrap();
    let all = class.list_properties();
    let own = all.iter().filter(|p| p.owner_type() == type_);
    own.cloned().collect()
}

/// The file with the element docs.
fn docs(name: &str) -> String {
    let file = format!("{}/src/{name}/mod.rs", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file}: {e}"))
}
