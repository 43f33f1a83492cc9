// SPDX-License-Identifier: MPL-2.0
//! The program, as an administrator runs it.

mod running;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::WebSocket;
use async_tungstenite::tungstenite::client::client;
use vdoroom_server::Certificate;

use running::{DEADLINE, PROGRAM, Running, address, folder};

fn open<S: Read + Write>(stream: S) -> Result<WebSocket<S>, String> {
    let opened = client("ws://127.0.0.1/", stream);
    opened
        .map(|(socket, _)| socket)
        .map_err(|error| error.to_string())
}

fn joins<S: Read + Write>(socket: &mut WebSocket<S>, room: &str) {
    let join = format!(r#"{{"request":"joinroom","roomid":"{room}"}}"#);
    socket.send(join.into()).unwrap();
    let listing = socket.read().unwrap();
    assert!(listing.to_text().unwrap().contains("listing"), "{listing}");
}

#[test]
fn a_certificate_that_was_renewed_is_shown_after_a_signal_and_ends_no_connection() {
    let folder = folder("renewed");
    let write = |certificate: &Certificate| {
        fs::write(folder.join("cert.pem"), &certificate.chain).unwrap();
        fs::write(folder.join("key.pem"), &certificate.key).unwrap();
    };
    let (old, new) = (Certificate::loopback(), Certificate::loopback());
    write(&old);
    let (address, mut server) = Running::start(&folder, "--tls-cert cert.pem --tls-key key.pem");
    let connect = |certificate: &Certificate| {
        let tls = certificate.connect(address)?;
        tls.sock.set_read_timeout(Some(DEADLINE)).unwrap();
        open(tls)
    };
    let mut before = connect(&old).unwrap();
    // What cannot be read changes nothing.
    fs::write(folder.join("key.pem"), "no key").unwrap();
    server.signal("HUP");
    server.wait_for_line("the certificate stays as it was");
    connect(&old).unwrap();
    write(&new);
    server.signal("HUP");
    let deadline = Instant::now() + DEADLINE;
    let mut after = loop {
        match connect(&new) {
            Ok(socket) => break socket,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    joins(&mut before, "r");
    joins(&mut after, "r");
    server.signal("TERM");
    let (status, printed) = server.wait();
    assert!(status.success(), "{printed}");
}

/// Ends with the test, however that ends.
struct Alone(Child);

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_whose_output_is_closed_or_not_read_goes_on() {
    for is_closed in [true, false] {
        let mut server = Command::new(PROGRAM);
        server.args(["--listen", "127.0.0.1:0"]);
        let server = server.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut server = Alone(server.unwrap());
        let mut output = BufReader::new(server.0.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = address(&line);
        let unread = (!is_closed).then_some(output);
        // More than a pipe holds (64 KiB), if it is not read.
        for n in 0..500 {
            let tcp = TcpStream::connect(address).unwrap();
            tcp.set_read_timeout(Some(DEADLINE)).unwrap();
            match open(tcp) {
                Ok(mut socket) => joins(&mut socket, &format!("{n:0>120}")),
                // Connections that come too fast are refused: the pause lets the next one in.
                Err(_) if n > 250 => std::thread::sleep(Duration::from_millis(10)),
                Err(error) => panic!("closed {is_closed}, {n}: {error}"),
            }
        }
        assert!(matches!(server.0.try_wait(), Ok(None)));
        drop(unread);
    }
}

/// A terminal would obey them.
#[test]
fn names_are_printed_without_what_moves_the_cursor() {
    let (address, mut server) = Running::start(&folder("names"), "");
    let tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    joins(&mut open(tcp).unwrap(), r"a\u001b[2Jb\r\nc\u202ed");
    let line = server.wait_for_line(" joined");
    assert!(
        line.starts_with("a\u{fffd}[2jb\u{fffd}\u{fffd}c\u{fffd}d: "),
        "{line:?}"
    );
}

/// Many systems have a limit of 1024, which a program may raise by itself.
#[test]
fn the_program_may_open_as_many_files_as_it_allows_connections() {
    let line = "ulimit -S -n 256; exec \"$0\" --listen 127.0.0.1:0";
    let mut running = Running::shell(&folder("files"), line);
    running.wait_for_line("listening");
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = files
        .and_then(|line| line.split_whitespace().nth(3))
        .unwrap();
    let soft: u64 = soft.parse().unwrap();
    assert!(soft > 4096, "{limits}");
}

/// The table in the manual, and what the program says of its options.
#[test]
fn the_limits_are_those_of_the_manual() {
    let help = Command::new(PROGRAM).arg("--help").output();
    let help = String::from_utf8(help.unwrap().stdout).unwrap();
    let told: Vec<(&str, &str)> = help
        .split("\n      --max-")
        .skip(1)
        .map(|option| {
            let name = option.split(' ').next().unwrap();
            let default = option.split("[default: ").nth(1).unwrap();
            (name, default.split(']').next().unwrap())
        })
        .collect();
    assert_eq!(told.len(), 6, "{help}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/room-server.md");
    let text = fs::read_to_string(&page).unwrap();
    for (name, default) in told {
        let row = format!("| {default} | `--max-{name}` |");
        assert!(text.contains(&row), "{} lacks {row}", page.display());
    }
}

/// What packages are made of, and what a user sees first.
#[test]
fn the_program_tells_its_name_its_manual_and_its_completions() {
    let print = |arguments: &[&str]| {
        let output = Command::new(PROGRAM).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let version = concat!("vdoroom-server ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(print(&["--version"]), version);
    assert!(print(&["--man"]).contains(".TH vdoroom-server 1"));
    let completion = print(&["--completion", "zsh"]);
    assert!(
        completion.starts_with("#compdef vdoroom-server"),
        "{completion}"
    );
}
