// SPDX-License-Identifier: MPL-2.0
//! The packages, as far as they can be judged unbuilt: what they have, what they depend on, and how
//! their services are confined. `scripts/package --check` builds and uses them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use vdoroom_testkit::{manual, require};

/// Of 10, which is no confinement at all; `systemd-analyze security` calls all below 2 "OK".
const EXPOSURE: &str = "20";
const UNITS: [&str; 2] = ["vdoroom-record@.service", "vdoroom-server.service"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn cargo(arguments: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(arguments).current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The metadata of this crate, `package.metadata` included.
fn package() -> Value {
    package_named(env!("CARGO_PKG_NAME"))
}

fn package_named(name: &str) -> Value {
    let text = cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"]);
    let metadata: Value = serde_json::from_str(&text).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = |package: &&Value| package["name"] == name;
    packages.iter().find(ours).unwrap().clone()
}

/// The Debian packages of GStreamer's elements that a text names.
fn elements_in(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    text.split(|c| !is_part(c))
        .filter(|word| word.starts_with("gstreamer1.0-"))
        .collect()
}

#[test]
fn the_debian_packages_depend_on_all_whose_lack_the_elements_complain_about() {
    let package = package();
    let deb = &package["metadata"]["deb"];
    let plugin = deb["depends"].to_string();
    let tools = deb["variants"]["tools"]["depends"].to_string();
    let depends = elements_in(&plugin);
    let sources = [
        read("src/vdoroomsrc/media/codecs/requirements.rs"),
        read("src/vdoroomsrc/media/codecs/table.rs"),
        read("src/roomfilesink/mux/frames/parser.rs"),
    ]
    .concat();
    let missing: Vec<_> = elements_in(&sources)
        .into_iter()
        .filter(|package| !depends.contains(package) && *package != "gstreamer1.0-plugins-rs")
        .collect();
    assert!(missing.is_empty(), "gstreamer1.0-vdoroom lacks {missing:?}");
    assert_eq!(
        depends,
        elements_in(&tools),
        "the tools have the same elements built in"
    );
}

#[test]
fn the_image_has_what_the_debian_packages_depend_on() {
    let dockerfile = read("Dockerfile");
    let (_, last_stage) = dockerfile.rsplit_once("\nFROM ").unwrap();
    let installed = elements_in(last_stage);
    let package = package();
    let depends = package["metadata"]["deb"]["depends"].to_string();
    for wanted in elements_in(&depends) {
        assert!(installed.contains(wanted), "Dockerfile lacks {wanted}");
    }
    let pod = read("deploy/kubernetes/common/pod.yaml");
    for (file, text, user) in [
        ("Dockerfile", &dockerfile, "USER 1000:"),
        ("pod.yaml", &pod, "runAsUser: 1000\n"),
    ] {
        assert!(text.contains(user), "{file} has another user");
    }
}

#[test]
fn what_a_package_takes_from_the_tree_is_there() {
    let package = package();
    let deb = &package["metadata"]["deb"];
    let assets = [&deb["assets"], &deb["variants"]["tools"]["assets"]];
    let sources: Vec<String> = assets
        .iter()
        .flat_map(|assets| assets.as_array().unwrap())
        .map(|asset| asset[0].as_str().unwrap().to_owned())
        .filter(|source| !source.starts_with("target/"))
        .collect();
    assert!(!sources.is_empty());
    for source in sources {
        let (folder, pattern) = source.rsplit_once('/').unwrap_or((".", &source));
        let end = pattern.trim_start_matches('*');
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(names.any(|name| name.ends_with(end)), "no {source}");
    }
    let script = read("scripts/package");
    for (package, target) in [
        (package_named("vdoroom-server"), "vdoroom-server"),
        (package_named("vdoroom-tools"), "vdoroom"),
    ] {
        let targets = package["targets"].as_array().unwrap();
        assert!(targets.iter().any(|built| built["name"] == target));
    }
    for built in ["-p vdoroom-server", "-p vdoroom-tools"] {
        assert!(script.contains(built), "{built} is not built");
    }
}

/// Who builds a package writes what its programs print: each subcommand has a page.
#[test]
fn packages_and_meson_have_a_man_page_of_each_subcommand() {
    let manual = read("crates/vdoroom-tools/src/manual.rs");
    let named = manual
        .split('"')
        .filter(|word| word.starts_with("vdoroom-"));
    let pages: BTreeSet<_> = named.filter(|word| !word.contains(' ')).collect();
    assert!(pages.len() >= 4, "{pages:?}");
    for file in ["scripts/package", "meson.build", "scripts/test-long"] {
        let text = read(file);
        for page in &pages {
            assert!(text.contains(page), "{file} lacks {page}");
        }
    }
}

#[test]
fn cargo_c_and_meson_look_for_the_same_libraries() {
    let package = package();
    let capi = &package["metadata"]["capi"]["pkg_config"]["requires_private"];
    let meson = read("meson.build");
    for library in capi.as_str().unwrap().split(", ") {
        let looked_for = meson.contains(&format!("'{library}'"));
        assert!(
            looked_for || library.ends_with("-2.0"),
            "meson.build does not look for {library}"
        );
    }
}

/// Dev-dependencies without a version, as `crates/vdoroom-testkit`, are left out of what is published.
#[test]
fn the_published_examples_do_without_the_test_support() {
    let list = cargo(&["package", "--list", "--allow-dirty", "--offline"]);
    let files: Vec<&str> = list.lines().collect();
    let pages = manual::pages().iter().map(|page| page.path.as_str());
    for needed in ["src/lib.rs", "CHANGELOG.md", "LICENSE"]
        .into_iter()
        .chain(pages)
    {
        assert!(files.contains(&needed), "no {needed} in {list}");
    }
    // Unit tests may use it; nobody builds those of a dependency.
    let programs = files.iter().filter(|file| file.starts_with("examples/"));
    for file in programs.filter(|file| file.ends_with(".rs")) {
        let uses = read(file).contains("vdoroom_testkit");
        assert!(!uses, "{file} is published and uses crates/vdoroom-testkit");
    }
}

#[test]
fn the_services_are_confined() {
    if !require::program("systemd-analyze") {
        return;
    }
    for unit in UNITS {
        let path = root().join("deploy/systemd").join(unit);
        let analyse = |arguments: &[&str]| {
            let mut command = Command::new("systemd-analyze");
            let output = command.args(arguments).arg(&path).output().unwrap();
            let printed = [output.stdout, output.stderr].concat();
            (
                output.status.success(),
                String::from_utf8_lossy(&printed).into_owned(),
            )
        };
        let (_, said) = analyse(&["verify", "--man=no", "--recursive-errors=no"]);
        // The program is where the package puts it, which need not be installed here.
        let complaints: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("vdoroom") && !line.contains("is not executable"))
            .collect();
        assert!(complaints.is_empty(), "{unit}: {complaints:#?}");
        let (confined, said) = analyse(&[
            "security",
            "--offline=true",
            &format!("--threshold={EXPOSURE}"),
        ]);
        assert!(confined, "{unit}: {said}");
    }
}

/// The values of a key in a unit, in order.
fn settings<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value)
        .collect()
}

/// The default is 1024: a room of 130 people, or of 1000 connections.
#[test]
fn the_services_may_open_as_many_files_as_they_allow_streams_and_connections() {
    const DESCRIPTORS_OF_A_STREAM: usize = 8;
    let limits = read("crates/vdoroom-protocol/src/limits.rs");
    let streams: usize = after(&limits, "MAX_SESSIONS: usize = ");
    let server = read("crates/vdoroom-server/src/limits/numbers.rs");
    let connections: usize = after(&server, "            connections: ");
    for (unit, wanted) in [
        (UNITS[0], streams * (DESCRIPTORS_OF_A_STREAM + 1)),
        (UNITS[1], connections),
    ] {
        let text = read(&format!("deploy/systemd/{unit}"));
        let allowed = settings(&text, "LimitNOFILE");
        let [allowed] = allowed[..] else {
            panic!("{unit} has no LimitNOFILE");
        };
        let allowed: usize = allowed.parse().unwrap();
        assert!(allowed >= wanted + 256, "{unit}: {allowed} for {wanted}");
    }
}

fn after(text: &str, words: &str) -> usize {
    let (_, rest) = text.split_once(words).unwrap();
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap();
    digits.parse().unwrap()
}

/// `tests/room/scripts.rs` has the values for which a recorder ends so.
#[test]
fn the_services_do_not_try_again_what_stays_wrong() {
    for unit in UNITS {
        let text = read(&format!("deploy/systemd/{unit}"));
        assert_eq!(settings(&text, "Restart"), ["on-failure"], "{unit}");
        assert_eq!(settings(&text, "RestartPreventExitStatus"), ["2"], "{unit}");
    }
}

#[test]
fn the_server_can_have_a_key_that_root_alone_may_read_and_a_new_one() {
    let unit = read("deploy/systemd/vdoroom-server.service");
    let credentials = settings(&unit, "LoadCredential");
    for name in ["vdoroom-server.cert", "vdoroom-server.key"] {
        // Without a path it may be missing (systemd 252 and newer look in /etc/credstore).
        let credential = format!("{name}:{name}");
        assert!(
            credentials.contains(&credential.as_str()),
            "{credentials:?}"
        );
    }
    let reload = settings(&unit, "ExecReload");
    assert!(
        matches!(reload[..], [command] if command.contains("-HUP")),
        "{reload:?}"
    );
}

/// Without this a recorder would be killed with open files, or not at all.
#[test]
fn everything_that_ends_a_recorder_ends_it_by_int() {
    for (file, line) in [
        (
            "deploy/systemd/vdoroom-record@.service",
            "KillSignal=SIGINT",
        ),
        ("Dockerfile", "STOPSIGNAL SIGINT"),
    ] {
        let text = read(file);
        assert!(text.lines().any(|l| l == line), "{file} lacks {line}");
    }
}
