// SPDX-License-Identifier: MPL-2.0
//! Small file systems of a test's own, on which a disk's faults can be had. Only root can mount.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use vdoroom_testkit::require::require;

/// A mounted file system, which goes with its test.
pub struct Mount {
    pub folder: PathBuf,
    frozen: bool,
}

impl Mount {
    /// A file system in memory; `None`, and a word why, if it cannot be mounted here.
    pub fn in_memory(folder: &Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        Self::at(folder, &["-t", "tmpfs", "-o", &options, "tmpfs"])
    }

    /// An ext4 file system of 16 MiB, in `image`.
    pub fn ext4(folder: &Path, image: &Path) -> Option<Self> {
        let file = std::fs::File::create(image).unwrap();
        file.set_len(16 << 20).unwrap();
        let image = image.to_str().unwrap();
        is_root().then_some(())?;
        attempt("mkfs.ext4", &["-q", image])?;
        Self::at(folder, &["-t", "ext4", "-o", "loop", image])
    }

    fn at(folder: &Path, arguments: &[&str]) -> Option<Self> {
        is_root().then_some(())?;
        std::fs::create_dir_all(folder).unwrap();
        let arguments = [arguments, &[folder.to_str().unwrap()]].concat();
        attempt("mount", &arguments)?;
        Some(Self {
            folder: folder.into(),
            frozen: false,
        })
    }

    /// From now on everything that writes here waits.
    pub fn freeze(&mut self) {
        run("fsfreeze", &["-f", self.folder.to_str().unwrap()]).unwrap();
        self.frozen = true;
    }

    pub fn thaw(&mut self) {
        if std::mem::take(&mut self.frozen) {
            let _ = run("fsfreeze", &["-u", self.folder.to_str().unwrap()]);
        }
    }

    /// Takes from everybody, root too, the right to change `path`, or gives it back.
    pub fn set_immutable(&self, path: &Path, immutable: bool) {
        let flag = if immutable { "+i" } else { "-i" };
        run("chattr", &[flag, path.to_str().unwrap()]).unwrap();
    }

    /// Takes all space but `left` bytes. The file's name is what has to be removed again.
    pub fn fill(&self, left: u64) -> PathBuf {
        let filler = self.folder.join("filler");
        let stat = rustix::fs::statvfs(&self.folder).unwrap();
        let bytes = stat.f_bavail * stat.f_frsize - left;
        std::fs::write(&filler, vec![1; bytes as usize]).unwrap();
        filler
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.thaw();
        let _ = run("umount", &["-l", self.folder.to_str().unwrap()]);
    }
}

fn is_root() -> bool {
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    require(root, "only root can mount a file system")
}

/// As [`run`], for what need not be possible here.
fn attempt(program: &str, arguments: &[&str]) -> Option<()> {
    let done = run(program, arguments);
    done.map_err(|why| require(false, &format!("{program} {arguments:?}: {}", why.trim())))
        .ok()
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    // Programs for root may be missing from the path of others.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", path)
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}
