// SPDX-License-Identifier: MPL-2.0
//! Critical warnings of GLib and GStreamer: crashes that have not happened yet.

use std::sync::{Mutex, Once, PoisonError};

use gst::glib;

/// What cannot be kept away, and does no harm; `docs/upstream.md` has more.
const HARMLESS: &[&str] = &[
    // rtph265depay (GStreamer 1.22): a parameter set whose ID begins with more than 32 zero bits.
    "_gst_bit_reader_get_bits_uint32_inline: assertion 'nbits <= 32' failed",
    // opusparse (GStreamer 1.22): an OpusHead with more than two channels in mapping family 0.
    "gst_codec_utils_opus_create_header: assertion 'channels <= 2' failed",
    "gst_codec_utils_opus_create_caps_from_header: assertion 'GST_IS_BUFFER (header)' failed",
    "gst_pad_set_caps: assertion 'caps != NULL && gst_caps_is_fixed (caps)' failed",
    "gst_mini_object_unref: assertion 'mini_object != NULL' failed",
    // av1parse (GStreamer 1.22) at EOS, after a frame header that it could not read.
    "gst_base_parse_finish_frame: assertion 'gst_adapter_available (parse->priv->adapter) >= size'",
];

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on they are kept. With `G_DEBUG=fatal-criticals` each ends the process.
pub(super) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        glib::log_set_default_handler(|domain, level, message| {
            eprintln!("{}: {message}", domain.unwrap_or_default());
            let is_known = HARMLESS.iter().any(|known| message.starts_with(known));
            if matches!(level, glib::LogLevel::Critical | glib::LogLevel::Error) && !is_known {
                let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
                heard.push(message.to_owned());
            }
        });
    });
}

/// An error if there was one since the last time.
pub(super) fn check() -> Result<(), String> {
    let heard = std::mem::take(&mut *HEARD.lock().unwrap_or_else(PoisonError::into_inner));
    match heard.is_empty() {
        true => Ok(()),
        false => Err(heard.join(", ")),
    }
}
