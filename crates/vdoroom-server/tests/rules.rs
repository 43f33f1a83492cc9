// SPDX-License-Identifier: MPL-2.0
//! The server's rules (protocol 9.1 and 9.2), seen by clients on sockets.

mod client;

use std::{io::Read, net::TcpStream, time::Duration};

use async_tungstenite::tungstenite::{Error, Message, protocol::frame::coding::CloseCode};
use serde_json::{Value, json};
use vdoroom_server::{
    Candidates, Certificate, Closing, Dialect, LeaveNotice, RoomEvent, RoomServer, Who,
};

use client::{Client, SOON};

#[test]
fn a_newcomer_gets_the_list_and_the_others_get_the_newcomer() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut alice = Client::seeding(&server, "alice");
    let mut viewer = Client::connect(&server);
    viewer.say(json!({"request": "joinroom", "roomid": "R"}));
    let listing = viewer.expect("listing");
    assert_eq!(listing["list"][0]["streamID"], "alice");
    assert_eq!(listing.get("claim"), None);
    assert_eq!(alice.expect("someonejoined").get("streamID"), None);
    viewer.expect_nothing(&server);
}

#[test]
fn a_stream_is_announced_to_the_room_and_offered_to_who_plays_it() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut viewer = Client::joined(&server);
    let mut alice = Client::seeding(&server, "alice");
    viewer.expect("someonejoined");
    let added = viewer.expect("videoaddedtoroom");
    assert_eq!(added["streamID"], "alice");
    viewer.say(json!({"request": "play", "streamID": "alice"}));
    let request = alice.expect("offerSDP");
    alice.say(json!({"UUID": request["UUID"], "description": 1, "from": "me", "session": null}));
    let offer = viewer.read().unwrap();
    assert_eq!(
        offer,
        json!({"UUID": added["UUID"], "description": 1, "session": null})
    );
}

#[test]
fn a_stream_in_another_room_is_not_offered() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut alice = Client::seeding(&server, "alice");
    let mut outsider = Client::connect(&server);
    outsider.say(json!({"request": "play", "streamID": "alice"}));
    server
        .wait_for(SOON, |entry| entry.text.contains("play"))
        .unwrap();
    alice.expect_nothing(&server);
}

#[test]
fn a_viewer_waits_for_a_stream_without_a_room() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut viewer = Client::connect(&server);
    viewer.say(json!({"request": "play", "streamID": "solo"}));
    server
        .wait_for(SOON, |entry| entry.text.contains("play"))
        .unwrap();
    let mut solo = Client::connect(&server);
    solo.say(json!({"request": "seed", "streamID": "solo"}));
    solo.expect("offerSDP");
}

#[test]
fn a_stream_id_in_use_is_refused_unless_the_fault_allows_it() {
    let server = RoomServer::start(Dialect::Hosted);
    let _alice = Client::seeding(&server, "alice");
    server
        .wait_for(SOON, |entry| entry.text.contains("seed"))
        .unwrap();
    let mut impostor = Client::seeding(&server, "alice");
    assert_eq!(
        impostor.expect("alert")["message"],
        "Stream ID is already in use."
    );
    server.faults(|faults| faults.allow_duplicate_streams = true);
    impostor.say(json!({"request": "seed", "streamID": "alice"}));
    impostor.expect_nothing(&server);
    let mut viewer = Client::connect(&server);
    viewer.say(json!({"request": "joinroom", "roomid": "r"}));
    assert_eq!(
        viewer.expect("listing")["list"].as_array().unwrap().len(),
        2
    );
}

#[test]
fn a_director_moves_a_guest_to_another_room() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut guest = Client::seeding(&server, "alice");
    let mut director = Client::connect(&server);
    director.say(json!({"request": "joinroom", "roomid": "r", "claim": true}));
    let listing = director.expect("listing");
    assert_eq!(listing["claim"], true);
    // VDO.Ninja's page would ask a director that is named here to move the guest.
    assert_eq!(listing.get("director"), None);
    assert_eq!(guest.expect("someonejoined")["director"], true);
    let target = &listing["list"][0]["UUID"];
    director.say(json!({"request": "migrate", "target": target, "roomid": "other"}));
    assert_eq!(guest.expect("transferred")["list"], json!([]));
}

#[test]
fn malformed_messages_are_ignored() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut client = Client::joined(&server);
    for text in [
        "",
        "{",
        "[]",
        "null",
        "7",
        "{\"request\":7}",
        "{\"request\":\"unheard of\"}",
    ] {
        client.0.send(Message::text(text)).unwrap();
    }
    client.say(json!({"UUID": "nobody", "bye": true}));
    client.say(json!({"request": "joinroom", "roomid": "again"}));
    server
        .wait_for(SOON, |entry| entry.text.contains("again"))
        .unwrap();
    client.expect_nothing(&server);
}

#[test]
fn a_leave_is_told_only_if_the_switch_says_so() {
    let (sender, events) = std::sync::mpsc::channel();
    let watch = move |event: &RoomEvent| drop(sender.send(event.clone()));
    let server = RoomServer::builder().on_event(watch).start().unwrap();
    let mut viewer = Client::joined(&server);
    for notice in [
        LeaveNotice::None,
        LeaveNotice::Cleanup,
        LeaveNotice::Bye,
        LeaveNotice::Leave,
    ] {
        server.faults(|faults| faults.leave_notice = notice);
        drop(Client::joined(&server));
        let uuid = viewer.expect("someonejoined")["UUID"].clone();
        let left = |event: &RoomEvent| matches!(event, RoomEvent::Left { .. });
        while !left(&events.recv_timeout(SOON).unwrap()) {}
        let told = match notice {
            LeaveNotice::Cleanup => json!({"request": "cleanup", "UUID": uuid}),
            LeaveNotice::Bye => json!({"bye": true, "UUID": uuid}),
            LeaveNotice::Leave => json!({"type": "leave", "uuid": uuid}),
            LeaveNotice::None | LeaveNotice::Disconnect => Value::Null,
        };
        if !told.is_null() {
            assert_eq!(viewer.read().unwrap(), told);
        }
        viewer.expect_nothing(&server);
    }
}

#[test]
fn an_offer_request_is_lost_as_often_as_the_fault_says() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut alice = Client::seeding(&server, "alice");
    server.faults(|faults| faults.drop_offer_requests = 1);
    let mut viewer = Client::joined(&server);
    alice.expect("someonejoined");
    viewer.say(json!({"request": "play", "streamID": "alice"}));
    server
        .wait_for(SOON, |entry| entry.text.contains("play"))
        .unwrap();
    alice.expect_nothing(&server);
    viewer.expect("marker");
    viewer.say(json!({"request": "play", "streamID": "alice"}));
    alice.expect("offerSDP");
}

#[test]
fn a_candidate_overtakes_the_offer_if_the_fault_says_so() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut alice = Client::seeding(&server, "alice");
    let mut viewer = Client::joined(&server);
    let uuid = alice.expect("someonejoined")["UUID"].clone();
    server.faults(|faults| faults.candidates = Candidates::BeforeOffer);
    alice.say(json!({"UUID": uuid, "streamID": "alice", "description": {}}));
    alice.say(json!({"UUID": uuid, "candidates": []}));
    assert!(viewer.read().unwrap().get("candidates").is_some());
    assert!(viewer.read().unwrap().get("description").is_some());
    alice.say(json!({"UUID": uuid, "streamID": "alice", "description": {}}));
    assert!(
        viewer.read().unwrap().get("description").is_some(),
        "held for good"
    );
}

#[test]
fn increments_come_twice_if_the_fault_says_so() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut viewer = Client::joined(&server);
    server.faults(|faults| faults.duplicate_increments = true);
    let _alice = Client::seeding(&server, "alice");
    for request in [
        "someonejoined",
        "someonejoined",
        "videoaddedtoroom",
        "videoaddedtoroom",
    ] {
        viewer.expect(request);
    }
}

#[test]
fn a_server_that_never_answers_is_silent_but_connected() {
    let server = RoomServer::start(Dialect::Hosted);
    server.faults(|faults| faults.never_answer = true);
    let mut client = Client::connect(&server);
    client.say(json!({"request": "joinroom", "roomid": "r"}));
    server
        .wait_for(SOON, |entry| entry.text.contains("joinroom"))
        .unwrap();
    client.expect_nothing(&server);
}

#[test]
fn sockets_close_in_the_chosen_way() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut client = Client::joined(&server);
    server.close(Who::Everyone, Closing::Code(1013));
    match client.0.read() {
        Ok(Message::Close(Some(frame))) => assert_eq!(frame.code, CloseCode::Again),
        other => panic!("{other:?}"),
    }
    for closing in [Closing::Abort, Closing::MidMessage] {
        let mut client = Client::joined(&server);
        server.close(Who::Everyone, closing);
        assert!(
            matches!(client.0.read(), Err(Error::Protocol(_) | Error::Io(_))),
            "{closing:?}"
        );
    }
}

#[test]
fn a_handshake_can_be_ignored() {
    let server = RoomServer::start(Dialect::Hosted);
    server.faults(|faults| faults.ignore_handshakes = true);
    let mut tcp = TcpStream::connect(server.address()).unwrap();
    tcp.set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    assert!(tcp.read(&mut [0]).is_err(), "neither answered nor closed");
}

#[test]
fn an_alert_reaches_whom_it_is_meant_for() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut alice = Client::seeding(&server, "alice808d64");
    let mut viewer = Client::joined(&server);
    alice.expect("someonejoined");
    server.alert(Who::stream("alice"), "Room is full");
    assert_eq!(alice.expect("alert")["message"], "Room is full");
    viewer.expect_nothing(&server);
}

#[test]
fn a_relay_passes_messages_on_as_they_are() {
    let server = RoomServer::start(Dialect::Relay);
    let (mut a, mut b) = (Client::connect(&server), Client::connect(&server));
    a.say(json!({"request": "joinroom", "roomid": "r", "from": "a"}));
    server
        .wait_for(SOON, |entry| entry.text.contains("joinroom"))
        .unwrap();
    let join = json!({"request": "joinroom", "roomid": "r", "from": "b", "streamID": "bob"});
    b.say(join.clone());
    assert_eq!(a.read().unwrap(), join);
    a.say(json!({"request": "play", "streamID": "nobody", "from": "a"}));
    let play = json!({"request": "play", "streamID": "bob", "from": "a"});
    a.say(play.clone());
    assert_eq!(
        b.read().unwrap(),
        play,
        "only a play of its own stream reaches a client"
    );
}

#[test]
fn a_relay_knows_the_errors_of_its_kind() {
    let server = RoomServer::start(Dialect::Relay);
    let (mut a, mut b) = (Client::connect(&server), Client::connect(&server));
    a.say(json!({"request": "seed", "streamID": "s", "from": "a"}));
    server
        .wait_for(SOON, |entry| entry.text.contains("seed"))
        .unwrap();
    b.expect("seed");
    b.say(json!({"request": "seed", "streamID": "s"}));
    assert_eq!(b.read().unwrap()["error"], "missing from field");
    b.say(json!({"request": "seed", "streamID": "s", "from": "a"}));
    assert_eq!(b.read().unwrap()["error"], "uuid already in use");
    b.say(json!({"request": "seed", "streamID": "s", "from": "b"}));
    assert_eq!(b.read().unwrap()["error"], "sid already in use");
    a.say(json!({"request": "seed", "streamID": "other", "from": "a"}));
    assert_eq!(a.read().unwrap()["error"], "can't change sid");
    b.say(json!(7));
    assert_eq!(b.read().unwrap()["error"], "invalid message format");
}

#[test]
fn a_basic_relay_tells_everybody_everything() {
    let server = RoomServer::start(Dialect::BasicRelay);
    let (mut a, mut b) = (Client::connect(&server), Client::connect(&server));
    let message = json!({"anything": true});
    b.say(json!({"hello": 1}));
    assert_eq!(a.read().unwrap(), json!({"hello": 1}));
    a.say(message.clone());
    assert_eq!(b.read().unwrap(), message);
}

#[test]
fn who_watches_the_server_sees_joins_and_leaves() {
    let (sender, events) = std::sync::mpsc::channel();
    let server = RoomServer::builder()
        .on_event(move |event| drop(sender.send(event.clone())))
        .start()
        .unwrap();
    drop(Client::seeding(&server, "alice"));
    let next = || events.recv_timeout(SOON).unwrap();
    assert!(matches!(next(), RoomEvent::Joined { room, .. } if room == "r"));
    assert!(matches!(next(), RoomEvent::Seeded { stream_id, .. } if stream_id == "alice"));
    assert!(matches!(next(), RoomEvent::Left { stream_id: Some(id), .. } if id == "alice"));
}

#[test]
fn a_stopped_server_leaves_no_open_port() {
    let server = RoomServer::builder()
        .certificate(Certificate::loopback())
        .start()
        .unwrap();
    assert!(server.url().starts_with("wss://127.0.0.1:"));
    let address = server.address();
    server.stop();
    assert!(TcpStream::connect(address).is_err());
}
