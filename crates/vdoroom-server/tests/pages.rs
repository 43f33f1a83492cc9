// SPDX-License-Identifier: MPL-2.0
//! The server's pages, and its websocket beside them, seen by clients on sockets.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use async_tungstenite::tungstenite::client::client;
use serde_json::{Value, json};
use vdoroom_server::{Dialect, Pages, RoomServer};

const SOON: Duration = Duration::from_secs(5);
/// Past the 10 s that a request may take.
const LATE: Duration = Duration::from_secs(20);

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn with_pages(status: bool, publisher: bool) -> RoomServer {
    let pages = Pages {
        status,
        publisher,
        cafile: None,
    };
    RoomServer::builder().pages(pages).start().unwrap()
}

fn connect(server: &RoomServer, timeout: Duration) -> TcpStream {
    let tcp = TcpStream::connect(server.address()).unwrap();
    tcp.set_read_timeout(Some(timeout)).unwrap();
    tcp
}

/// Sends `request` and returns everything until the server closes the connection.
fn exchange(server: &RoomServer, request: &str) -> String {
    let mut tcp = connect(server, SOON);
    tcp.write_all(request.as_bytes()).unwrap();
    let mut answer = vec![];
    tcp.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn get(server: &RoomServer, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    exchange(server, &request)
}

fn status_of(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

/// Paths that a page names.
fn parts(page: &str) -> Vec<&str> {
    let values = page.split('"').skip(1).step_by(2);
    values
        .filter(|value| {
            [".js", ".css", ".svg"]
                .iter()
                .any(|end| value.ends_with(end))
        })
        .collect()
}

#[test]
fn pages_need_nothing_from_elsewhere_and_are_forbidden_to() {
    let server = with_pages(true, true);
    for path in ["/", "/publish?room=studio"] {
        let page = get(&server, path);
        assert_eq!(status_of(&page), "200", "{page}");
        assert!(!parts(&page).is_empty(), "{page}");
        let parts = parts(&page).into_iter().map(|part| format!("/{part}"));
        for path in parts.chain([path.to_owned()]) {
            let answer = get(&server, &path);
            assert_eq!(status_of(&answer), "200", "{path}");
            assert!(
                answer.contains("content-security-policy: default-src 'none';"),
                "{path}: {answer}"
            );
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            let body = body.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
            assert!(
                ![
                    "src=\"http",
                    "href=\"http",
                    "url(",
                    "@import",
                    "<script>",
                    "style=\""
                ]
                .iter()
                .any(|foreign| body.contains(foreign)),
                "{path}: {body}"
            );
        }
    }
}

#[test]
fn each_page_can_be_turned_off() {
    let paths = [
        "/",
        "/status.json",
        "/publish",
        "/publisher.js",
        "/server.json",
    ];
    let expected = [
        (true, true, ["200", "200", "200", "200", "200"]),
        (true, false, ["200", "200", "404", "404", "200"]),
        (false, true, ["302", "404", "200", "200", "200"]),
        (false, false, ["200", "404", "404", "404", "404"]),
    ];
    for (status, publisher, expected) in expected {
        let server = with_pages(status, publisher);
        let seen = paths.map(|path| status_of(&get(&server, path)).to_owned());
        assert_eq!(seen, expected, "status {status}, publisher {publisher}");
    }
    let plain = RoomServer::start(Dialect::Hosted);
    assert!(get(&plain, "/").contains("connect with a websocket"));
}

#[test]
fn what_is_no_request_for_a_page_is_refused() {
    let server = with_pages(true, true);
    let long = "x".repeat(64 * 1024);
    let requests = [
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
            "405",
        ),
        ("GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n", "404"),
        (
            "GET /../Cargo.toml HTTP/1.1\r\nConnection: close\r\n\r\n",
            "404",
        ),
        ("nonsense\r\n\r\n", "400"),
        (&HANDSHAKE.replace("Version: 13", "Version: 1"), "400"),
        (&HANDSHAKE.replace("Sec-WebSocket-Key", "X"), "400"),
        (&format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n"), "431"),
    ];
    for (request, expected) in requests {
        let mut tcp = connect(&server, SOON);
        tcp.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 12];
        tcp.read_exact(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(status_of(&answer), expected, "{request:.80}");
    }
}

#[test]
fn what_comes_with_the_handshake_is_heard() {
    let server = with_pages(false, false);
    let mut tcp = connect(&server, SOON);
    let say = br#"{"request":"joinroom","roomid":"r"}"#;
    let mut request = HANDSHAKE.as_bytes().to_vec();
    // A masked text frame; the mask is zero.
    request.extend([0x81, 0x80 | say.len() as u8, 0, 0, 0, 0]);
    request.extend(say);
    tcp.write_all(&request).unwrap();
    let mut heard = String::new();
    while !heard.contains("listing") {
        let mut some = [0; 256];
        let read = tcp.read(&mut some).unwrap();
        assert!(read > 0, "{heard}");
        heard += &String::from_utf8_lossy(&some[..read]);
    }
    assert!(heard.starts_with("HTTP/1.1 101"), "{heard}");
}

#[test]
fn slow_clients_are_cut_off_and_hold_up_nobody() {
    let server = with_pages(true, true);
    let begun = [
        "",
        "GET /",
        &HANDSHAKE[..60],
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ];
    let slow = begun.map(|begun| {
        let mut tcp = connect(&server, LATE);
        tcp.write_all(begun.as_bytes()).unwrap();
        tcp
    });
    let tcp = connect(&server, SOON);
    let (mut other, _) = client(server.url(), tcp).unwrap();
    assert_eq!(status_of(&get(&server, "/status.json")), "200");
    for (mut tcp, begun) in slow.into_iter().zip(begun) {
        let end = tcp.read_to_end(&mut vec![]);
        assert!(end.is_ok(), "{begun:?}: {end:?}");
    }
    // The websocket was not meant.
    other.get_ref().set_read_timeout(Some(SOON)).unwrap();
    let join = r#"{"request":"joinroom","roomid":"r"}"#;
    other.send(join.into()).unwrap();
    let listing = other.read().unwrap();
    assert!(listing.to_text().unwrap().contains("listing"));
}

#[test]
fn the_status_follows_who_comes_and_goes() {
    let server = with_pages(true, false);
    let body = |answer: String| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    let status = || -> Value { serde_json::from_str(&body(get(&server, "/status.json"))).unwrap() };
    assert_eq!(status()["rooms"], json!([]));
    let (mut alice, _) = client(server.url(), connect(&server, SOON)).unwrap();
    for text in [
        r#"{"request":"joinroom","roomid":"2f09c9323bc91e74"}"#,
        r#"{"request":"seed","streamID":"KLvZZdTa468af"}"#,
    ] {
        alice.send(text.into()).unwrap();
    }
    let wait_for = |is_so: fn(&Value) -> bool| {
        let deadline = Instant::now() + SOON;
        loop {
            let here = status();
            assert!(!here.to_string().contains("a468af"), "{here}");
            if is_so(&here) {
                return;
            }
            assert!(Instant::now() < deadline, "{here}");
            // It is made anew ten times a second, and tells nobody.
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait_for(|here| here["rooms"][0]["people"][0]["stream"] == "KLvZZdT");
    drop(alice);
    wait_for(|here| here["rooms"] == json!([]));
}

/// The page makes text of them (`textContent`), never HTML.
#[test]
fn names_are_data_in_the_status_and_no_markup_in_the_page() {
    let server = with_pages(true, true);
    let (mut alice, _) = client(server.url(), connect(&server, SOON)).unwrap();
    let name = "</script><img src=x onerror=alert(1)>\u{1b}[2j\"\u{2028}";
    for said in [
        json!({"request": "joinroom", "roomid": name}),
        json!({"request": "seed", "streamID": name}),
        json!({"request": "seed", "streamID": "another"}),
    ] {
        alice.send(said.to_string().into()).unwrap();
    }
    while !alice.read().unwrap().to_text().unwrap().contains("alert") {}
    let answer = get(&server, "/status.json");
    assert!(
        answer.contains("content-type: application/json\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("x-content-type-options: nosniff\r\n"),
        "{answer}"
    );
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!body.contains(char::is_control), "{body}");
    let status: Value = serde_json::from_str(body).unwrap();
    assert_eq!(status["rooms"][0]["name"], name, "{status}");
    assert_eq!(status["rooms"][0]["people"][0]["stream"], name);
    for script in ["/status.js", "/publish.js", "/publisher.js", "/sources.js"] {
        let script = get(&server, script);
        for markup in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
        ] {
            assert!(!script.contains(markup), "{markup}");
        }
    }
}
