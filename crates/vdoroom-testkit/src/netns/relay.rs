// SPDX-License-Identifier: MPL-2.0
//! A wire that is as bad as its [`Impairment`] says: two TUN devices, one at each end, and a thread
//! that carries packets between them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use smol::channel::{Receiver, Sender, bounded};
use smol::future::{or, pending};
use smol::{Timer, block_on};
use tun_rs::{AsyncDevice, DeviceBuilder};

use super::impairment::{Impairment, Line};
use super::namespace::{enter, ip};
use super::network::{Family, Network, address};

/// Longer than any packet on an Ethernet.
const LONGEST_PACKET: usize = 2048;

/// Ends with it.
pub struct Relay {
    impairment: Arc<Mutex<Impairment>>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

/// When it arrives, which one it is, to which end it goes, and what it is.
type Packet = Reverse<(Instant, u64, usize, Vec<u8>)>;

impl Relay {
    pub(super) fn start(
        host: &str,
        router: &str,
        name: &str,
        network: Network,
        impairment: Impairment,
    ) -> Self {
        let name = &name.chars().take(12).collect::<String>();
        let up = device(host, "wan");
        let down = device(router, name);
        address(router, name, network, 1, Family::Ipv4);
        address(host, "wan", network, 2, Family::Ipv4);
        ip(host, &format!("route add default via {}", network.v4(1)));
        let impairment = Arc::new(Mutex::new(impairment));
        let (stop, stopped) = bounded(1);
        let shared = impairment.clone();
        let run = move || block_on(or(carry([up, down], shared), stop_of(stopped)));
        let thread = Builder::new().name("bad wire".into()).spawn(run).unwrap();
        Self {
            impairment,
            stop,
            thread: Some(thread),
        }
    }

    /// Holds for the packets that come from now on.
    pub fn set(&self, impairment: Impairment) {
        *self
            .impairment
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = impairment;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn device(namespace: &str, name: &str) -> AsyncDevice {
    enter(namespace, || {
        let device = DeviceBuilder::new().name(name).enable(false);
        device.build_async().unwrap()
    })
}

async fn stop_of(stopped: Receiver<()>) {
    // Closed, since nothing is ever sent.
    let _ = stopped.recv().await;
}

async fn carry(ends: [AsyncDevice; 2], impairment: Arc<Mutex<Impairment>>) {
    let seed = impairment
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .seed;
    let mut lines = [Line::new(seed), Line::new(!seed)];
    let mut waiting = BinaryHeap::<Packet>::new();
    let mut buffers = [[0; LONGEST_PACKET]; 2];
    let mut count = 0;
    loop {
        let [first, second] = &mut buffers;
        let from_first = async { (0, ends[0].recv(first).await) };
        let from_second = async { (1, ends[1].recv(second).await) };
        let next = waiting.peek().map(|Reverse((at, ..))| *at);
        let due = async {
            match next {
                Some(at) => Timer::at(at).await,
                None => pending().await,
            };
            None
        };
        let came = async { Some(or(from_first, from_second).await) };
        match or(due, came).await {
            None => {
                if let Some(Reverse((_, _, to, packet))) = waiting.pop() {
                    // An end that is down takes nothing, as a cable would.
                    let _ = ends[to].send(&packet).await;
                }
            }
            Some((from, Ok(length))) => {
                let how = *impairment.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(at) = lines[from].carry(Instant::now(), length, &how) {
                    count += 1;
                    let packet = buffers[from][..length].to_vec();
                    waiting.push(Reverse((at, count, 1 - from, packet)));
                }
            }
            // The device has gone with its namespace.
            Some((_, Err(_))) => return,
        }
    }
}
