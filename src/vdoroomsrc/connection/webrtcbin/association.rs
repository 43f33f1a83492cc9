// SPDX-License-Identifier: MPL-2.0
//! Numbers of SCTP associations. GStreamer distinguishes the data channels of a process by them, and
//! webrtcbin before 1.28 chooses them at random. The second connection with the same number has no
//! data channel, so that a browser is never asked for its media, and its elements deadlock when they
//! are dropped. Among ten people this hits one connection in 6,500. Here each has a unique number.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use gst::glib;
use gst::prelude::*;

const PROPERTY: &str = "sctp-association-id";

/// So many numbers are tried: others hold a few of 65,536.
const ATTEMPTS: usize = 64;

/// The numbers of our connections: GStreamer knows them only once a channel is connected. No other
/// lock is taken while this one is held.
static TAKEN: Mutex<Numbers> = Mutex::new(Numbers::none());

#[derive(Debug)]
struct Numbers {
    taken: BTreeSet<u16>,
    /// Where the search for a free one begins: none comes back soon, since its elements may outlive
    /// their connection for a moment.
    next: u16,
}

impl Numbers {
    const fn none() -> Self {
        Self {
            taken: BTreeSet::new(),
            next: 0,
        }
    }

    fn take(&mut self) -> Option<u16> {
        let from = self.next;
        let mut others = (0..=u16::MAX).map(|n| from.wrapping_add(n));
        let free = others.find(|number| !self.taken.contains(number))?;
        self.taken.insert(free);
        self.next = free.wrapping_add(1);
        Some(free)
    }
}

/// Given back when it is dropped.
struct Number(u16);

impl Number {
    fn take() -> Option<Self> {
        let mut numbers = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.take().map(Self)
    }

    /// Whether somebody else in this process uses it, as another webrtcbin of the application may.
    fn is_used(&self) -> bool {
        let decoder = gst::ElementFactory::make("sctpdec")
            .property(PROPERTY, u32::from(self.0))
            .build();
        decoder.is_ok_and(|decoder| {
            let used = decoder.set_state(gst::State::Paused).is_err();
            let _ = decoder.set_state(gst::State::Null);
            used
        })
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        let mut numbers = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.taken.remove(&self.0);
    }
}

/// Gives a webrtcbin a number of its own, for as long as it lives.
pub(crate) fn number(webrtcbin: &gst::Element) {
    if numbers_itself() {
        return;
    }
    let mut numbers = std::iter::from_fn(Number::take).take(ATTEMPTS);
    let number = numbers.find(|number| !number.is_used());
    let (Some(bin), Some(number)) = (webrtcbin.downcast_ref::<gst::Bin>(), number) else {
        return;
    };
    bin.connect_element_added(move |_, element| {
        if element.has_property_with_type(PROPERTY, u32::static_type()) {
            element.set_property(PROPERTY, u32::from(number.0));
        }
    });
}

/// Whether webrtcbin does so (from 1.28 on).
fn numbers_itself() -> bool {
    let decoder = gst::ElementFactory::find("sctpdec").and_then(|factory| factory.load().ok());
    decoder
        .and_then(|factory| glib::object::ObjectClass::from_type(factory.element_type()))
        .is_some_and(|class| class.has_property("automatic-association-id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_given_twice_before_it_came_back() {
        let mut numbers = Numbers::none();
        let first = numbers.take().unwrap();
        let second = numbers.take().unwrap();
        numbers.taken.remove(&first);
        for _ in 0..u16::MAX {
            assert_ne!(numbers.take().unwrap(), second);
        }
        assert_eq!(numbers.take(), None);
    }

    #[test]
    fn what_others_use_is_not_given() {
        gst::init().unwrap();
        let number = Number(40_000);
        assert!(!number.is_used());
        let others = ["sctpdec", "sctpenc"].map(|factory| {
            gst::ElementFactory::make(factory)
                .property(PROPERTY, u32::from(number.0))
                .build()
                .unwrap()
        });
        others[0].set_property("local-sctp-port", 5000u32);
        others[1].set_property("remote-sctp-port", 5000u32);
        let all_in = |state| {
            for other in &others {
                other.set_state(state).unwrap();
            }
        };
        all_in(gst::State::Paused);
        assert!(number.is_used());
        all_in(gst::State::Null);
        assert!(!number.is_used());
    }

    #[test]
    fn each_connection_has_another_number_and_its_elements_have_the_same() {
        gst::init().unwrap();
        if numbers_itself() {
            return;
        }
        let numbers_of = |bin: &gst::Bin| {
            ["sctpdec", "sctpenc"].map(|factory| {
                let element = gst::ElementFactory::make(factory).build().unwrap();
                bin.add(&element).unwrap();
                element.property::<u32>(PROPERTY)
            })
        };
        let bins = [gst::Bin::new(), gst::Bin::new()];
        bins.iter().for_each(|bin| number(bin.upcast_ref()));
        let [[a, same_as_a], [b, same_as_b]] = bins.each_ref().map(numbers_of);
        assert_eq!((a, b), (same_as_a, same_as_b));
        assert_ne!(a, b);
    }
}
