// SPDX-License-Identifier: MPL-2.0
//! What takes minutes or hours. Run by hand: `scripts/test-long`.

// The tests of the recorder use more of these than those here.
#[allow(dead_code)]
#[path = "../recorder/media.rs"]
mod media;
#[allow(dead_code)]
#[path = "../recorder/room.rs"]
mod room;

#[path = "../recorder/export_drift.rs"]
mod export_drift;
#[allow(dead_code)]
#[path = "../recorder/exporting.rs"]
mod exporting;
mod length;
#[path = "../recorder/long_run.rs"]
mod long_run;
mod readers;
mod soak;
mod static_application;
mod time;
#[path = "../recorder/timeline.rs"]
mod timeline;
mod webrtcsrc;

#[allow(dead_code)]
#[path = "../recorder/web.rs"]
mod web;

#[path = "../recorder/child.rs"]
mod child;
#[path = "../recorder/crash.rs"]
mod crash;
mod files;
#[path = "../recorder/power.rs"]
mod power;
#[path = "../recorder/strace.rs"]
mod strace;

mod loss_table;
#[allow(dead_code)]
#[path = "../network/lossy.rs"]
mod lossy;
#[allow(dead_code)]
#[path = "../network/scene.rs"]
mod scene;

#[path = "../room/besiege.rs"]
mod besiege;
#[path = "../room/chaos.rs"]
mod chaos;
#[path = "../room/crowd.rs"]
mod crowd;
#[path = "../room/leaks.rs"]
mod leaks;
#[path = "../room/network.rs"]
mod network;
#[allow(dead_code)]
#[path = "../room/recording.rs"]
mod recording;
#[allow(dead_code)]
#[path = "../room/server.rs"]
mod server;
#[path = "../room/shards.rs"]
mod shards;
#[path = "../room/siege.rs"]
mod siege;

/// How long a hostile guest has.
const CHAOS: std::time::Duration = std::time::Duration::from_secs(600);

/// How many people shards divide among themselves.
const GUESTS: usize = 24;

/// How often guests join, and leave.
const JOINS: usize = 500;

/// Who is connected to a room server that is to keep its size.
const CROWD: crowd::Crowd = crowd::Crowd {
    idle: 2000,
    talking: 300,
    time: std::time::Duration::from_secs(300),
};

/// How long a recording is whose exports are looked at from end to end.
const EXPORT_SECONDS: u64 = 600;

/// How often recorders are killed.
const KILLS: usize = 20;

/// How long hostile clients have at the room server.
const SIEGE: std::time::Duration = std::time::Duration::from_secs(600);

/// How long the network is lost, and in how many parts that leaves a recording.
const OUTAGE: (std::time::Duration, usize) = (std::time::Duration::from_secs(60), 2);
