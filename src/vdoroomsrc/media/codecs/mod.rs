// SPDX-License-Identifier: MPL-2.0
//! What can be received: names in SDP, depayloaders, parsers, caps; and whether this GStreamer has
//! what that takes.
//!
//! Tables without a state: any folder above may call it, on any thread.

#[cfg(feature = "av1")]
mod av1;
mod requirements;
mod table;

pub(crate) use requirements::{missing, missing_codecs};
pub(crate) use table::{CODECS, Codec, reasons, template_caps};
