// SPDX-License-Identifier: MPL-2.0
//! Rooms that are recorded: a room server, publishers, and the two elements between them.
//! What comes out is played back.

mod api;
mod applications;
mod besiege;
mod browser;
mod changes;
mod chaos;
mod claims;
mod codecs;
mod consumers;
mod crash;
mod crowd;
mod directions;
mod encrypted;
mod engines;
mod failures;
mod faults;
mod firefox;
mod flavours;
mod forgotten;
mod handlers;
mod identity;
mod kubernetes;
mod languages;
mod launch;
mod layers;
mod leaks;
mod lifecycle;
mod limits;
mod many;
mod metrics;
mod names;
mod network;
mod pace;
mod padding;
mod pads;
mod pages;
mod pauses;
mod players;
mod recording;
mod recovery;
mod rejoin;
mod reordered;
mod scripts;
mod secrets;
mod selection;
mod server;
mod shards;
mod siege;
mod splits;
mod states;
mod terminal;
mod time;
mod told;
mod tracks;
mod unwanted;
mod uploads;

/// How long a hostile guest has.
const CHAOS: std::time::Duration = std::time::Duration::from_secs(20);

/// How many people shards divide among themselves.
const GUESTS: usize = 9;

/// How often guests join, and leave.
const JOINS: usize = 140;

/// Who is connected to a room server that is to keep its size.
const CROWD: crowd::Crowd = crowd::Crowd {
    idle: 300,
    talking: 50,
    time: std::time::Duration::from_secs(8),
};

/// How long hostile clients have at the room server.
const SIEGE: std::time::Duration = std::time::Duration::from_secs(12);

/// How long the network is lost, and in how many parts that leaves a recording.
const OUTAGE: (std::time::Duration, usize) = (std::time::Duration::from_secs(5), 1);
