// SPDX-License-Identifier: MPL-2.0
//! Rooms whose members are apart: behind NATs, over TURN, over bad wires. The machines are network
//! namespaces; where those are not allowed, each test is skipped, or fails (`require`).

// Other tests use more of it.
#[allow(dead_code)]
#[path = "../room/recording.rs"]
mod recording;

mod addresses;
mod candidates;
mod failures;
mod families;
mod kit;
mod loss;
mod lossy;
mod pace;
mod ports;
mod quality;
mod recovery;
mod recovery_browser;
mod scene;
mod servers;
mod states;
mod turn;
