// SPDX-License-Identifier: MPL-2.0
//! Who may connect: so many in all, so many of one address, and so many of it a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::{allowance::Bucket, network::Network, numbers::Limits};

/// Both the loop that accepts and every ticket know it.
pub type SharedGate = Arc<Mutex<Gate>>;

pub struct Gate {
    limits: Limits,
    open: usize,
    addresses: HashMap<Network, Address>,
}

struct Address {
    open: usize,
    rate: Bucket,
}

/// A place among the connections; dropping it gives the place back.
pub struct Ticket {
    gate: SharedGate,
    network: Network,
}

fn lock(gate: &SharedGate) -> MutexGuard<'_, Gate> {
    gate.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    pub fn new(limits: Limits) -> SharedGate {
        Arc::new(Mutex::new(Self {
            limits,
            open: 0,
            addresses: HashMap::new(),
        }))
    }

    /// Lets a connection in; nothing if there are too many.
    pub fn admit(gate: &SharedGate, network: Network, now: Instant) -> Option<Ticket> {
        lock(gate).enter(network, now).then(|| Ticket {
            gate: gate.clone(),
            network,
        })
    }

    fn enter(&mut self, network: Network, now: Instant) -> bool {
        let limits = self.limits;
        if self.open >= limits.connections {
            return false;
        }
        if self.addresses.len() >= 2 * limits.connections {
            self.forget(now);
        }
        let address = self.addresses.entry(network).or_insert_with(|| Address {
            open: 0,
            rate: Bucket::of_new_connections(&limits, now),
        });
        if address.open >= limits.connections_per_address || !address.rate.debt(now).is_zero() {
            return false;
        }
        address.rate.take(1, now);
        address.open += 1;
        self.open += 1;
        true
    }

    /// Forgets addresses that are not connected. Those whose rate is still to be remembered stay
    /// while there is room for them.
    fn forget(&mut self, now: Instant) {
        self.addresses
            .retain(|_, address| address.open > 0 || !address.rate.is_full(now));
        if self.addresses.len() >= 2 * self.limits.connections {
            self.addresses.retain(|_, address| address.open > 0);
        }
    }
}

impl Ticket {
    pub fn network(&self) -> Network {
        self.network
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut gate = lock(&self.gate);
        gate.open -= 1;
        if let Some(address) = gate.addresses.get_mut(&self.network) {
            address.open -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Duration};

    use super::*;

    fn network(n: u32) -> Network {
        IpAddr::from(n.to_be_bytes()).into()
    }

    fn limits() -> Limits {
        Limits {
            connections: 30,
            connections_per_address: 25,
            ..Limits::default()
        }
    }

    #[test]
    fn no_more_connect_than_there_is_room_for() {
        let (gate, now) = (Gate::new(limits()), Instant::now());
        let admit = |n| Gate::admit(&gate, network(n), now);
        let mut tickets: Vec<_> = (0..25).map(|_| admit(1).unwrap()).collect();
        assert!(admit(1).is_none(), "too many of one address");
        tickets.extend((0..5).map(|_| admit(2).unwrap()));
        assert!(admit(3).is_none(), "too many in all");
        tickets.truncate(20);
        assert!(admit(3).is_some());
    }

    #[test]
    fn who_connects_too_often_waits() {
        let (gate, now) = (Gate::new(limits()), Instant::now());
        for _ in 0..25 {
            drop(Gate::admit(&gate, network(1), now).unwrap());
        }
        drop(Gate::admit(&gate, network(1), now));
        assert!(Gate::admit(&gate, network(1), now).is_none());
        assert!(Gate::admit(&gate, network(2), now).is_some(), "another one");
        let later = now + Duration::from_secs(1);
        assert!(Gate::admit(&gate, network(1), later).is_some());
    }

    #[test]
    fn addresses_that_left_are_forgotten() {
        let (gate, now) = (Gate::new(limits()), Instant::now());
        let _stays = Gate::admit(&gate, network(0), now).unwrap();
        for n in 1..10_000 {
            drop(Gate::admit(&gate, network(n), now).unwrap());
        }
        assert!(lock(&gate).addresses.len() <= 60);
        assert_eq!(lock(&gate).open, 1);
    }
}
