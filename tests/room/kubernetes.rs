// SPDX-License-Identifier: MPL-2.0
//! The pods of `deploy/kubernetes`, as far as they go without a cluster: their scripts run, and the
//! manifests are what Kubernetes' schemas ask for.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use vdoroom_testkit::launch;
use vdoroom_testkit::log::LogEntry;
use vdoroom_testkit::require::{self, require};
use vdoroom_testkit::wait::wait_until;
use vdoroom_testkit::{Closing, Codec, Dialect, Folder, Launch, Publisher, RoomServer, Who, check};

use crate::recording::{DEADLINE, assert_whole};

/// Kubernetes gives 30 s.
const GRACE: Duration = Duration::from_secs(10);
/// The oldest Kubernetes for which the manifests say to be, and a newer one.
const VERSIONS: [&str; 2] = ["1.30", "1.35"];

fn deploy(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("deploy/kubernetes").join(file)
}

/// `record.sh` with `argument`, by the shell of a Debian image.
fn record(argument: &str) -> String {
    format!(
        "exec bash {} {argument}",
        deploy("common/record.sh").display()
    )
}

/// Writes a program in the language of the shell.
fn program(folder: &Path, name: &str, lines: &str) {
    let file = folder.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{lines}\n")).unwrap();
    let made = Command::new("chmod").arg("+x").arg(&file).status();
    assert!(made.unwrap().success());
}

/// Where programs are looked for, this folder first.
fn path_with(folder: &Path) -> String {
    let path = std::env::var("PATH").unwrap();
    format!("{}:{path}", folder.display())
}

/// What the recorder of a pod would be started with.
fn started_with(variables: &[(&str, &str)]) -> Result<String, String> {
    let folder = Folder::new();
    program(&folder.0, "vdoroom", "echo \"$@\"");
    let pod = Launch::shell(&folder.0, &record(""), |command| {
        command
            .env("PATH", path_with(&folder.0))
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
        let shard = format!("--room my room --shard-index {index} --shard-count 3 --location");
        assert!(line.contains(&shard), "{line}");
    }
    let with = [
        ("POD_INDEX", "0"),
        ("ROOM_PASSWORD", "hunter2"),
        ("OPTIONS", "latency=500 streams=<\"al*\">"),
    ];
    let line = started_with(&with).unwrap();
    let options =
        "--password-env ROOM_PASSWORD --set latency=500 --set streams=<\"al*\"> --location";
    assert!(line.contains(options), "{line}");
    assert!(!line.contains("hunter2"), "{line}");
    let complaint = started_with(&[("POD_INDEX", "recorder")]).unwrap_err();
    assert!(complaint.contains("no index"), "{complaint}");
}

struct Pod {
    folder: Folder,
    metrics: String,
    recorder: Launch,
}

impl Pod {
    fn start(server: &str) -> Self {
        let folder = Folder::new();
        let recordings = folder.0.join("recordings");
        std::fs::create_dir(&recordings).unwrap();
        // A port that is free, and hardly taken by another program in the meantime.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let metrics = free.local_addr().unwrap().to_string();
        drop(free);
        let recorder = launch::program("vdoroom");
        program(
            &folder.0,
            "vdoroom",
            &format!("exec {} \"$@\" --json", recorder.display()),
        );
        let recorder = Launch::shell(&folder.0, &record(""), |command| {
            command
                .env("PATH", path_with(&folder.0))
                .env("SERVER", server)
                .envs([("ROOM", "r"), ("POD_INDEX", "0"), ("SHARD_COUNT", "1")])
                .env("METRICS", &metrics)
                .env("FOLDER", &recordings)
                .env("TMPDIR", &folder.0);
        });
        Self {
            folder,
            metrics,
            recorder,
        }
    }

    fn probe(&self, name: &str) -> bool {
        let script = deploy("common/record.sh");
        let mut probe = Command::new("bash");
        probe.arg(script).arg(name);
        probe
            .env("TMPDIR", &self.folder.0)
            .env("METRICS", &self.metrics);
        probe.stderr(Stdio::null()).status().unwrap().success()
    }

    fn wait_for_probe(&self, name: &str) {
        wait_until(name, DEADLINE, || self.probe(name));
    }

    /// The script that copies recordings away, into a folder.
    fn uploader(&self) -> Launch {
        let line = format!("exec sh {}", deploy("upload/upload.sh").display());
        Launch::shell(&self.folder.0, &line, |command| {
            command
                .env("FOLDER", self.folder.0.join("recordings"))
                .env("REMOTE", self.folder.0.join("bucket"))
                .envs([("POD_NAME", "recorder-0"), ("PAUSE", "1")])
                .env("TMPDIR", &self.folder.0)
                .env("RCLONE_CONFIG", self.folder.0.join("rclone.conf"));
        })
    }
}

/// Something listens and says nothing: there is a connection, and no room.
#[test]
fn a_pod_that_is_connected_is_ready_only_when_it_has_joined() {
    let silent = RoomServer::start(Dialect::Hosted);
    silent.faults(|faults| faults.never_answer = true);
    let pod = Pod::start(silent.url());
    pod.wait_for_probe("alive");
    let joins = |entry: &LogEntry| entry.text.contains("joinroom");
    silent.wait_for(DEADLINE, joins).unwrap();
    assert!(!pod.probe("ready"), "it is in no room");
    silent.faults(|faults| faults.never_answer = false);
    silent.close(Who::Everyone, Closing::Abort);
    pod.wait_for_probe("ready");
}

/// With the pod of a job its volume may go.
#[test]
fn a_pod_does_not_end_before_everything_is_uploaded() {
    let folder = Folder::new();
    let rclone = "echo called >>calls; [ ! -e down ] && mkdir -p bucket && cp recordings/* bucket/";
    program(&folder.0, "rclone", rclone);
    let write = |file: &str| std::fs::write(folder.0.join(file), "").unwrap();
    std::fs::create_dir(folder.0.join("recordings")).unwrap();
    write("recordings/alice.ts");
    write("down");
    let line = format!("exec sh {}", deploy("upload/upload.sh").display());
    let mut uploader = Launch::shell(&folder.0, &line, |command| {
        command
            .env("PATH", path_with(&folder.0))
            .envs([("REMOTE", "s3:bucket"), ("POD_NAME", "p"), ("PAUSE", "1")])
            .env("TMPDIR", &folder.0);
    });
    let calls = || {
        let calls = std::fs::read_to_string(folder.0.join("calls"));
        calls.unwrap_or_default().lines().count()
    };
    let wait_for_calls = |uploader: &mut Launch, more: usize| {
        let wanted = calls() + more;
        wait_until(&format!("{wanted} calls"), DEADLINE, || {
            assert!(uploader.is_running(), "it has ended");
            calls() >= wanted
        });
    };
    wait_for_calls(&mut uploader, 1);
    // The recorder has ended, and nothing could be copied.
    write("recorder.ended");
    uploader.signal("TERM");
    wait_for_calls(&mut uploader, 3);
    std::fs::remove_file(folder.0.join("down")).unwrap();
    let (status, printed) = uploader.wait(DEADLINE);
    assert!(status.success(), "{printed}");
    assert!(
        printed.contains("not everything could be copied"),
        "{printed}"
    );
    assert!(folder.0.join("bucket/alice.ts").exists());
}

/// A deadline of the job would delete pods whose files are not uploaded yet.
#[test]
fn a_recorder_ends_by_itself_when_its_time_is_over() {
    let with = [("POD_INDEX", "0"), ("DURATION", "7200")];
    let line = started_with(&with).unwrap();
    assert!(line.contains("--seconds 7200 "), "{line}");
    let over = [("POD_INDEX", "0"), ("DURATION", "0")];
    assert_eq!(started_with(&over).unwrap(), "");
}

#[test]
fn a_pod_is_alive_and_ready_and_leaves_whole_files_where_they_belong() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut pod = Pod::start(server.url());
    let uploader = require::program("rclone").then(|| pod.uploader());
    pod.wait_for_probe("alive");
    pod.wait_for_probe("ready");
    let alice = Publisher::builder(server.url(), "r", "alice").codec(Codec::Vp8);
    let alice = alice.frame_rate(10).start().unwrap();
    let opened = "part-opened";
    pod.recorder.wait_for_line(opened, DEADLINE);
    alice.wait_for_frames(30, DEADLINE).unwrap();
    // Kubernetes ends the recorder first.
    pod.recorder.signal("TERM");
    let Pod {
        folder, recorder, ..
    } = pod;
    let (status, printed) = recorder.wait(GRACE);
    assert!(status.success(), "{printed}");
    let recordings = Folder(folder.0.join("recordings"));
    let [file] = &recordings.recordings()[..] else {
        panic!("not one file: {printed}");
    };
    assert_whole("alice", &check::inspect(file));
    let Some(uploader) = uploader else {
        return;
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
        let manifests = built(folder);
        if !require(manifests.is_some(), "kubectl is not installed, or old") {
            return;
        }
        let manifests = manifests.unwrap();
        let shards = "name: SHARD_COUNT\n          value: \"3\"\n";
        assert!(manifests.contains(shards), "{manifests}");
        // What would end a pod, and with it a volume, before all is uploaded.
        for end in [
            "activeDeadlineSeconds",
            "initContainers",
            "ttlSecondsAfterFinished",
        ] {
            assert!(!manifests.contains(end), "{end}: {manifests}");
        }
        assert_eq!(manifests.contains("name: DURATION"), folder == "job");
        let file = Folder::new();
        let path = file.0.join("manifests.yaml");
        std::fs::write(&path, &manifests).unwrap();
        for version in VERSIONS {
            let mut validate = Command::new("kubernetes-validate");
            let validate = validate.args(["--strict", "-k", version]).arg(&path);
            let output = validate.output();
            if !require(output.is_ok(), "kubernetes-validate is not installed") {
                return;
            }
            let output = output.unwrap();
            let said =
                String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "Kubernetes {version}: {said}");
        }
    }
}
