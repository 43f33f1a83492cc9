// SPDX-License-Identifier: MPL-2.0
//! What each kind of bad network costs: a table in Markdown, of the frames of two guests.

use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use vdoroom_testkit::Codec;
use vdoroom_testkit::netns::Impairment;

use crate::lossy::{Guest, Outcome, frames, record};

const GUESTS: [Guest<'_>; 2] = [
    ("vp8", |guest| guest.codec(Codec::Vp8)),
    ("h264", |guest| guest.codec(Codec::H264)),
];

/// Of each guest, in each cell.
const FRAMES: u64 = 450;

#[derive(Clone, Copy)]
enum Receiver {
    Retransmission,
    NoRetransmission,
    /// As webrtcbin is by itself.
    Defaults,
    /// The other engine.
    Native,
}

/// The columns of the table.
const RECEIVERS: [(&str, Receiver); 4] = [
    ("as it is", Receiver::Retransmission),
    ("`do-retransmission=false`", Receiver::NoRetransmission),
    ("webrtcbin's defaults", Receiver::Defaults),
    ("`engine=native`", Receiver::Native),
];

impl Receiver {
    fn set(self, source: &gst::Element, latency: u32) {
        source.set_property("latency", latency);
        let engine = if matches!(self, Self::Native) {
            "native"
        } else {
            "webrtcbin"
        };
        source.set_property_from_str("engine", engine);
        match self {
            Self::Retransmission | Self::Native => {}
            Self::NoRetransmission => source.set_property("do-retransmission", false),
            Self::Defaults => {
                source.set_property("wait-for-keyframe", false);
                let bin = source.downcast_ref::<gst::Bin>().unwrap();
                bin.connect_deep_element_added(|_, _, element| {
                    keep(element, "bandwidth", 64_000f64);
                    keep(element, "rtx-next-seqnum", true);
                    keep(element, "rtx-delay", -1i32);
                    keep(element, "rtx-retry-timeout", -1i32);
                    keep(element, "replay-window-size", 128u32);
                });
            }
        }
    }
}

/// The property has this value, whoever sets another.
fn keep<T>(element: &gst::Element, property: &'static str, value: T)
where
    T: Into<glib::Value> + StaticType + PartialEq + Copy + Send + Sync + 'static,
    T: for<'a> glib::value::FromValue<'a>,
{
    if !element.has_property_with_type(property, T::static_type()) {
        return;
    }
    element.connect_notify(Some(property), move |element, _| {
        if element.property::<T>(property) != value {
            element.set_property(property, value);
        }
    });
    element.set_property(property, value);
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A wire of 50 ms there and back.
fn wire() -> Impairment {
    Impairment {
        seed: 7,
        delay: ms(25),
        ..Default::default()
    }
}

fn loss(percent: f64) -> Impairment {
    Impairment {
        loss_percent: percent,
        ..wire()
    }
}

fn wires() -> Vec<(&'static str, Impairment, u32)> {
    let far = |percent| Impairment {
        delay: ms(300),
        ..loss(percent)
    };
    let reordered = Impairment {
        reordered_percent: 10.0,
        reordered_by: ms(20),
        ..wire()
    };
    // Half of what the two send, who do not adapt to it as browsers do.
    let narrow = Impairment {
        rate: 500,
        ..wire()
    };
    let worst = Impairment {
        jitter: ms(50),
        reordered_percent: 10.0,
        reordered_by: ms(20),
        rate: 500,
        ..far(10.0)
    };
    let jitter = Impairment {
        jitter: ms(50),
        ..wire()
    };
    let unsteady = Impairment {
        jitter: ms(50),
        ..loss(5.0)
    };
    vec![
        ("nothing", wire(), 500),
        ("1 % lost", loss(1.0), 500),
        ("5 % lost", loss(5.0), 200),
        ("5 % lost", loss(5.0), 500),
        ("10 % lost", loss(10.0), 500),
        ("jitter of 50 ms", jitter, 500),
        ("5 % lost, jitter of 50 ms", unsteady, 200),
        ("5 % lost, jitter of 50 ms", unsteady, 500),
        ("every tenth packet 20 ms late", reordered, 500),
        ("300 ms each way", far(0.0), 500),
        ("300 ms each way, 5 % lost", far(5.0), 500),
        ("300 ms each way, 5 % lost", far(5.0), 1300),
        ("500 kbit/s for both", narrow, 500),
        (
            "10 % lost, jitter, reordering, 300 ms each way, 500 kbit/s",
            worst,
            500,
        ),
        (
            "10 % lost, jitter, reordering, 300 ms each way, 500 kbit/s",
            worst,
            2000,
        ),
    ]
}

fn cell(wire: Impairment, latency: u32, receiver: Receiver) -> Option<String> {
    let set = |source: &gst::Element| receiver.set(source, latency);
    let (_, recorded) = record(GUESTS, wire, set, frames(FRAMES))?;
    let mut sum = Outcome::default();
    for part in recorded.files.values().flatten() {
        sum += Outcome::of(&part.1);
    }
    let (missing, damaged, whole) = (sum.missing, sum.damaged, sum.whole_percent());
    Some(format!(
        "{} / {missing} / {damaged} ({whole:.1} %)",
        sum.sent
    ))
}

#[test]
fn what_each_kind_of_bad_network_costs() {
    let of = |name: &str| std::env::var(name).unwrap_or_default();
    let (wanted, column) = (of("VDOROOM_LOSS"), of("VDOROOM_LOSS_COLUMN"));
    let receivers = RECEIVERS
        .iter()
        .filter(|(title, _)| title.contains(&column));
    let titles: Vec<&str> = receivers.clone().map(|(title, _)| *title).collect();
    println!("| the network | `latency` | {} |", titles.join(" | "));
    println!("|---|---|{}", "---|".repeat(titles.len()));
    for (name, wire, latency) in wires()
        .into_iter()
        .filter(|(name, ..)| name.contains(&wanted))
    {
        let receivers = receivers.clone();
        let cells: Option<Vec<_>> = receivers
            .map(|(_, receiver)| cell(wire, latency, *receiver))
            .collect();
        let Some(cells) = cells else {
            return;
        };
        println!("| {name} | {latency} | {} |", cells.join(" | "));
    }
}
