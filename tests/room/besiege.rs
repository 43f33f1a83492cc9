// SPDX-License-Identifier: MPL-2.0
//! Hostile clients of the room server, each kind from an address of its own.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use vdoroom_testkit::loopback::{begin_connecting_from, connect_from};

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A client does not wait for longer than this.
const PATIENCE: Duration = Duration::from_millis(50);
/// Connections that one kind holds.
const HELD: usize = 60;
/// Each of the four threads begins so many joins so often: a thousand a second in all.
const JOINS_AT_ONCE: usize = 5;
const JOINS_EVERY: Duration = Duration::from_millis(20);
/// Joins of one thread that may wait for the server.
const JOINS_UNDER_WAY: usize = 100;

/// What a kind does, over and over; how often it was done.
type Deed = fn(&mut Besieger) -> io::Result<u64>;

const DEEDS: [(&str, Deed); 11] = [
    ("half-open connections", half_open),
    ("slow headers", slow_headers),
    ("huge frames", huge_frames),
    ("random plays", random_plays),
    ("joins", joins),
    ("joins", joins),
    ("joins", joins),
    ("joins", joins),
    ("large messages", large_messages),
    ("pings and fragments", small_frames),
    ("page requests", page_requests),
];

pub struct Siege {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<(&'static str, u64)>>,
}

impl Siege {
    pub fn begin(server: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let besiege = |(number, (name, deed)): (u8, (&'static str, Deed))| {
            let over = over.clone();
            thread::spawn(move || {
                // Hostile clients have processors of their own elsewhere: these leave the recorder's
                // alone. On Linux this is for the thread.
                let _ = rustix::process::nice(19);
                let mut besieger = Besieger::new(server, number);
                let mut done = 0;
                while !over.load(Ordering::Relaxed) {
                    match deed(&mut besieger) {
                        Ok(times) => done += times,
                        // Refused, or cut off: it begins anew.
                        Err(_) => {
                            besieger.held.clear();
                            // A pause, so that it does not only fail.
                            thread::sleep(Duration::from_millis(5));
                        }
                    }
                }
                (name, done)
            })
        };
        let threads = (2..).zip(DEEDS).map(besiege).collect();
        Self { over, threads }
    }

    /// How often each was done.
    pub fn end(self) -> BTreeMap<&'static str, u64> {
        self.over.store(true, Ordering::Relaxed);
        let mut deeds = BTreeMap::new();
        for thread in self.threads {
            let (deed, times) = thread.join().unwrap();
            *deeds.entry(deed).or_default() += times;
        }
        deeds
    }
}

struct Besieger {
    server: SocketAddr,
    address: [u8; 4],
    held: Vec<TcpStream>,
    joining: VecDeque<Joining>,
    count: u64,
    next: Instant,
}

impl Besieger {
    fn new(server: SocketAddr, number: u8) -> Self {
        Self {
            server,
            address: [127, 0, 0, number],
            held: vec![],
            joining: VecDeque::new(),
            count: 0,
            next: Instant::now(),
        }
    }

    fn connect(&mut self) -> io::Result<TcpStream> {
        let tcp = connect_from(self.address, self.server)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        Ok(tcp)
    }

    fn websocket(&mut self) -> io::Result<TcpStream> {
        let mut tcp = self.connect()?;
        tcp.write_all(HANDSHAKE.as_bytes())?;
        let mut answer = [0; 12];
        tcp.read_exact(&mut answer)?;
        match &answer == b"HTTP/1.1 101" {
            true => Ok(tcp),
            false => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }

    /// One of some connections, each opened by `open`.
    fn one_of(
        &mut self,
        most: usize,
        open: fn(&mut Self) -> io::Result<TcpStream>,
    ) -> io::Result<TcpStream> {
        self.count += 1;
        if self.held.len() < most {
            let opened = open(self)?;
            self.held.push(opened);
        }
        self.held[self.count as usize % self.held.len()].try_clone()
    }
}

/// A frame from a client; the mask is zero.
fn frame(opcode: u8, said: usize, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![opcode];
    match said {
        0..126 => frame.push(0x80 | said as u8),
        126..0x1_0000 => {
            frame.push(0xfe);
            frame.extend((said as u16).to_be_bytes());
        }
        _ => {
            frame.push(0xff);
            frame.extend((said as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn text(text: &str) -> Vec<u8> {
    frame(0x81, text.len(), text.as_bytes())
}

fn half_open(besieger: &mut Besieger) -> io::Result<u64> {
    let mut tcp = besieger.one_of(HELD, Besieger::connect)?;
    // Those that the server has closed are replaced.
    match tcp.read(&mut [0]) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(1),
        _ => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

fn slow_headers(besieger: &mut Besieger) -> io::Result<u64> {
    let mut tcp = besieger.one_of(HELD, Besieger::connect)?;
    let at = besieger.count as usize / HELD % HANDSHAKE.len();
    tcp.write_all(&HANDSHAKE.as_bytes()[at..=at])?;
    // The pace of slow clients.
    thread::sleep(Duration::from_millis(4));
    Ok(1)
}

fn huge_frames(besieger: &mut Besieger) -> io::Result<u64> {
    let mut tcp = besieger.websocket()?;
    let sizes = [1 << 62, 1 << 40, 300 * 1024, 0];
    besieger.count += 1;
    match sizes[besieger.count as usize % sizes.len()] {
        // A message of many fragments that never ends.
        0 => {
            tcp.write_all(&frame(0x01, 1, b"x"))?;
            let more = frame(0x00, 64 * 1024, &[b'x'; 64 * 1024]);
            for _ in 0..6 {
                tcp.write_all(&more)?;
            }
        }
        size => tcp.write_all(&frame(0x81, size, &[b'x'; 1024]))?,
    }
    Ok(1)
}

fn random_plays(besieger: &mut Besieger) -> io::Result<u64> {
    let mut tcp = besieger.one_of(20, Besieger::websocket)?;
    let plays = (0..50).flat_map(|n| {
        let id = besieger.count * 50 + n;
        text(&format!(r#"{{"request":"play","streamID":"random{id}"}}"#))
    });
    tcp.write_all(&plays.collect::<Vec<u8>>())?;
    Ok(1)
}

/// Joins rooms, and leaves each as soon as it is in it. None of them is waited for: as many are
/// begun in a second as there should be.
fn joins(besieger: &mut Besieger) -> io::Result<u64> {
    // The pace of the attack.
    thread::sleep(besieger.next.saturating_duration_since(Instant::now()));
    besieger.next += JOINS_EVERY;
    for _ in 0..JOINS_AT_ONCE {
        besieger.count += 1;
        // From many addresses, since one is soon refused.
        besieger.address[2] = (besieger.count % 50) as u8;
        let mut request = HANDSHAKE.as_bytes().to_vec();
        let room = besieger.count % 100;
        request.extend(text(&format!(
            r#"{{"request":"joinroom","roomid":"hostile{room}"}}"#
        )));
        besieger.joining.push_back(Joining {
            tcp: begin_connecting_from(besieger.address, besieger.server)?,
            request,
            heard: vec![],
        });
    }
    let mut joined = 0;
    besieger
        .joining
        .retain_mut(|joining| match joining.go_on() {
            Ok(is_in) => {
                joined += u64::from(is_in);
                !is_in
            }
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        });
    // The oldest ones are given up.
    let too_many = besieger.joining.len().saturating_sub(JOINS_UNDER_WAY);
    besieger.joining.drain(..too_many);
    Ok(joined)
}

/// On its way into a room.
struct Joining {
    tcp: TcpStream,
    /// What is still to be sent.
    request: Vec<u8>,
    heard: Vec<u8>,
}

impl Joining {
    /// Whether the server has let it in.
    fn go_on(&mut self) -> io::Result<bool> {
        while !self.request.is_empty() {
            let sent = self.tcp.write(&self.request)?;
            self.request.drain(..sent);
        }
        let mut piece = [0; 4096];
        loop {
            let read = self.tcp.read(&mut piece)?;
            self.heard.extend(&piece[..read]);
            let is_listed = |window: &[u8]| window == b"\"listing\"";
            if self.heard.windows(9).any(is_listed) {
                return Ok(true);
            }
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// To each other, and none of them reads.
fn large_messages(besieger: &mut Besieger) -> io::Result<u64> {
    let mut tcp = besieger.one_of(10, |besieger| {
        let mut tcp = besieger.websocket()?;
        tcp.write_all(&text(r#"{"request":"joinroom","roomid":"large"}"#))?;
        Ok(tcp)
    })?;
    let seed = format!(r#"{{"request":"seed","streamID":"s{}"}}"#, besieger.count);
    tcp.write_all(&text(&seed))?;
    let long = "x".repeat(255 * 1024);
    tcp.write_all(&text(&format!(
        r#"{{"request":"play","streamID":"{long}"}}"#
    )))?;
    Ok(1)
}

fn small_frames(besieger: &mut Besieger) -> io::Result<u64> {
    let mut tcp = besieger.one_of(10, Besieger::websocket)?;
    let mut frames = frame(0x01, 0, b"");
    for _ in 0..200 {
        frames.extend(frame(0x00, 0, b""));
        frames.extend(frame(0x89, 1, b"x"));
    }
    frames.extend(frame(0x80, 0, b""));
    tcp.write_all(&frames)?;
    Ok(1)
}

fn page_requests(besieger: &mut Besieger) -> io::Result<u64> {
    let mut tcp = besieger.one_of(10, Besieger::connect)?;
    tcp.write_all(&b"GET /status.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20))?;
    Ok(1)
}
