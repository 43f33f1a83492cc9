// SPDX-License-Identifier: MPL-2.0
//! The element whose pads give out what a connection receives.

use gst::glib;
use gst::subclass::prelude::*;

glib::wrapper! {
    pub struct NativeSrc(ObjectSubclass<imp::NativeSrc>)
        @extends gst::Element, gst::Object;
}

impl NativeSrc {
    pub(super) fn new(name: &str) -> Self {
        glib::Object::builder().property("name", name).build()
    }
}

pub(super) const TEMPLATE: &str = "src_%u";

mod imp {
    use once_cell::sync::Lazy;

    use super::*;

    #[derive(Default)]
    pub struct NativeSrc;

    #[glib::object_subclass]
    impl ObjectSubclass for NativeSrc {
        const NAME: &'static str = "GstVdoRoomNativeSrc";
        type Type = super::NativeSrc;
        type ParentType = gst::Element;
    }

    impl ObjectImpl for NativeSrc {}
    impl GstObjectImpl for NativeSrc {}

    impl ElementImpl for NativeSrc {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
                gst::subclass::ElementMetadata::new(
                    "WebRTC connection",
                    "Source/Network/WebRTC",
                    "Gives out the packets of RTP that one connection receives",
                    env!("CARGO_PKG_AUTHORS"),
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
                let template = gst::PadTemplate::new(
                    TEMPLATE,
                    gst::PadDirection::Src,
                    gst::PadPresence::Sometimes,
                    &gst::Caps::new_empty_simple("application/x-rtp"),
                );
                template.into_iter().collect()
            });
            &TEMPLATES
        }
    }
}
