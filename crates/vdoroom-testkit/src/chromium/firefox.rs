// SPDX-License-Identifier: MPL-2.0
//! A headless Firefox that opens one page. The page tells by itself what it sees: Firefox is asked
//! nothing. Its camera and microphone are those that Firefox makes up.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, fs};

/// Media play without a click, and nothing leaves this machine: whatever is not on it would be
/// fetched by a proxy that is not there.
const PREFERENCES: &str = r#"
user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("media.hardware-video-decoding.enabled", false);
user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.peerconnection.ice.loopback", true);
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
user_pref("media.gmp-manager.updateEnabled", false);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 1);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 1);
user_pref("network.proxy.no_proxies_on", "127.0.0.1, localhost");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.dns.disablePrefetch", true);
user_pref("app.update.auto", false);
user_pref("app.normandy.enabled", false);
user_pref("services.settings.server", "data:,");
user_pref("browser.safebrowsing.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.tabs.remote.autostart", true);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("toolkit.telemetry.unified", false);
user_pref("extensions.update.enabled", false);
"#;

/// A running Firefox with a profile folder of its own. Dropping it kills it.
pub struct Firefox {
    child: Child,
    profile: PathBuf,
}

/// Makes a profile folder, for [`Firefox::start`].
pub fn profile() -> std::io::Result<PathBuf> {
    let name = format!("vdoroom-firefox-{}", gst::glib::uuid_string_random());
    let profile = env::temp_dir().join(name);
    fs::create_dir_all(&profile)?;
    Ok(profile)
}

impl Firefox {
    /// Opens a page of this machine.
    pub fn open(url: &str) -> Result<Self, String> {
        Self::start(profile().map_err(|error| error.to_string())?, url)
    }

    /// The same, in a profile folder that is there and goes with it.
    pub fn start(profile: PathBuf, url: &str) -> Result<Self, String> {
        fs::write(profile.join("user.js"), PREFERENCES).map_err(|error| error.to_string())?;
        let child = Command::new("firefox-esr")
            .args(["--headless", "--no-remote", "--profile"])
            .arg(&profile)
            .arg(url)
            .env("HOME", &profile)
            .env("MOZ_CRASHREPORTER_DISABLE", "1")
            // As root there is no sandbox of user namespaces.
            .env("MOZ_DISABLE_CONTENT_SANDBOX", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("firefox-esr: {error}"))?;
        Ok(Self { child, profile })
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        // Its helpers end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}
