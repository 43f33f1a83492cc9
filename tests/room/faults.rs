// SPDX-License-Identifier: MPL-2.0
//! A room server that does things in another order, twice, or not at all.

use std::time::Duration;

use vdoroom_testkit::server::Candidates;
use vdoroom_testkit::{Closing, Codec, Dialect, Faults, Flavour, Publisher, RoomServer, Who};

use crate::recording::{DEADLINE, Recording};

const FRAMES: u64 = 45;

/// Alice is recorded whole, in one part, by a server with these faults.
fn records_in_spite_of(faults: impl FnOnce(&mut Faults)) {
    let server = RoomServer::start(Dialect::Hosted);
    server.faults(faults);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .start()
        .unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    recording.finish_complete(&[("alice", &alice)]);
    assert_eq!(alice.complaints(), Vec::<String>::new());
}

#[test]
fn candidates_that_overtake_their_offer_are_kept_for_it() {
    records_in_spite_of(|faults| faults.candidates = Candidates::BeforeOffer);
}

#[test]
fn candidates_that_come_late_still_count() {
    let delay = Duration::from_millis(700);
    records_in_spite_of(|faults| faults.candidates = Candidates::DelayedBy(delay));
}

#[test]
fn a_guest_that_hides_its_addresses_is_recorded() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .with_hidden_addresses()
        .start()
        .unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    recording.finish_complete(&[("alice", &alice)]);
    assert_eq!(alice.complaints(), Vec::<String>::new());
}

#[test]
fn who_is_announced_twice_is_recorded_once() {
    records_in_spite_of(|faults| faults.duplicate_increments = true);
}

#[test]
fn a_request_that_gets_lost_is_repeated() {
    records_in_spite_of(|faults| faults.drop_offer_requests = 1);
}

#[test]
fn media_goes_on_while_the_room_server_is_gone() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .start()
        .unwrap();
    recording.wait_for_frames(&["alice"], FRAMES);
    server.close(Who::Viewers, Closing::MidMessage);
    recording.wait("the way back", |r| {
        let stats = r.stats();
        stats.get::<u32>("reconnects") == Ok(1) && stats.get("state") == Ok("joined")
    });
    let then = recording.frames("alice");
    recording.wait_for_frames(&["alice"], then + FRAMES);
    let warned = std::mem::take(&mut recording.complaints);
    assert_eq!(warned.len(), 1, "{warned:?}");
    recording.finish_complete(&[("alice", &alice)]);
    // There was one connection, and it has ended.
    alice.wait_for_no_viewer(DEADLINE).unwrap();
}

#[test]
fn two_of_each_kind_at_once() {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let kinds = [
        ("browser", Flavour::Browser, Codec::Vp8),
        ("sdk", Flavour::Sdk, Codec::H264),
        ("raspberry", Flavour::Raspberry, Codec::Vp8),
        ("obs", Flavour::Obs, Codec::H264),
    ];
    let people: Vec<(String, Publisher)> = kinds
        .iter()
        .flat_map(|kind| [(1, kind), (2, kind)])
        .map(|(number, (name, flavour, codec))| {
            let name = format!("{name}{number}");
            // Eight encoders share the processor.
            let builder = Publisher::builder(server.url(), "r", &name).frame_rate(10);
            let person = builder.flavour(*flavour).codec(*codec).start().unwrap();
            (name, person)
        })
        .collect();
    let names: Vec<&str> = people.iter().map(|(name, _)| name.as_str()).collect();
    recording.wait_for_frames(&names, 30);
    let sent = people.iter().map(|(name, person)| (name.as_str(), person));
    recording.finish_complete(&sent.collect::<Vec<_>>());
    for (name, person) in &people {
        assert_eq!(person.complaints(), Vec::<String>::new(), "{name}");
    }
}
