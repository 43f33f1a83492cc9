// SPDX-License-Identifier: MPL-2.0
//! What connections are told to do.

use std::time::Duration;

use super::demux::Id;
use crate::event::{Channel, Consumer};
use crate::settings::Settings;

pub(crate) struct Command {
    pub id: Id,
    pub what: What,
}

pub(crate) enum What {
    Open {
        settings: Settings,
        consumer: Box<dyn Consumer>,
    },
    Offer(String),
    Candidate(String),
    Send(Channel, String),
    RequestKeyframe(u32),
    SetLatency(Duration),
    Statistics,
    Poke,
    Close,
}
