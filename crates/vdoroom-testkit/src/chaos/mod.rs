// SPDX-License-Identifier: MPL-2.0
//! A guest who sends whatever comes to mind, always the same for a seed.
//!
//! [`Chaos`] has a publisher of the usual kind that says anything on its channel, others whose
//! packets are mangled before they are encrypted, a websocket of its own, on which it speaks for everybody
//! (behind a relay anybody may); and a UDP socket that sends garbage wherever it has heard that the
//! recorder listens.
//!
//! A test calls this, on any thread. The channel, the websocket and the UDP socket have a thread each.

mod counters;
mod datagrams;
mod words;

use std::net::TcpStream;
use std::sync::{Arc, atomic::Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use async_tungstenite::tungstenite::{self, Message};

use crate::publisher::{Codec, Publisher};
use crate::server::Dialect;

use counters::{Counters, PACE};
use words::Words;

/// What a chaos publisher did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    pub socket_messages: u64,
    pub channel_messages: u64,
    pub datagrams: u64,
    pub mangled_packets: u64,
}

/// A running chaos publisher. Dropping it ends it.
pub struct Chaos {
    counters: Arc<Counters>,
    manglers: [Publisher; 2],
    threads: Vec<thread::JoinHandle<()>>,
}

impl Chaos {
    /// Joins `room` of a relay without a password as `mallory`, `trudy` and `ivan`, and knows the names
    /// of its `victims`.
    pub fn start(server: &str, room: &str, victims: &[&str], seed: u64) -> Result<Self, String> {
        let publisher = |name: &str| {
            Publisher::builder(server, room, name)
                .dialect(Dialect::Relay)
                .password(crate::Password::Off)
                .codec(Codec::Vp8)
                .frame_rate(10)
        };
        // Quiet otherwise, so that their connections last.
        let fragments = publisher("ivan").codec(Codec::H264).with_busy_frames();
        let manglers = [
            publisher("trudy").with_mangled_packets(seed).start()?,
            fragments.with_mangled_packets(seed + 1).start()?,
        ];
        let publisher = Arc::new(publisher("mallory").start()?);
        let counters = Arc::<Counters>::default();
        let words = |salt| Words::new(seed + salt, room, victims);
        let socket = {
            let (words, counters, server) = (words(1), counters.clone(), server.to_owned());
            thread::spawn(move || talk_on_socket(&server, words, &counters))
        };
        let channel = {
            let (words, counters, publisher) = (words(2), counters.clone(), publisher.clone());
            thread::spawn(move || talk_on_channel(&publisher, words, &counters))
        };
        let datagrams = {
            let (counters, publisher) = (counters.clone(), publisher.clone());
            thread::spawn(move || datagrams::throw(&publisher, seed, &counters))
        };
        Ok(Self {
            counters,
            manglers,
            threads: vec![socket, channel, datagrams],
        })
    }

    /// What the recorder, or GStreamer, did against those who send mangled packets.
    pub fn complaints(&self) -> Vec<String> {
        let complaints = self.manglers.iter().map(Publisher::complaints);
        complaints.flatten().collect()
    }

    pub fn deeds(&self) -> Deeds {
        let counters = &self.counters;
        Deeds {
            socket_messages: counters.socket_messages.load(Relaxed),
            channel_messages: counters.channel_messages.load(Relaxed),
            datagrams: counters.datagrams.load(Relaxed),
            mangled_packets: self.manglers.iter().map(Publisher::mangled_packets).sum(),
        }
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.counters.over.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn talk_on_channel(publisher: &Publisher, mut words: Words, counters: &Counters) {
    while !counters.over.load(Relaxed) {
        if words.one_in(100) {
            let log = publisher.log();
            let offers = log.iter().filter(|entry| entry.text.contains("m=video"));
            offers.for_each(|entry| words.hears(&entry.text));
        }
        // Now and then far more than a second should hold.
        let burst = if words.one_in(200) { 500 } else { 1 };
        for _ in 0..burst {
            publisher.tell_viewers_text(&words.on_channel());
            counters.channel_messages.fetch_add(1, Relaxed);
        }
        if words.one_in(1000) {
            publisher.reload_silently();
        }
        thread::sleep(PACE);
    }
}

fn talk_on_socket(address: &str, mut words: Words, counters: &Counters) {
    while !counters.over.load(Relaxed) {
        // The server hangs up on whom it cannot understand: then from the beginning.
        let _ = talk(address, &mut words, counters);
        thread::sleep(PACE);
    }
}

fn talk(url: &str, words: &mut Words, counters: &Counters) -> Result<(), tungstenite::Error> {
    let address = url.trim_start_matches("ws://");
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_millis(1)))?;
    let Ok((mut socket, _)) = tungstenite::client(url, stream) else {
        return Ok(());
    };
    while !counters.over.load(Relaxed) {
        while let Ok(Message::Text(heard)) = socket.read() {
            words.hears(heard.as_str());
        }
        socket.send(Message::text(words.on_socket()))?;
        counters.socket_messages.fetch_add(1, Relaxed);
        thread::sleep(PACE);
    }
    Ok(())
}
