// SPDX-License-Identifier: MPL-2.0
//! A network between a publisher and us that loses and delays packets of media.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Of packets of media that the publisher sends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Impairment {
    /// So many of a hundred.
    pub loses: u64,
    /// So many of a hundred come later.
    pub delays: u64,
    pub by: Duration,
}

#[derive(Default)]
struct Shared {
    ours: Mutex<Option<SocketAddr>>,
    publisher: Mutex<Option<SocketAddr>>,
    lost: AtomicU64,
    delayed: AtomicU64,
    ends: AtomicBool,
}

pub struct Network {
    shared: Arc<Shared>,
    front: SocketAddr,
}

impl Network {
    pub fn start(impairment: Impairment) -> Self {
        let ip = address();
        let front = UdpSocket::bind((ip, 0)).unwrap();
        let back = UdpSocket::bind((ip, 0)).unwrap();
        let shared = Arc::new(Shared::default());
        let network = Self {
            shared: shared.clone(),
            front: front.local_addr().unwrap(),
        };
        for socket in [&front, &back] {
            socket
                .set_read_timeout(Some(Duration::from_millis(200)))
                .unwrap();
        }
        let (from, to) = (front.try_clone().unwrap(), back.try_clone().unwrap());
        let of = shared.clone();
        thread::spawn(move || to_us(&from, &to, impairment, &of));
        thread::spawn(move || to_publisher(&back, &front, &shared));
        network
    }

    /// The candidate by which the publisher reaches one of ours through this; `None` if it is of
    /// another address.
    pub fn lead_to(&self, candidate: &str) -> Option<String> {
        let words: Vec<&str> = candidate.split(' ').collect();
        let ours = SocketAddr::new(words[4].parse().unwrap(), words[5].parse().unwrap());
        if ours.ip() != self.front.ip() {
            return None;
        }
        *self.shared.ours.lock().unwrap() = Some(ours);
        let port = self.front.port();
        Some(candidate.replace(words[5], &port.to_string()))
    }

    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Relaxed)
    }

    pub fn delayed(&self) -> u64 {
        self.shared.delayed.load(Relaxed)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.shared.ends.store(true, Relaxed);
    }
}

fn to_us(from: &UdpSocket, to: &UdpSocket, impairment: Impairment, shared: &Arc<Shared>) {
    let mut datagram = [0; 2000];
    // The same in each run.
    let mut chance = 1_u64;
    while !shared.ends.load(Relaxed) {
        let Ok((length, source)) = from.recv_from(&mut datagram) else {
            continue;
        };
        *shared.publisher.lock().unwrap() = Some(source);
        let Some(ours) = *shared.ours.lock().unwrap() else {
            continue;
        };
        let datagram = &datagram[..length];
        let is_media = (128..192).contains(&datagram[0]) && !(192..224).contains(&datagram[1]);
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let hit = |of_hundred: u64| is_media && (chance >> 33) % 100 < of_hundred;
        if hit(impairment.loses) {
            shared.lost.fetch_add(1, Relaxed);
        } else if hit(impairment.delays) {
            shared.delayed.fetch_add(1, Relaxed);
            let (to, datagram) = (to.try_clone().unwrap(), datagram.to_vec());
            thread::spawn(move || {
                thread::sleep(impairment.by);
                let _ = to.send_to(&datagram, ours);
            });
        } else {
            let _ = to.send_to(datagram, ours);
        }
    }
}

fn to_publisher(from: &UdpSocket, to: &UdpSocket, shared: &Shared) {
    let mut datagram = [0; 2000];
    while !shared.ends.load(Relaxed) {
        if let Ok((length, _)) = from.recv_from(&mut datagram)
            && let Some(publisher) = *shared.publisher.lock().unwrap()
        {
            let _ = to.send_to(&datagram[..length], publisher);
        }
    }
}

/// Of this machine, as others see it: libnice answers no checks from a loopback address.
pub fn address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent by that.
    match socket.connect("198.51.100.1:9") {
        Ok(()) => socket.local_addr().unwrap().ip(),
        Err(_) => [127, 0, 0, 1].into(),
    }
}
