// SPDX-License-Identifier: MPL-2.0
//! `vdoroom record --metrics` as Prometheus sees it, and the dashboard that is made for it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::Value;
use vdoroom_testkit::chromium::{self, Chromium};
use vdoroom_testkit::launch::program;
use vdoroom_testkit::loopback::connect_from;
use vdoroom_testkit::require::require;
use vdoroom_testkit::wait;
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer};

use crate::recording::DEADLINE;

const DASHBOARD: &str = include_str!("../../deploy/grafana/vdoroom.json");

/// The answer to a request of the path, with its head.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The samples of a scrape: name with labels, and value.
fn scrape(address: &str) -> BTreeMap<String, f64> {
    let answer = get(address, "/metrics");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(" 200 ") && head.contains("text/plain; version=0.0.4"),
        "{head}"
    );
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    samples.map(sample).collect()
}

fn wait_until(address: &str, what: &str, is_so: impl Fn(&BTreeMap<String, f64>) -> bool) {
    let mut samples = BTreeMap::new();
    let found = wait::look_for(DEADLINE, || {
        samples = scrape(address);
        is_so(&samples).then_some(())
    });
    assert!(found.is_some(), "{what}: {samples:#?}");
}

/// Runs `promtool` with something on its standard input; `None` if there is no such program.
fn promtool(arguments: &[&str], input: &str) -> Option<()> {
    let program = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    if !require(
        program.is_ok(),
        "promtool (Debian package prometheus) is not there",
    ) {
        return None;
    }
    let mut program = program.unwrap();
    program
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = program.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Some(())
}

/// All queries of the dashboard, with its variables filled in.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let query = |target: &Value| {
        let query = target["expr"].as_str().unwrap();
        let query = query.replace("$__rate_interval", "1m");
        query.replace("$instance", ".*").replace("$stream", ".*")
    };
    targets.map(query).collect()
}

/// The names of metrics in a query or in a sample.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("vdoroom_"))
}

#[test]
fn prometheus_finds_who_is_recorded_and_forgets_who_has_left() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let (running, address) = record(&folder, server.url());
    let publish = |name: &str, codec| {
        let builder = Publisher::builder(server.url(), "r", name).codec(codec);
        let person = builder.label("a \"quoted\"\nname\\").start().unwrap();
        person.wait_for_viewer(DEADLINE).unwrap();
        person
    };
    let alice = publish("alice", Codec::Vp8);
    let _bob = publish("bob", Codec::H264);
    let recording = |name| format!("vdoroom_stream_recording{{stream=\"{name}\"}}");
    wait_until(&address, "both are recorded and answer pings", |samples| {
        let both = ["alice", "bob"].into_iter().all(|name| {
            let round_trip = format!("vdoroom_stream_round_trip_seconds{{stream=\"{name}\"}}");
            samples.get(&recording(name)) == Some(&1.0) && samples.contains_key(&round_trip)
        });
        both && samples.get("vdoroom_written_bytes_total") > Some(&0.0)
    });
    assert_conventional(&address);
    alice.stop();
    wait_until(&address, "alice is forgotten, bob is not", |samples| {
        let has = |name: &str| {
            samples
                .keys()
                .any(|key| key.contains(&format!("stream=\"{name}\"")))
        };
        !has("alice") && has("bob") && samples["vdoroom_files_closed_total"] == 1.0
    });
    assert!(get(&address, "/").contains(" 404 "));
    let ready = || get(&address, "/ready");
    assert!(ready().contains(" 200 "), "{}", ready());
    // The recording goes on, and newcomers would be missed.
    drop(server);
    wait::wait_until("it is not ready", DEADLINE, || ready().contains(" 503 "));
    running.signal("INT");
    let (status, printed) = running.wait(DEADLINE);
    assert!(status.success(), "{printed}");
}

#[test]
fn prometheus_sees_whose_frames_are_encrypted_from_end_to_end() {
    assert!(chromium::is_installed(), "install the package chromium");
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let (_program, address) = record(&folder, server.url());
    let alice = Publisher::builder(server.url(), "r", "alice");
    let _alice = alice.frame_rate(15).start().unwrap();
    let _sealed = Chromium::builder(server.url(), "r", "sealed")
        .codec("VP8")
        .video(320, 180, 15)
        .e2ee()
        .start()
        .unwrap();
    wait_until(&address, "all of one guest is undecodable", |samples| {
        let both = |name, value| {
            ["video", "audio"].into_iter().all(|kind| {
                let labels = format!("{{kind=\"{kind}\",stream=\"{name}\"}}");
                let sample = samples.get(&format!("vdoroom_stream_undecodable{labels}"));
                sample == Some(&value)
            })
        };
        both("sealed", 1.0) && both("alice", 0.0)
    });
}

/// A recorder that serves metrics.
fn record(folder: &Folder, server: &str) -> (Launch, String) {
    let line = format!(
        "exec {} record --server {server} --room r --location ./ --metrics 127.0.0.1:0",
        program("vdoroom").display(),
    );
    let mut running = Launch::shell(&folder.0, &line, |_| {});
    let printed = running.wait_for_line("metrics at http://", DEADLINE);
    let address = printed.split("http://").nth(1).unwrap();
    let address = address.trim_end_matches("/metrics").to_owned();
    (running, address)
}

/// A recorder that serves metrics, and whose room server is not there.
fn alone(folder: &Folder) -> (Launch, String) {
    record(folder, "ws://127.0.0.1:9")
}

#[test]
fn who_connects_and_says_nothing_keeps_no_scrape_waiting() {
    let folder = Folder::new();
    let (_program, address) = alone(&folder);
    let slow = [
        "",
        "GET /metrics HTTP/1.1\r\n",
        "GET /ready HTTP/1.1\r\n\r\n",
    ];
    let slow: Vec<_> = slow.into_iter().cycle().take(40).collect();
    let mut slow: Vec<TcpStream> = slow
        .into_iter()
        .map(|begun| {
            let mut tcp = connect_from([127, 0, 0, 2], address.parse().unwrap()).unwrap();
            tcp.set_read_timeout(Some(DEADLINE)).unwrap();
            // Those that are too many are closed at once.
            let _ = tcp.write_all(begun.as_bytes());
            tcp
        })
        .collect();
    let asked = Instant::now();
    assert!(get(&address, "/ready").contains(" 503 "));
    scrape(&address);
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    for tcp in &mut slow {
        if let Err(error) = tcp.read_to_end(&mut vec![]) {
            assert_ne!(
                error.kind(),
                std::io::ErrorKind::WouldBlock,
                "it stays open"
            );
        }
    }
}

#[test]
fn metrics_are_served_again_once_there_are_descriptors() {
    let folder = Folder::new();
    let (mut program, address) = alone(&folder);
    // GLib ends a process that lacks descriptors while plugins are loaded.
    program.wait_for_line("is not connected", DEADLINE);
    wait::wait_until("plugins are loaded", DEADLINE, || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
        let names = threads
            .flatten()
            .map(|t| std::fs::read_to_string(t.path().join("comm")));
        names.flatten().all(|name| name.trim() != "vdoroom:warm")
    });
    scrape(&address);
    let pid = Pid::from_raw(program.pid() as i32);
    // None is left: accepting fails.
    let none = Rlimit {
        current: Some(3),
        ..getrlimit(Resource::Nofile)
    };
    let before = prlimit(pid, Resource::Nofile, none).unwrap();
    let waiting = TcpStream::connect(&address).unwrap();
    waiting
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let mut refused = &waiting;
    write!(refused, "GET /ready HTTP/1.0\r\n\r\n").unwrap();
    assert!(refused.read(&mut [0]).is_err(), "it was answered");
    prlimit(pid, Resource::Nofile, before).unwrap();
    scrape(&address);
    assert_eq!(refused.read(&mut [0]).unwrap(), 1);
}

/// Holds what is served against Prometheus' conventions, and what the dashboard asks for against it.
fn assert_conventional(address: &str) {
    let answer = get(address, "/metrics");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    promtool(&["check", "metrics"], body);
    for query in queries() {
        for name in names(&query) {
            let is_served = names(body).any(|served| served == name);
            assert!(is_served, "the dashboard asks for {name}:\n{body}");
        }
    }
}

#[test]
fn prometheus_reads_the_queries_of_the_dashboard() {
    let folder = Folder::new();
    let rules = queries().into_iter().enumerate().map(|(number, query)| {
        format!(
            "  - record: query:{number}\n    expr: {}\n",
            Value::from(query)
        )
    });
    let rules: String = rules.collect();
    let file = folder.0.join("rules.yml");
    std::fs::write(
        &file,
        format!("groups:\n- name: dashboard\n  rules:\n{rules}"),
    )
    .unwrap();
    promtool(&["check", "rules", file.to_str().unwrap()], "");
}
