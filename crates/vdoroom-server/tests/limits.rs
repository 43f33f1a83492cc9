// SPDX-License-Identifier: MPL-2.0
//! What clients may cost the server (`src/limits`), seen by clients on sockets.

// The tests of the rules use more of it.
#[allow(dead_code)]
mod client;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    time::{Duration, Instant},
};

use async_tungstenite::tungstenite::{Error, Message};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::json;
use vdoroom_server::{Dialect, Limits, RoomEvent, RoomServer};

use client::{Client, SOON};

/// A connection from another address of this machine: all of 127.0.0.0/8 is loopback.
fn from(address: [u8; 4], server: &RoomServer) -> TcpStream {
    let tcp = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&tcp, &SocketAddr::from((address, 0))).unwrap();
    connect(&tcp, &server.address()).unwrap();
    tcp.into()
}

fn with(limits: Limits) -> RoomServer {
    RoomServer::builder().limits(limits).start().unwrap()
}

/// Whether the server closes it without a word.
fn is_refused(mut tcp: TcpStream) -> bool {
    tcp.set_read_timeout(Some(SOON)).unwrap();
    // What is written to a closed connection may be an error too.
    let _ = tcp.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut answer = vec![];
    let _ = tcp.read_to_end(&mut answer);
    answer.is_empty()
}

#[test]
fn who_takes_all_connections_of_an_address_keeps_nothing_from_others() {
    let server = with(Limits {
        connections: 12,
        connections_per_address: 10,
        ..Limits::default()
    });
    let mut idle: Vec<_> = (0..10).map(|_| from([127, 0, 0, 2], &server)).collect();
    assert!(is_refused(from([127, 0, 0, 2], &server)));
    let mut honest = Client::joined(&server);
    let _last = Client::over(from([127, 0, 0, 3], &server), &server);
    assert!(is_refused(from([127, 0, 0, 4], &server)), "too many in all");
    honest.say(json!({"request": "seed", "streamID": "alice"}));
    idle.clear();
    let deadline = Instant::now() + SOON;
    while is_refused(from([127, 0, 0, 4], &server)) {
        assert!(Instant::now() < deadline, "places are given back");
    }
}

#[test]
fn a_slow_reader_is_cut_off_and_its_stream_id_is_free_while_others_are_served() {
    let (sender, events) = mpsc::channel();
    let watch = move |event: &RoomEvent| drop(sender.send(event.clone()));
    let server = RoomServer::builder().on_event(watch).start().unwrap();
    // It joins, publishes, and never reads again.
    let mut slow = Client::seeding(&server, "alice");
    let mut talkers: Vec<_> = (0..4).map(|_| Client::joined(&server)).collect();
    let listed = {
        let mut client = Client::connect(&server);
        client.say(json!({"request": "joinroom", "roomid": "r"}));
        client.expect("listing")["list"][0].clone()
    };
    assert_eq!(listed["streamID"], "alice");
    let mut honest = Client::connect(&server);
    honest.say(json!({"request": "joinroom", "roomid": "quiet"}));
    honest.expect("listing");
    let message = json!({"UUID": listed["UUID"], "text": "x".repeat(200_000)}).to_string();
    let left = |event: &RoomEvent| {
        matches!(
            event,
            RoomEvent::Left {
                stream_id: Some(_),
                ..
            }
        )
    };
    let deadline = Instant::now() + 4 * SOON;
    let mut is_cut = false;
    while !is_cut {
        assert!(Instant::now() < deadline, "it is still there");
        for talker in &mut talkers {
            talker.0.send(Message::text(message.clone())).unwrap();
        }
        let asked = Instant::now();
        honest.say(json!({"request": "migrate"}));
        honest.say(json!({"request": "seed", "streamID": "bob"}));
        honest.say(json!({"request": "seed", "streamID": "carol"}));
        honest.expect("alert");
        assert!(asked.elapsed() < SOON, "others wait for it");
        is_cut = events.try_iter().any(|event| left(&event));
    }
    // Its stream ID can be taken again at once.
    let mut again = Client::connect(&server);
    again.say(json!({"request": "seed", "streamID": "alice"}));
    again.say(json!({"request": "seed", "streamID": "another"}));
    let answer = again.expect("alert");
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("cannot change"),
        "{answer}"
    );
    let end = loop {
        match slow.0.read() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        !matches!(end, Error::Io(ref e) if e.kind() == std::io::ErrorKind::WouldBlock),
        "{end}"
    );
}

#[test]
fn who_says_too_much_waits_and_others_do_not() {
    let server = with(Limits {
        messages: 10,
        ..Limits::default()
    });
    let mut loud = Client::joined(&server);
    let mut honest = Client::connect(&server);
    // Two seconds' worth of a new client may come at once; a listing has cost something too.
    for _ in 0..40 {
        loud.say(json!({"request": "play", "streamID": "nothing"}));
    }
    let begun = Instant::now();
    loud.say(json!({"request": "joinroom", "roomid": "r"}));
    loud.say(json!({"request": "seed", "streamID": "a"}));
    loud.say(json!({"request": "seed", "streamID": "b"}));
    honest.say(json!({"request": "joinroom", "roomid": "quiet"}));
    honest.expect("listing");
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    loud.0.get_ref().set_read_timeout(Some(2 * SOON)).unwrap();
    loud.expect("alert");
    let waited = begun.elapsed();
    assert!(
        waited > Duration::from_secs(1),
        "it was heard after {waited:?}"
    );
}

#[test]
fn a_room_too_many_and_a_full_one_are_told() {
    for (dialect, field) in [(Dialect::Hosted, "message"), (Dialect::Relay, "error")] {
        let limits = Limits {
            rooms_per_address: 2,
            members_per_room: 2,
            ..Limits::default()
        };
        let server = RoomServer::builder().dialect(dialect).limits(limits);
        let server = server.start().unwrap();
        let mut members = vec![];
        let mut join = |room: &str, from: u32| {
            let mut client = Client::connect(&server);
            let from = from.to_string();
            client.say(json!({"request": "joinroom", "roomid": room, "from": from}));
            // A relay says nothing to who joins; both tell the wrong one at once.
            client.say(json!({"request": "seed", "streamID": from, "from": from}));
            client.say(json!({"request": "seed", "streamID": "another", "from": from}));
            let mut said = client.read().unwrap();
            while said["request"] == "listing" {
                said = client.read().unwrap();
            }
            members.push(client);
            said[field].as_str().unwrap_or_default().to_owned()
        };
        join("a", 1);
        join("a", 2);
        assert_eq!(join("a", 3), "The room is full.");
        join("b", 4);
        assert!(join("c", 5).contains("busy"));
    }
}

#[test]
fn random_wishes_and_early_leavers_leave_nothing_behind() {
    let (sender, events) = mpsc::channel();
    let watch = move |event: &RoomEvent| drop(sender.send(event.clone()));
    let server = RoomServer::builder().on_event(watch).start().unwrap();
    for n in 0..50 {
        let mut client = Client::connect(&server);
        client.say(json!({"request": "play", "streamID": format!("random{n}")}));
        client.say(json!({"request": "joinroom", "roomid": format!("room{n}")}));
        client.expect("listing");
    }
    let left = |event: RoomEvent| matches!(event, RoomEvent::Left { .. });
    for _ in 0..50 {
        while !left(events.recv_timeout(SOON).unwrap()) {}
    }
    let mut seeder = Client::connect(&server);
    seeder.say(json!({"request": "seed", "streamID": "random7"}));
    seeder.say(json!({"request": "seed", "streamID": "another"}));
    seeder.expect("alert");
}

/// A program can end with an error then, instead of looking healthy.
#[test]
fn the_end_of_the_loop_is_told() {
    let (sender, ended) = mpsc::channel();
    let server = RoomServer::builder()
        .on_event(|_| panic!("as a fault of the server would"))
        .on_end(move || sender.send(()).unwrap())
        .start()
        .unwrap();
    let mut client = Client::connect(&server);
    client.say(json!({"request": "joinroom", "roomid": "r"}));
    ended.recv_timeout(SOON).unwrap();
    assert!(client.read().is_err());
}
