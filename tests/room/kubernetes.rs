// SPDX-License-Identifier: MPL-2.0
//! The pods of `deploy/kubernetes`, as far as they go without a cluster: their scripts run, and the
//! manifests are what Kubernetes' schemas ask for.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vdoroom_test_support::{Codec, Dialect, Folder, Launch, Publisher, RoomServer, check};

use crate::recording::{DEADLINE, assert_whole};

/// Kubernetes gives 30 s.
const GRACE: Duration = Duration::from_secs(10);
/// The oldest Kubernetes for which the manifests say to be, and a newer one.
const VERSIONS: [&str; 2] = ["1.30", "1.35"];

fn deploy(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("deploy/kubernetes").join(file)
}

/// `record.sh` with `argument`, by a shell like that of a Debian image.
fn record(argument: &str) -> String {
    format!(
        "exec sh {} {argument}",
        deploy("common/record.sh").display()
    )
}

/// What the recorder of a pod would be started with.
fn started_with(variables: &[(&str, &str)]) -> Result<String, String> {
    let folder = Folder::new();
    let stub = folder.0.join("gst-launch-1.0");
    std::fs::write(&stub, "#!/bin/sh\necho \"$@\"\n").unwrap();
    let made = Command::new("chmod").arg("+x").arg(&stub).status();
    assert!(made.unwrap().success());
    let path = std::env::var("PATH").unwrap();
    let pod = Launch::shell(&folder.0, &record(""), |command| {
        command
            .env("PATH", format!("{}:{path}", folder.0.display()))
            .env("TMPDIR", &folder.0)
            .envs([
                ("SERVER", "ws://s"),
                ("ROOM", "my room"),
                ("SHARD_COUNT", "3"),
            ])
            .envs(variables.iter().copied());
    });
    let (status, printed) = pod.wait(DEADLINE);
    match status.success() {
        true => Ok(printed),
        false => Err(printed),
    }
}

#[test]
fn a_pod_takes_its_shard_from_its_environment() {
    for (variables, index) in [
        (&[("POD_INDEX", "2")][..], 2),
        (&[("POD_INDEX", ""), ("JOB_COMPLETION_INDEX", "1")], 1),
    ] {
        let line = started_with(variables).unwrap();
        let shard = format!("room=my room shard-index={index} shard-count=3 :");
        assert!(line.contains(&shard), "{line}");
    }
    let with = [
        ("POD_INDEX", "0"),
        ("ROOM_PASSWORD", "hunter2"),
        ("OPTIONS", "latency=500 streams=<\"al*\">"),
    ];
    let line = started_with(&with).unwrap();
    let options = "password-env=ROOM_PASSWORD latency=500 streams=<\"al*\"> : roomfilesink";
    assert!(line.contains(options), "{line}");
    assert!(!line.contains("hunter2"), "{line}");
    let complaint = started_with(&[("POD_INDEX", "recorder")]).unwrap_err();
    assert!(complaint.contains("no index"), "{complaint}");
}

struct Pod {
    folder: Folder,
    recorder: Launch,
}

impl Pod {
    fn start(server: &RoomServer) -> Self {
        let folder = Folder::new();
        let recordings = folder.0.join("recordings");
        std::fs::create_dir(&recordings).unwrap();
        let recorder = Launch::shell(&folder.0, &record(""), |command| {
            command
                .env("SERVER", server.url())
                .envs([("ROOM", "r"), ("POD_INDEX", "0"), ("SHARD_COUNT", "1")])
                .env("OPTIONS", "-m")
                .env("FOLDER", &recordings)
                .env("TMPDIR", &folder.0);
        });
        Self { folder, recorder }
    }

    fn probe(&self, name: &str) -> bool {
        let script = deploy("common/record.sh");
        let mut probe = Command::new("sh");
        probe.arg(script).arg(name).env("TMPDIR", &self.folder.0);
        probe.stderr(Stdio::null()).status().unwrap().success()
    }

    fn wait_for_probe(&self, name: &str) {
        let until = Instant::now() + DEADLINE;
        while !self.probe(name) {
            assert!(Instant::now() < until, "not {name} within {DEADLINE:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The script that copies recordings away, into a folder.
    fn uploader(&self) -> Launch {
        let line = format!("exec sh {}", deploy("upload/upload.sh").display());
        Launch::shell(&self.folder.0, &line, |command| {
            command
                .env("FOLDER", self.folder.0.join("recordings"))
                .env("REMOTE", self.folder.0.join("bucket"))
                .envs([("POD_NAME", "recorder-0"), ("PAUSE", "1")])
                .env("RCLONE_CONFIG", self.folder.0.join("rclone.conf"));
        })
    }
}

#[test]
fn a_pod_is_alive_and_ready_and_leaves_whole_files_where_they_belong() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut pod = Pod::start(&server);
    let rclone = Command::new("rclone").arg("version").output().is_ok();
    let uploader = rclone.then(|| pod.uploader());
    pod.wait_for_probe("alive");
    pod.wait_for_probe("ready");
    let alice = Publisher::builder(server.url(), "r", "alice").codec(Codec::Vp8);
    let alice = alice.frame_rate(10).start().unwrap();
    let opened = "roomfilesink-part-opened";
    pod.recorder.wait_for_line(opened, DEADLINE);
    alice.wait_for_frames(30, DEADLINE).unwrap();
    // Kubernetes ends the recorder first.
    pod.recorder.signal("TERM");
    let Pod { folder, recorder } = pod;
    let (status, printed) = recorder.wait(GRACE);
    assert!(status.success(), "{printed}");
    let recordings = Folder(folder.0.join("recordings"));
    let [file] = &recordings.recordings()[..] else {
        panic!("not one file: {printed}");
    };
    assert_whole("alice", &check::inspect(file));
    let Some(uploader) = uploader else {
        return eprintln!("uploads not tested: rclone is not installed");
    };
    uploader.signal("TERM");
    let (status, printed) = uploader.wait(GRACE);
    assert!(status.success(), "{printed}");
    let copy = folder
        .0
        .join("bucket/recorder-0")
        .join(file.file_name().unwrap());
    assert_eq!(std::fs::read(copy).unwrap(), std::fs::read(file).unwrap());
}

/// The manifests that `kubectl apply -k` would send; `None` if there is no `kubectl`, or one from
/// before it knew components.
fn built(folder: &str) -> Option<String> {
    let mut version = Command::new("kubectl");
    let version = version.args(["version", "--client", "-o", "yaml"]);
    let version = version.output().ok()?.stdout;
    if !String::from_utf8_lossy(&version).contains("kustomizeVersion") {
        return None;
    }
    let mut kubectl = Command::new("kubectl");
    let output = kubectl.arg("kustomize").arg(deploy(folder)).output().ok()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{folder}: {complaint}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_manifests_are_what_kubernetes_takes() {
    for folder in ["", "job"] {
        let Some(manifests) = built(folder) else {
            return eprintln!("not tested: kubectl is not installed, or old");
        };
        let shards = "name: SHARD_COUNT\n          value: \"3\"\n";
        assert!(manifests.contains(shards), "{manifests}");
        let file = Folder::new();
        let path = file.0.join("manifests.yaml");
        std::fs::write(&path, &manifests).unwrap();
        for version in VERSIONS {
            let mut validate = Command::new("kubernetes-validate");
            let validate = validate.args(["--strict", "-k", version]).arg(&path);
            let Ok(output) = validate.output() else {
                return eprintln!("schemas not tested: kubernetes-validate is not installed");
            };
            let said =
                String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "Kubernetes {version}: {said}");
        }
    }
}
