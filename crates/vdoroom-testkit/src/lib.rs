// SPDX-License-Identifier: MPL-2.0
//! Publishers and media checks for the tests and examples, and the room server with its faults.

mod chance;
pub mod chaos;
pub mod check;
pub mod chromium;
pub mod corpus;
pub mod folder;
pub mod holdings;
pub mod launch;
pub mod loopback;
pub mod manifest;
pub mod manual;
pub mod netns;
pub mod own_network;
pub mod pattern;
pub mod publisher;
pub mod require;
pub mod secret;
pub mod turn;
pub mod wait;

pub use chaos::Chaos;
pub use chromium::{Browser, Chromium};
pub use folder::Folder;
pub use holdings::Holdings;
pub use launch::Launch;
pub use netns::Internet;
pub use publisher::{AudioCodec, Codec, Flavour, Publisher, PublisherBuilder};
pub use require::{by_webrtcbin, is_native};
pub use secret::{Password, Secret};
pub use turn::TurnServer;
pub use vdoroom_recordings::timeline;
pub use vdoroom_server as server;
pub use vdoroom_server::{
    Closing, Dialect, Faults, LeaveNotice, RoomServer, Who, log, open_files, printable,
};
