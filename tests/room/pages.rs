// SPDX-License-Identifier: MPL-2.0
//! The room server's own pages, in a real browser: no account, no other page, no publisher.

use std::path::Path;

use gst::prelude::*;
use serde_json::Value;
use vdoroom_testkit::check::inspect;
use vdoroom_testkit::chromium::{self, Page};
use vdoroom_testkit::server::{Certificate, Pages};
use vdoroom_testkit::{Browser, Dialect, Folder, Launch, RoomServer, launch};

use crate::recording::{self, DEADLINE, Recording, interrupt};

/// Seen for so many frames.
const FRAMES: u64 = 30;

/// Waits until the page has sent so many more frames to a viewer.
fn wait_for_frames(page: &mut Page) {
    let sent = format!(
        "(async () => {{
            for (let before, sent;; before ??= sent) {{
                for (const {{ connection }} of publisher.peers.values()) {{
                    const stats = [...(await connection.getStats()).values()];
                    sent = stats.find((entry) => entry.framesSent)?.framesSent;
                }}
                if (sent >= before + {FRAMES}) return;
                await new Promise((next) => setTimeout(next, 100));
            }}
        }})()"
    );
    page.evaluate(&sent).unwrap();
}

fn played(file: &Path, codec: &str) {
    let report = inspect(file);
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:#?}");
    let video = report.video.as_ref().unwrap();
    assert!(video.codec.contains(codec), "{}", video.codec);
    assert!(video.frames_decoded >= FRAMES / 2, "{video:#?}");
    assert_eq!(report.audio.as_ref().unwrap().codec, "Opus");
}

/// As a person would who has built it and reads what it prints.
#[test]
fn a_new_user_presses_start_and_gets_a_file() {
    assert!(chromium::is_installed(), "install the package chromium");
    let folder = Folder::new();
    let server = launch::program("vdoroom-server");
    let line = format!("exec {} --listen 127.0.0.1:0", server.display());
    let mut server = Launch::shell(&folder.0, &line, |_| {});
    let mut printed = |what: &str| {
        let line = server.wait_for_line(what, DEADLINE);
        line.split_once(what).unwrap().1.to_owned()
    };
    let browser = Browser::start().unwrap();
    let mut status = browser.open(&printed("who is here: ")).unwrap();
    status
        .wait_until("!document.querySelector('#nobody').hidden")
        .unwrap();
    let mut publisher = browser.open(&printed("publish from a browser: ")).unwrap();
    let line = printed("record: ");
    publisher.fill("#label", "Alice").unwrap();
    publisher.fill("#size", "360").unwrap();
    publisher.press("#start").unwrap();
    publisher
        .wait_until("document.querySelector('#state').textContent.includes('Live')")
        .unwrap();
    let in_table = "document.querySelector('#tables').textContent.includes('Alicepublishes')";
    status.wait_until(in_table).unwrap();
    let shown = publisher
        .evaluate("document.querySelector('#line').textContent")
        .unwrap();
    assert_eq!(
        shown,
        line.as_str(),
        "the line on the page is the printed one"
    );

    let line = line.replace("-e", "-e -m");
    let mut recorder = Launch::shell(&folder.0, &format!("exec {line}"), |_| {});
    recorder.wait_for_line("roomfilesink-part-opened", DEADLINE);
    publisher
        .wait_until(
            "/Recorderconnected.+ fps/.test(document.querySelector('#viewers').textContent)",
        )
        .unwrap();
    wait_for_frames(&mut publisher);
    publisher.press("#stop").unwrap();
    let left = "document.querySelector('#events').textContent.includes('Alice (studio) left')";
    status.wait_until(left).unwrap();
    status.wait_until(&format!("!{in_table}")).unwrap();
    recorder.wait_for_line("roomfilesink-part-closed", DEADLINE);
    let files = interrupt(recorder, &folder, recording::NULL_DEADLINE * 2);
    let [file] = files.as_slice() else {
        panic!("one file, not {files:?}");
    };
    assert!(file.to_str().unwrap().contains("_Alice_"), "{file:?}");
    played(file, "VP8");
    for page in [&status, &publisher] {
        assert_eq!(page.complaints(), Vec::<&Value>::new());
    }
}

#[test]
fn the_page_speaks_as_the_server_does_and_encrypts() {
    assert!(chromium::is_installed(), "install the package chromium");
    let pages = Pages {
        status: true,
        publisher: true,
        cafile: Some("room-server.pem".into()),
    };
    let server = RoomServer::builder()
        .dialect(Dialect::Relay)
        .certificate(Certificate::loopback())
        .pages(pages)
        .logged()
        .start()
        .unwrap();
    let browser = Browser::start().unwrap();
    let address = format!("{}/publish?room=r&push=bob&codec=h264", server.pages_url());
    let mut page = browser.open(&address).unwrap();
    page.wait_until(
        "document.querySelector('#line').textContent.includes('cafile=room-server.pem room=r')",
    )
    .unwrap();
    for (field, value) in [
        ("#password", "a word"),
        ("#video", "test"),
        ("#audio", "tone"),
        ("#size", "360"),
    ] {
        page.fill(field, value).unwrap();
    }
    page.press("#start").unwrap();
    page.wait_until("document.querySelector('#state').textContent.includes('Live')")
        .unwrap();
    let mut recording = Recording::start(&server, "r", |source| {
        source.set_property("password", "a word");
        source.set_property("insecure-tls", true);
        source.set_property_from_str("dialect", "relay");
    });
    recording.wait_for_frames(&["bob"], FRAMES);
    // Another source in the same part.
    page.fill("#video", "screen").unwrap();
    wait_for_frames(&mut page);
    let heard = server.conversation();
    let recorded = recording.finish();
    let [(file, _)] = recorded.files["bob"].as_slice() else {
        panic!("one part, not {:#?}", recorded.files);
    };
    played(file, "H.264");
    assert!(!heard.contains("a=fingerprint"), "{heard}");
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}
