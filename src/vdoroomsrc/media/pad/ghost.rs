// SPDX-License-Identifier: MPL-2.0
//! The element's pads: ghost pads with the identity of their stream.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::names::Kind;
use crate::vdoroomsrc::media::codecs::template_caps;

glib::wrapper! {
    /// Source pad of `vdoroomsrc`.
    pub struct VdoRoomSrcPad(ObjectSubclass<imp::VdoRoomSrcPad>)
        @extends gst::GhostPad, gst::ProxyPad, gst::Pad, gst::Object;
}

/// Whose media a pad carries.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub stream_id: String,
    pub session: u32,
    pub label: Option<String>,
    pub msid: Option<String>,
    pub mid: Option<String>,
    pub ssrc: Option<u32>,
}

impl VdoRoomSrcPad {
    /// Says whose media the pad carries: before it is added, and when the stream's next session
    /// goes on with it.
    pub(crate) fn set_origin(&self, origin: Origin) {
        *self.imp().lock() = Some(origin);
        if self.parent().is_some() {
            for changed in ["session", "label", "msid", "mid", "ssrc"] {
                self.notify(changed);
            }
        }
    }
}

/// The template of the pads that carry this.
pub(crate) fn template(kind: Kind) -> Result<gst::PadTemplate, glib::BoolError> {
    gst::PadTemplate::with_gtype(
        kind.template(),
        gst::PadDirection::Src,
        gst::PadPresence::Sometimes,
        &template_caps(kind.is_video()),
        VdoRoomSrcPad::static_type(),
    )
}

/// Whether the ghost pad is in this segment, wherever in it: sessions that follow each other share
/// it.
pub(crate) fn is_current(ghost: Option<&gst::Object>, segment: &gst::Segment) -> bool {
    let pad = ghost.and_then(|ghost| ghost.downcast_ref::<gst::Pad>());
    let current = pad.and_then(|pad| pad.sticky_event::<gst::event::Segment<_>>(0));
    current.is_some_and(|event| {
        let mut there = event.segment().clone();
        there.set_position(segment.position());
        there == *segment
    })
}

pub(crate) fn has_caps(ghost: Option<&gst::Object>, caps: &gst::CapsRef) -> bool {
    let pad = ghost.and_then(|ghost| ghost.downcast_ref::<gst::Pad>());
    let current = pad.and_then(|pad| pad.current_caps());
    current.is_some_and(|current| *current == *caps)
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct VdoRoomSrcPad {
        /// Held for a copy only.
        origin: Mutex<Option<Origin>>,
    }

    impl VdoRoomSrcPad {
        pub(super) fn lock(&self) -> MutexGuard<'_, Option<Origin>> {
            // It is replaced as a whole.
            self.origin.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for VdoRoomSrcPad {
        const NAME: &'static str = "GstVdoRoomSrcPad";
        type Type = super::VdoRoomSrcPad;
        type ParentType = gst::GhostPad;
    }

    impl ObjectImpl for VdoRoomSrcPad {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
                let string = |name, nick, blurb| {
                    glib::ParamSpecString::builder(name)
                        .nick(nick)
                        .blurb(blurb)
                        .read_only()
                        .build()
                };
                vec![
                    string(
                        "stream-id",
                        "Stream ID",
                        "ID of the stream, as people see it",
                    ),
                    glib::ParamSpecUInt::builder("session")
                        .nick("Session")
                        .blurb("Number of this connection of the stream, from 1")
                        .read_only()
                        .build(),
                    string(
                        "label",
                        "Label",
                        "Name that the publisher had given when the pad was added",
                    ),
                    string(
                        "msid",
                        "MSID",
                        "MediaStream ID of the track in the publisher's offer (RFC 8830)",
                    ),
                    string(
                        "mid",
                        "MID",
                        "Identification of the track's m-line in the publisher's offer (RFC 8843)",
                    ),
                    glib::ParamSpecUInt::builder("ssrc")
                        .nick("SSRC")
                        .blurb("SSRC of the RTP stream with which the pad began (RFC 3550), or 0")
                        .read_only()
                        .build(),
                ]
            });
            &PROPERTIES
        }

        fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
            let origin = self.lock().clone();
            let origin = origin.as_ref();
            match pspec.name() {
                "stream-id" => origin.map(|o| o.stream_id.as_str()).to_value(),
                "session" => origin.map_or(0, |o| o.session).to_value(),
                "label" => origin.and_then(|o| o.label.as_deref()).to_value(),
                "msid" => origin.and_then(|o| o.msid.as_deref()).to_value(),
                "mid" => origin.and_then(|o| o.mid.as_deref()).to_value(),
                "ssrc" => origin.and_then(|o| o.ssrc).unwrap_or(0).to_value(),
                _ => pspec.default_value().clone(),
            }
        }
    }

    impl GstObjectImpl for VdoRoomSrcPad {}
    impl PadImpl for VdoRoomSrcPad {}
    impl ProxyPadImpl for VdoRoomSrcPad {}
    impl GhostPadImpl for VdoRoomSrcPad {}
}
