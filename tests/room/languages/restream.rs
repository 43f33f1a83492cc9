// SPDX-License-Identifier: MPL-2.0
//! One person restreamed to servers of RTMP and SRT on this machine.

use std::net::UdpSocket;
use std::path::Path;

use vdoroom_testkit::launch::example;
use vdoroom_testkit::wait::wait_until;

use super::*;

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// Waits until a server has a TCP port open, without connecting: it takes one connection only.
fn wait_for_listener(port: u16) {
    let address = format!("0100007F:{port:04X} 00000000:0000 0A");
    wait_until(&format!("something listens on port {port}"), START, || {
        let sockets = std::fs::read_to_string("/proc/net/tcp");
        sockets.unwrap().contains(&address)
    });
}

/// An SRT server that writes what it gets into a file.
fn srt_server(folder: &Path, file: &str) -> (Launch, String) {
    let url = format!("srt://127.0.0.1:{}", free_port());
    let line = format!(
        "-e srtsrc uri={url}?mode=listener ! filesink location={file} buffer-mode=unbuffered"
    );
    let mut server = Launch::start(folder, &line);
    server.wait_for_line("Setting pipeline to PLAYING", START);
    (server, url)
}

#[test]
fn the_shell_script_restreams_a_person_to_an_rtmp_server() {
    if !require::program_of("ffmpeg", "-version") {
        return;
    }
    let room = Room::new();
    let port = free_port();
    let url = format!("rtmp://127.0.0.1:{port}/live/alice");
    let line = format!("exec ffmpeg -v error -listen 1 -i {url} -c copy got.flv");
    let server = Launch::shell(&room.folder.0, &line, |_| {});
    wait_for_listener(port);
    let alice = room.comes("alice", Codec::H264);
    let options = format!("--person alice --to {url}");
    let program = room.start_with(
        &format!("sh {}", source("restream.sh")),
        &options,
        |shell| {
            // rtmp2sink (GStreamer 1.22) finds ffmpeg's answers too short, critically.
            shell.env_remove("G_DEBUG");
        },
    );
    alice.wait_for_viewer(START).unwrap();
    alice.wait_for_frames(90, DEADLINE).unwrap();
    assert_ends_well(program);
    // It ends with the connection, which it calls an error.
    server.wait(END);
    assert_arrived(&room.file("got.flv"), true);
}

#[test]
fn the_rust_program_restreams_people_to_srt_servers_with_and_without_a_microphone() {
    let room = Room::new();
    let folder = &room.folder.0;
    let (with_audio, to_first) = srt_server(folder, "alice.ts");
    let (without, to_second) = srt_server(folder, "bob.ts");
    let program = example("restream").display().to_string();
    let alice = room.comes("alice", Codec::H264);
    let bob = room.guest("b ö").without_audio().start().unwrap();
    let first = room.start(&program, &format!("--person alice --to {to_first}"));
    let second = room.start(&program, &format!("--person 'b ö' --to {to_second}"));
    for person in [&alice, &bob] {
        person.wait_for_viewer(START).unwrap();
        // Two seconds may go by until it is clear that there is no audio.
        person.wait_for_frames(150, DEADLINE).unwrap();
    }
    for program in [first, second] {
        assert_ends_well(program);
    }
    for server in [with_audio, without] {
        // It ends with the connection.
        let (status, printed) = server.wait(END);
        assert!(status.success(), "{printed}");
    }
    assert_arrived(&room.file("alice.ts"), true);
    assert_arrived(&room.file("bob.ts"), false);
}

/// What a person sent is in the file, with no frame missing.
fn assert_arrived(file: &Path, with_audio: bool) {
    let report = check::inspect(file);
    let video = report.video.as_ref();
    let counters = video.and_then(|video| video.counters.clone());
    let counters = counters.unwrap_or_else(|| panic!("no video: {report:#?}"));
    assert!(counters.last - counters.first >= 30, "{report:#?}");
    assert_eq!((counters.missing, counters.bad), (0, 0), "{report:#?}");
    assert_eq!(report.audio.is_some(), with_audio, "{report:#?}");
    if with_audio {
        let offset = report.worst_flash_beep_offset();
        assert!(offset.is_some_and(|ms| ms.abs() < 100.0), "{report:#?}");
    }
}
