// SPDX-License-Identifier: MPL-2.0
//! Connections to publishers without GStreamer, over real sockets.

mod relayed;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Connection, addresses};
use crate::event::{Consumer, Event, Packet};
use crate::peer::Publisher;
use crate::settings::{Settings, Transport};
use crate::turn::fake_settings;

#[derive(Default)]
struct Counts {
    packets: AtomicU64,
    lost: AtomicU64,
}

struct Counter(Arc<Counts>, Sender<Event>);

impl Consumer for Counter {
    fn event(&mut self, event: Event) {
        let _ = self.1.send(event);
    }

    fn packet(&mut self, packet: Packet) {
        self.0.packets.fetch_add(1, Relaxed);
        self.0.lost.fetch_add(packet.lost, Relaxed);
    }
}

struct Stream {
    _connection: Connection,
    _events: Receiver<Event>,
    publisher: Publisher,
    socket: UdpSocket,
}

impl Stream {
    fn connect(counts: &Arc<Counts>) -> Self {
        let ip = addresses::local().unwrap()[0];
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let own = socket.local_addr().unwrap();
        let mut publisher = Publisher::new(Instant::now(), &own.to_string(), &own.to_string());
        let (tell, events) = channel();
        let consumer = Box::new(Counter(counts.clone(), tell));
        let connection = Connection::open(Settings::default(), consumer).unwrap();
        connection.offer(publisher.offer());
        connection.candidate(format!(
            "1 1 udp 2113937151 {} {} typ host",
            own.ip(),
            own.port()
        ));
        let longest = Duration::from_secs(20);
        loop {
            match events.recv_timeout(longest).unwrap() {
                Event::Answer(answer) => publisher.answer(&answer.unwrap()),
                Event::LocalCandidate(text) => {
                    let words: Vec<&str> = text.split(' ').collect();
                    let theirs = format!("{}:{}", words[4], words[5]);
                    if let Ok(theirs) = theirs.parse::<SocketAddr>()
                        && theirs.ip() == ip
                    {
                        publisher.peer = theirs;
                        let candidate = str0m::Candidate::host(theirs, "udp").unwrap();
                        publisher.rtc.add_remote_candidate(candidate);
                    }
                }
                Event::GatheringDone => break,
                _ => {}
            }
        }
        let mut stream = Self {
            _connection: connection,
            _events: events,
            publisher,
            socket,
        };
        let started = Instant::now();
        while !stream.publisher.is_ready() {
            assert!(started.elapsed() < longest, "it does not connect");
            stream.turn();
            thread::sleep(Duration::from_millis(1));
        }
        stream
    }

    fn turn(&mut self) {
        let mut datagram = [0; 2000];
        let now = Instant::now();
        while let Ok((length, _)) = self.socket.recv_from(&mut datagram) {
            self.publisher.receive(now, &datagram[..length]);
        }
        if now >= self.publisher.deadline {
            self.publisher.tick(now);
        }
        self.publisher.drive();
        for datagram in self.publisher.sent.drain(..) {
            let _ = self.socket.send_to(&datagram, self.publisher.peer);
        }
    }

    fn film(&mut self) {
        self.turn();
        if let Some(packet) = self.publisher.film() {
            let _ = self.socket.send_to(&packet, self.publisher.peer);
        }
    }
}

/// All send a packet every 10 ms.
fn film(streams: &mut [Stream], duration: Duration) {
    let end = Instant::now() + duration;
    let mut next = Instant::now();
    while next < end {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        streams.iter_mut().for_each(Stream::film);
        next += Duration::from_millis(10);
    }
}

struct Poked(Sender<thread::ThreadId>);

impl Consumer for Poked {
    fn event(&mut self, _: Event) {}

    fn packet(&mut self, _: Packet) {}

    fn poked(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

#[test]
fn a_consumer_is_poked_on_the_thread_of_all_while_nothing_comes() {
    let (tell, pokes) = channel();
    let open = || Connection::open(Settings::default(), Box::new(Poked(tell.clone()))).unwrap();
    let connections = [open(), open()];
    let on = connections.each_ref().map(|connection| {
        connection.poke();
        pokes.recv_timeout(Duration::from_secs(20)).unwrap()
    });
    assert_eq!(on[0], on[1]);
    assert_ne!(on[0], thread::current().id());
}

#[test]
fn a_server_is_found_by_its_name() {
    // The name has another address, too, on most machines, where no server listens.
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let longest = Duration::from_secs(20);
    server.set_read_timeout(Some(longest)).unwrap();
    let mut named = fake_settings(Transport::Udp);
    named.host = "localhost".into();
    named.port = server.local_addr().unwrap().port();
    let settings = Settings {
        turn: vec![named],
        relay_only: true,
        ..Settings::default()
    };
    let (tell, _events) = channel();
    let consumer = Box::new(Counter(Arc::default(), tell));
    let _connection = Connection::open(settings, consumer).unwrap();
    let mut request = [0; 2000];
    server.recv_from(&mut request).unwrap();
    assert_eq!(request[..2], [0, 3], "it is asked for an address");
}

#[test]
fn connections_share_a_thread_and_a_socket() {
    let counts = Arc::new(Counts::default());
    let mut streams: Vec<Stream> = (0..5).map(|_| Stream::connect(&counts)).collect();
    let first = streams[0].publisher.peer;
    assert!(streams.iter().all(|stream| stream.publisher.peer == first));
    film(&mut streams, Duration::from_secs(1));
    let sent_last = Instant::now();
    while counts.packets.load(Relaxed) <= 450 {
        let packets = counts.packets.load(Relaxed);
        assert!(
            sent_last.elapsed() < Duration::from_secs(20),
            "{packets} packets"
        );
        streams.iter_mut().for_each(Stream::turn);
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(counts.lost.load(Relaxed), 0);
}
