// SPDX-License-Identifier: MPL-2.0
//! Critical warnings that say nothing of the product, where `G_DEBUG=fatal-criticals` ends a process
//! with any other.

use std::ffi::{CStr, c_char};

use gst::glib;

/// What GLib says where a table changes while it is walked through.
const TABLE_CHANGED: &str = "assertion 'version == hash_table->version' failed";

/// Before GStreamer 1.22.3 an RTP session that sends lets go of its lock while it makes a sender
/// report. A new receiver report can add a source then, and the walk over the sources ends early:
/// one report comes later. Mended upstream by 6675ed9aae. Only a process that sends can meet it, so
/// a publisher calls this before it starts.
pub(super) fn outlive_those_of_old_sessions() {
    if gst::version() < (1, 22, 3, 0) {
        // SAFETY: the function lives as long as the process, and takes no data of ours.
        unsafe { glib::ffi::g_test_log_set_fatal_handler(Some(is_fatal), std::ptr::null_mut()) }
    }
}

unsafe extern "C" fn is_fatal(
    domain: *const c_char,
    _: glib::ffi::GLogLevelFlags,
    message: *const c_char,
    _: glib::ffi::gpointer,
) -> glib::ffi::gboolean {
    let text = |text: *const c_char| {
        // SAFETY: GLib's strings end with a zero, and live as long as this call.
        let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
        text.and_then(|text| text.to_str().ok()).unwrap_or_default()
    };
    let known = text(domain) == "GLib" && text(message).ends_with(TABLE_CHANGED);
    (!known).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &str =
        "publisher::criticals::tests::a_table_of_an_old_session_that_changes_ends_no_process";

    fn table_changed() {
        // SAFETY: strings that end with a zero and live for ever.
        unsafe {
            glib::ffi::g_return_if_fail_warning(
                c"GLib".as_ptr(),
                c"g_hash_table_foreach".as_ptr(),
                c"version == hash_table->version".as_ptr(),
            );
        }
    }

    #[test]
    fn a_table_of_an_old_session_that_changes_ends_no_process() {
        if std::env::var_os("IN_CHILD").is_some() {
            // SAFETY: as above; here with any GStreamer.
            unsafe {
                glib::ffi::g_test_log_set_fatal_handler(Some(is_fatal), std::ptr::null_mut());
            }
            table_changed();
            return;
        }
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new(program)
            .args(["--exact", TEST, "--nocapture"])
            .env("IN_CHILD", "1")
            .env("G_DEBUG", "fatal-criticals")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(TABLE_CHANGED), "{said}");
        assert!(output.status.success(), "{said}");
    }

    #[test]
    fn any_other_critical_warning_is_fatal() {
        let is_fatal = |domain: &CStr, message: &CStr| {
            let level = glib::ffi::G_LOG_LEVEL_CRITICAL;
            // SAFETY: both end with a zero and live for ever.
            let fatal = unsafe {
                is_fatal(
                    domain.as_ptr(),
                    level,
                    message.as_ptr(),
                    std::ptr::null_mut(),
                )
            };
            fatal != 0
        };
        let changed = c"g_hash_table_foreach: assertion 'version == hash_table->version' failed";
        assert!(!is_fatal(c"GLib", changed));
        assert!(is_fatal(c"GStreamer", changed));
        assert!(is_fatal(
            c"GLib",
            c"g_hash_table_foreach: assertion 'hash_table != NULL' failed"
        ));
    }
}
