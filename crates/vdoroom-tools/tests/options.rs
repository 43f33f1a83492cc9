// SPDX-License-Identifier: MPL-2.0
//! The program `vdoroom` as it is called: options, exit statuses, man pages and completions.

use std::process::{Command, Output};

use vdoroom_testkit::Folder;

const SUBCOMMANDS: [&str; 6] = ["record", "list", "check", "repair", "timeline", "export"];

fn vdoroom(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vdoroom"));
    program.args(arguments).output().unwrap()
}

/// What it prints, if all is well.
fn printed(arguments: &[&str]) -> String {
    let output = vdoroom(arguments);
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it exits with and prints, given wrong options.
fn refused(options: &[&str]) -> (Option<i32>, String) {
    let program = vdoroom(&[&["record", "--room", "r"], options].concat());
    let text = String::from_utf8_lossy(&program.stderr).into_owned();
    (program.status.code(), text)
}

#[test]
fn wrong_options_are_told_in_words_and_are_not_worth_another_try() {
    for (options, status, words) in [
        (&["--latency", "soon"][..], 2, "--latency"),
        (
            &["--max-file-time", "1 fortnight"][..],
            2,
            "--max-file-time",
        ),
        (&["--shard-index", "1"][..], 2, "--shard-count"),
        (
            &["--set", "colour=red"][..],
            2,
            "there is no property colour that can be set",
        ),
        (
            &["--set", "stats=1"][..],
            2,
            "there is no property stats that can be set",
        ),
        (
            &["--set", "shard-count=5000"][..],
            2,
            "shard-count cannot be 5000: it is from 1 to 1024",
        ),
        (&["--video-codecs", "H263"][..], 2, "H263"),
        (
            &["--turn-password-env", "NO_SUCH_VARIABLE"][..],
            2,
            "no environment variable NO_SUCH_VARIABLE",
        ),
        (
            &["--server", "ws://127.0.0.1:9", "--seconds", "1"][..],
            1,
            "the room was never joined",
        ),
        (
            &["--metrics", "192.0.2.1:9464"][..],
            1,
            "metrics cannot be served at 192.0.2.1:9464",
        ),
    ] {
        let (code, text) = refused(options);
        assert_eq!(code, Some(status), "{options:?}: {text}");
        assert!(text.contains(words), "{options:?}: {text}");
    }
}

#[test]
fn a_wrong_call_is_no_damage() {
    let folder = Folder::new();
    let path = |name: &str| folder.0.join(name).display().to_string();
    let (empty, missing) = (path("."), path("nothing.jsonl"));
    for arguments in [
        &["list", &empty][..],
        &["list", &missing],
        &["list", "--what"],
        &["list"],
        &["check"],
        &["repair"],
        &["repair", "--in-place", "--output", "x", &missing],
        &["repair", "--output", "x", &missing, &missing],
        &["timeline"],
        &["timeline", "--size", "1x1", &missing],
        &["export"],
        &["export", "--to", "wav", &empty],
        &["export", "--to", "wav", "--rate", "0", &missing],
        &["export", "--to", "wav", "--from", "soon", &missing],
        &["record"],
        &["play"],
        &[],
    ] {
        let output = vdoroom(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let wanted = concat!("vdoroom ", env!("CARGO_PKG_VERSION"));
    assert_eq!(printed(&["--version"]).trim(), wanted);
}

/// The long options that `--help` names.
fn options(help: &str) -> Vec<&str> {
    let words = help
        .split_whitespace()
        .filter(|word| word.starts_with("--"));
    let plain = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    words.map(|word| word.trim_matches(plain)).collect()
}

#[test]
fn the_man_pages_and_completions_know_every_option() {
    let shells = ["bash", "zsh", "fish"].map(|shell| printed(&["completion", shell]));
    let overview = printed(&["man", "vdoroom"]).replace('\\', "");
    for subcommand in SUBCOMMANDS {
        let name = format!("vdoroom-{subcommand}");
        assert!(overview.contains(&format!("{name}(1)")), "{overview}");
        let help = printed(&[subcommand, "--help"]);
        let options = options(&help);
        assert!(subcommand != "record" || options.len() > 30, "{help}");
        let page = printed(&["man", &name]).replace('\\', "");
        assert!(page.contains(&format!("vdoroom {subcommand}")), "{page}");
        for section in ["EXIT STATUS", "EXAMPLES", "SEE ALSO"] {
            assert!(page.contains(section), "{name} lacks {section}");
        }
        for option in options {
            assert!(page.contains(option), "{name} lacks {option}");
            for shell in &shells {
                let name = option.trim_start_matches('-');
                assert!(shell.contains(name), "{option} is not completed:\n{shell}");
            }
        }
    }
    assert!(!overview.contains("vdoroom-help"), "{overview}");
    assert_eq!(vdoroom(&["man", "vdoroom-play"]).status.code(), Some(2));
}
