// SPDX-License-Identifier: MPL-2.0
//! A connection of the crate to a publisher, and what it was told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use vdoroom_rtc::{
    Channel, Connection, Consumer, Event, Kind, Packet, Settings, Statistics, Track,
};

use super::network::Network;
use super::publisher::Publisher;

#[derive(Default)]
pub struct Heard {
    events: Vec<Event>,
    packets: Vec<(Packet, Instant)>,
}

pub struct Viewer {
    pub connection: Connection,
    heard: Arc<Mutex<Heard>>,
}

struct Ear(Arc<Mutex<Heard>>);

impl Consumer for Ear {
    fn event(&mut self, event: Event) {
        self.0.lock().unwrap().events.push(event);
    }

    fn packet(&mut self, packet: Packet) {
        let now = Instant::now();
        self.0.lock().unwrap().packets.push((packet, now));
    }
}

impl Viewer {
    /// Connects, through a network if there is one.
    pub fn of(publisher: &Publisher, settings: Settings, network: Option<&Network>) -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let connection = Connection::open(settings, Box::new(Ear(heard.clone()))).unwrap();
        let viewer = Self { connection, heard };
        viewer.connection.offer(publisher.offer());
        let mut answered = false;
        let mut told = 0;
        let started = Instant::now();
        while !viewer
            .heard()
            .has(|event| matches!(event, Event::Certificate(_)))
        {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{:?}",
                viewer.heard().events
            );
            let answer = viewer.heard().answer();
            if let Some(answer) = answer.filter(|_| !answered) {
                println!("{answer}");
                publisher.answer(&answer);
                answered = true;
            }
            if answered {
                let candidates = viewer.heard().candidates();
                for candidate in candidates.iter().skip(told) {
                    told += 1;
                    match network {
                        None => publisher.add_candidate(candidate),
                        Some(network) => {
                            if let Some(candidate) = network.lead_to(candidate) {
                                publisher.add_candidate(&candidate);
                            }
                        }
                    }
                }
            }
            while let Some(candidate) = publisher.candidate() {
                // Behind a network its addresses are others.
                if network.is_none() {
                    viewer.connection.candidate(candidate);
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        println!("connected after {:?}", started.elapsed());
        viewer
    }

    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap()
    }

    pub fn wait(&self, longest: Duration, until: impl Fn(&Heard) -> bool) {
        let started = Instant::now();
        while !until(&self.heard()) {
            assert!(started.elapsed() < longest, "{:?}", self.heard().events);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn statistics(&self, longest: Duration) -> Statistics {
        self.connection.statistics();
        self.wait(longest, |heard| heard.statistics().is_some());
        self.heard().statistics().unwrap()
    }
}

impl Heard {
    pub fn has(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }

    fn find<T>(&self, wanted: impl Fn(&Event) -> Option<T>) -> Option<T> {
        self.events.iter().find_map(wanted)
    }

    fn answer(&self) -> Option<String> {
        self.find(|event| match event {
            Event::Answer(answer) => Some(answer.clone().unwrap()),
            _ => None,
        })
    }

    pub fn candidates(&self) -> Vec<String> {
        let candidates = self.events.iter().filter_map(|event| match event {
            Event::LocalCandidate(candidate) => Some(candidate.clone()),
            _ => None,
        });
        candidates.collect()
    }

    fn statistics(&self) -> Option<Statistics> {
        self.find(|event| match event {
            Event::Statistics(statistics) => Some(statistics.as_ref().clone()),
            _ => None,
        })
    }

    pub fn channel(&self) -> Option<Channel> {
        self.find(|event| match event {
            Event::ChannelOpen { channel, .. } => Some(*channel),
            _ => None,
        })
    }

    pub fn tracks(&self) -> Vec<Track> {
        let tracks = self.events.iter().filter_map(|event| match event {
            Event::Track(track) => Some(track.clone()),
            _ => None,
        });
        tracks.collect()
    }

    pub fn track(&self, kind: &str) -> Option<Track> {
        let kind = match kind {
            "video" => Kind::Video,
            _ => Kind::Audio,
        };
        self.tracks().into_iter().find(|track| track.kind == kind)
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Packet> {
        let ssrc = self.track(kind).map(|track| track.ssrc);
        let packets = self.packets.iter().map(|(packet, _)| packet);
        packets.filter(move |packet| Some(packet.ssrc) == ssrc)
    }

    pub fn packets(&self, kind: &str) -> usize {
        self.of(kind).count()
    }

    pub fn frames(&self) -> usize {
        self.of("video").filter(|packet| packet.marker).count()
    }

    /// VP8 (RFC 7741): the first packet of a frame whose P bit is zero. Behind the descriptor with
    /// a picture ID of 15 bits.
    pub fn keyframes(&self) -> usize {
        let is_key = |packet: &&Packet| match packet.payload() {
            [0x90, 0x80, _, _, first, ..] => first & 1 == 0,
            _ => false,
        };
        self.of("video").filter(is_key).count()
    }

    pub fn assert_in_order(&self) {
        let mut last = HashMap::new();
        for (packet, _) in &self.packets {
            if let Some(last) = last.insert(packet.ssrc, packet.index) {
                assert_eq!(packet.index - last - 1, packet.lost, "{}", packet.ssrc);
            }
        }
    }

    pub fn assert_whole(&self) {
        self.assert_in_order();
        assert!(self.packets.iter().all(|(packet, _)| packet.lost == 0));
    }

    /// Between when a packet came and when it was told.
    pub fn longest_wait(&self) -> Duration {
        let waits = self
            .packets
            .iter()
            .map(|(packet, told)| *told - packet.arrival);
        waits.max().unwrap_or_default()
    }
}
