// SPDX-License-Identifier: MPL-2.0
//! Publishers that cost little, for hundreds of streams: one thread sends a film to each recorder that
//! requests it, by str0m.

mod guest;
mod room;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use smol::{LocalExecutor, Timer, channel};
use vdoroom_testkit::publisher::Film;

use crate::scene::{Media, until_interrupted};
use guest::Guest;

/// What is due is sent so often: this is what a publisher may be late.
const TICK: Duration = Duration::from_millis(1);

type Shared = Rc<RefCell<Guest>>;

/// Publishes so many streams into a room until it is interrupted.
pub fn publish(server: &str, room: &str, media: &Media, streams: usize) -> Result<(), String> {
    let (stop, stopped) = channel::bounded::<()>(1);
    let interrupted = until_interrupted()?;
    std::thread::spawn(move || {
        // Whatever comes of it, this is the end.
        let _ = interrupted.recv();
        stop.close();
    });
    let film = Film::make(media.script)?;
    let reel = Rc::new(guest::Reel::of(&film, media));
    let executor = LocalExecutor::new();
    let begin = Instant::now();
    let mut guests = Vec::new();
    let (joined, have_joined) = channel::unbounded();
    for number in 0..streams {
        // As people do, they send at moments of their own.
        let begin = begin + Duration::from_secs(1) * number as u32 / streams as u32;
        let (outgoing, sent) = channel::unbounded();
        let guest = Guest::new(format!("guest{number}"), reel.clone(), outgoing, begin)?;
        let socket = guest.socket.clone();
        let guest = Rc::new(RefCell::new(guest));
        executor
            .spawn(room::join(
                (server.into(), room.into()),
                guest.clone(),
                sent,
                joined.clone(),
            ))
            .detach();
        executor.spawn(receive(guest.clone(), socket)).detach();
        guests.push(guest);
    }
    smol::block_on(executor.run(async {
        for _ in 0..streams {
            // One that has failed has told.
            let _ = have_joined.recv().await;
        }
        println!("all have joined");
        println!("bitrate {}", film.bitrate());
        let mut ticks = Timer::interval(TICK);
        while !stopped.is_closed() {
            smol::stream::StreamExt::next(&mut ticks).await;
            let now = Instant::now();
            guests.iter().for_each(|guest| guest.borrow_mut().tick(now));
        }
    }));
    Ok(())
}

/// Hands on what comes from a recorder.
async fn receive(guest: Shared, socket: Rc<smol::Async<std::net::UdpSocket>>) {
    while socket.readable().await.is_ok() {
        guest.borrow_mut().receive(Instant::now());
    }
}
