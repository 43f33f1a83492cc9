// SPDX-License-Identifier: MPL-2.0
//! Addresses of names. The system answers when it likes, so each name is asked for on a thread of
//! its own, which ends with the answer.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use mio::Waker;

use super::demux::Id;

/// Names that are asked for at once. All connections have the same few servers.
const MAX_ASKED: usize = 16;

/// A name, and its addresses.
type Answer = (String, Vec<IpAddr>);

pub(crate) struct Names {
    /// Who wants to know it. Those of which `is_asked` is false wait for others.
    wanted: HashMap<String, Wanted>,
    asked: usize,
    answer: Sender<Answer>,
    answers: Receiver<Answer>,
    waker: Arc<Waker>,
    resolve: fn(&str) -> Vec<IpAddr>,
}

#[derive(Default)]
struct Wanted {
    by: Vec<Id>,
    is_asked: bool,
}

impl Names {
    /// Wakes the thread that reads the answers when there is one.
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        let (answer, answers) = channel();
        Self {
            wanted: HashMap::new(),
            asked: 0,
            answer,
            answers,
            waker,
            resolve,
        }
    }

    pub(crate) fn ask(&mut self, id: Id, name: String) {
        self.wanted.entry(name).or_default().by.push(id);
        self.ask_more();
    }

    fn ask_more(&mut self) {
        for (name, wanted) in self.wanted.iter_mut().filter(|(_, one)| !one.is_asked) {
            if self.asked >= MAX_ASKED {
                return;
            }
            wanted.is_asked = true;
            self.asked += 1;
            let (answer, waker, resolve) = (self.answer.clone(), self.waker.clone(), self.resolve);
            let asked = name.clone();
            let thread = thread::Builder::new().name("vdoroom:name".into());
            let started = thread.spawn(move || {
                let addresses = resolve(&asked);
                // Who has asked may be gone.
                let _ = answer.send((asked, addresses));
                let _ = waker.wake();
            });
            if started.is_err() {
                // The system has no thread left, so this is the answer.
                let _ = self.answer.send((name.clone(), Vec::new()));
                let _ = self.waker.wake();
            }
        }
    }

    /// The answers that have come, for each who has asked.
    pub(crate) fn answers(&mut self) -> Vec<(Id, String, Vec<IpAddr>)> {
        let mut told = Vec::new();
        while let Ok((name, addresses)) = self.answers.try_recv() {
            self.asked = self.asked.saturating_sub(1);
            let wanted = self.wanted.remove(&name).unwrap_or_default();
            let each = wanted.by.into_iter();
            told.extend(each.map(|id| (id, name.clone(), addresses.clone())));
        }
        if !told.is_empty() {
            self.ask_more();
        }
        told
    }
}

/// Takes as long as the system does.
fn resolve(name: &str) -> Vec<IpAddr> {
    let found = (name, 0).to_socket_addrs();
    let found = found.into_iter().flatten();
    found.map(|address| address.ip()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Poll, Token};

    use super::*;

    struct Scene {
        poll: Poll,
        names: Names,
    }

    impl Scene {
        fn new() -> Self {
            let poll = Poll::new().unwrap();
            let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
            let mut names = Names::new(waker);
            // So that it is seen which were asked together.
            names.resolve = |name| vec![[192, 0, 2, name.len() as u8].into()];
            Self { poll, names }
        }

        fn wait(&mut self, count: usize) -> Vec<(Id, String, Vec<IpAddr>)> {
            let mut told = Vec::new();
            while told.len() < count {
                let mut events = Events::with_capacity(4);
                self.poll
                    .poll(&mut events, Some(Duration::from_secs(20)))
                    .unwrap();
                assert!(!events.is_empty(), "the waker was not called");
                told.extend(self.names.answers());
            }
            told.sort();
            told
        }
    }

    #[test]
    fn a_name_is_asked_for_once_and_told_to_all() {
        let mut scene = Scene::new();
        for id in 0..3 {
            scene.names.ask(Id(id), "host".into());
        }
        assert_eq!(scene.names.asked, 1);
        let address: IpAddr = [192, 0, 2, 4].into();
        let expected = [0, 1, 2].map(|id| (Id(id), "host".to_owned(), vec![address]));
        assert_eq!(scene.wait(3), expected);
        assert!(scene.names.wanted.is_empty());
    }

    #[test]
    fn not_all_are_asked_for_at_once_and_all_are_told() {
        let mut scene = Scene::new();
        for id in 0..50 {
            scene.names.ask(Id(id), format!("host{id}"));
            assert!(scene.names.asked <= MAX_ASKED);
        }
        let told = scene.wait(50);
        assert!(told.iter().map(|(id, ..)| id.0).eq(0..50));
        assert_eq!(scene.names.asked, 0);
    }

    #[test]
    fn the_system_knows_this_machine() {
        assert!(resolve("localhost").iter().any(IpAddr::is_loopback));
    }
}
