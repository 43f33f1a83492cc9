// SPDX-License-Identifier: MPL-2.0
//! What a test cannot do without, and not every machine or build has.
//!
//! Where it is missing the test is skipped, and says so on stderr, past what the test runner keeps
//! to itself. Under `VDOROOM_REQUIRE_ALL=1` it fails: there nothing is skipped unseen.

use std::io::Write;
use std::process::{Command, Stdio};

use gst::prelude::*;

/// Whether this is there.
pub fn require(there: bool, what: &str) -> bool {
    if !there {
        let required = std::env::var_os("VDOROOM_REQUIRE_ALL").is_some_and(|value| value != "0");
        assert!(!required, "{what}; VDOROOM_REQUIRE_ALL is set");
        let thread = std::thread::current();
        let test = thread.name().unwrap_or_default();
        let _ = writeln!(std::io::stderr(), "skipped: {test}: {what}");
    }
    there
}

/// Whether this program is there.
pub fn program(name: &str) -> bool {
    program_of(name, "--version")
}

/// Whether this program is there, which tells its version by another argument.
pub fn program_of(name: &str, version: &str) -> bool {
    let status = Command::new(name)
        .arg(version)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    require(status.is_ok(), &format!("{name} is not installed"))
}

/// For tests that look into a webrtcbin.
pub fn by_webrtcbin(source: &gst::Element) {
    source.set_property_from_str("engine", "webrtcbin");
}

/// Whether the native engine makes the connections of sources that are not told: so the plugin was built
/// with the feature `native-by-default`.
pub fn is_native() -> bool {
    let source = gst::ElementFactory::make("vdoroomsrc").build();
    let engine = source.map(|source| source.property_value("engine"));
    let nick = engine.ok().and_then(|engine| {
        let (_, value) = gst::glib::EnumValue::from_value(&engine)?;
        Some(value.nick() == "native")
    });
    nick == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHILD: &str = "VDOROOM_TEST_REQUIRES";
    const TEST: &str = "require::tests::what_is_missing_is_told_and_fails_where_all_is_required";

    #[test]
    fn what_is_missing_is_told_and_fails_where_all_is_required() {
        if std::env::var_os(CHILD).is_some() {
            assert!(require(true, "something"));
            assert!(!require(false, "nothing"));
            return;
        }
        let run = |all: &str| {
            let mut child = Command::new(std::env::current_exe().unwrap());
            let child = child.args(["--exact", TEST]).env(CHILD, "1");
            child.env("VDOROOM_REQUIRE_ALL", all).output().unwrap()
        };
        let skipped = run("0");
        let told = String::from_utf8_lossy(&skipped.stderr);
        assert!(skipped.status.success(), "{told}");
        assert!(
            told.contains(&format!("skipped: {TEST}: nothing")),
            "{told}"
        );
        assert!(!run("1").status.success());
    }
}
