// SPDX-License-Identifier: MPL-2.0
//! Chromium as a program: where it is, how it is started, and what it leaves behind.

use std::{
    env, fs, io,
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
};

/// Where Chromium is looked for, after the environment variable `CHROMIUM`.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

const FLAGS: [&str; 20] = [
    "--headless=new",
    "--disable-popup-blocking",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--mute-audio",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    // Candidates carry addresses, of the loopback interface too.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
    // The page is never in the foreground.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    // Nothing leaves this machine.
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-domain-reliability",
];

/// Whether there is a Chromium on this machine.
pub fn is_installed() -> bool {
    binary().is_some()
}

fn binary() -> Option<PathBuf> {
    if let Some(path) = env::var_os("CHROMIUM") {
        return Some(path.into());
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let candidates = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |dir| dir.join(name)));
    candidates.into_iter().find(|path| path.is_file())
}

/// A running Chromium with a profile folder of its own. Dropping it kills it.
pub struct Process {
    child: Child,
    profile: PathBuf,
}

/// Makes a profile folder, for [`start`].
pub fn profile() -> io::Result<PathBuf> {
    let name = format!("vdoroom-chromium-{}", gst::glib::uuid_string_random());
    let profile = env::temp_dir().join(name);
    fs::create_dir_all(&profile)?;
    Ok(profile)
}

/// Starts Chromium, which finds no host but `hosts`.
pub fn start(profile: PathBuf, hosts: &[&str], arguments: &[String]) -> Result<Process, String> {
    let binary = binary().ok_or("no Chromium: install the package chromium")?;
    let found = hosts.iter().map(|host| format!(", EXCLUDE {host}"));
    let rules = format!("MAP * ~NOTFOUND{}", found.collect::<String>());
    let child = Command::new(binary)
        .args(FLAGS)
        .arg(format!("--host-resolver-rules={rules}"))
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    Ok(Process { child, profile })
}

impl Process {
    /// What it says; only once. It has to be read to its end.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its helpers end with it, and may write a last time.
        let _ = fs::remove_dir_all(&self.profile);
    }
}
