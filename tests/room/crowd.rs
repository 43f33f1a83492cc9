// SPDX-License-Identifier: MPL-2.0
//! Many people are connected to the room server, and it has as much memory at the end as before.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::Message;
use async_tungstenite::{WebSocketStream, client_async};
use futures_util::StreamExt;
use serde_json::{Value, json};
use smol::net::TcpStream;
use smol::{LocalExecutor, Task, Timer};
use vdoroom_testkit::{Folder, open_files};

use crate::recording::DEADLINE;
use crate::server;

/// Who is there, and for how long.
pub struct Crowd {
    pub idle: usize,
    pub talking: usize,
    pub time: Duration,
}

/// Members of a room in which nothing is said.
const IDLE_ROOM: usize = 100;
/// A pair of talkers exchanges two messages in this time, of one KiB each.
const TALK: Duration = Duration::from_millis(200);
/// What the server's allocator may keep without need.
const GROWTH_KIB: u64 = 4 * 1024;

type Socket = WebSocketStream<TcpStream>;

async fn join(address: SocketAddr, room: &str) -> (Socket, Value) {
    let tcp = TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = client_async(format!("ws://{address}"), tcp).await.unwrap();
    say(&mut socket, json!({"request": "joinroom", "roomid": room})).await;
    let listing = hear(&mut socket).await;
    assert_eq!(listing["request"], "listing", "{listing}");
    (socket, listing)
}

async fn say(socket: &mut Socket, json: Value) {
    socket.send(Message::text(json.to_string())).await.unwrap();
}

/// The next message; pings are answered meanwhile.
async fn hear(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
            Some(Ok(_)) => {}
            end => panic!("disconnected: {end:?}"),
        }
    }
}

async fn listen(mut socket: Socket) {
    loop {
        hear(&mut socket).await;
    }
}

/// Answers what is said to it.
async fn answer(mut socket: Socket) {
    loop {
        let said = hear(&mut socket).await;
        if said["question"].is_u64() {
            let answer = json!({"UUID": said["UUID"], "answer": said["question"]});
            say(&mut socket, answer).await;
        }
    }
}

/// Talks until `end`; how often it was answered, and the longest time that took.
async fn ask(mut socket: Socket, to: Value, end: Instant) -> (u64, Duration) {
    let text = "x".repeat(1024);
    let (mut asked, mut slowest) = (0, Duration::ZERO);
    while Instant::now() < end {
        let begun = Instant::now();
        say(
            &mut socket,
            json!({"UUID": to, "question": asked, "text": text}),
        )
        .await;
        while hear(&mut socket).await["answer"] != asked {}
        slowest = slowest.max(begun.elapsed());
        asked += 1;
        Timer::at(begun + TALK).await;
    }
    (asked, slowest)
}

/// What a program has in memory.
pub fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let words = line.and_then(|line| line.split_whitespace().nth(1));
    words.unwrap().parse().unwrap()
}

#[test]
fn many_people_cost_the_server_no_more_the_longer_they_stay() {
    let Crowd {
        idle,
        talking,
        time,
    } = crate::CROWD;
    let all = idle + talking;
    let files = open_files::allow(all as u64 + 200);
    assert!(files > all as u64, "the limit of open files is {files}");
    let folder = Folder::new();
    let options = format!(
        "--max-connections {all} --max-connections-per-address {all} --max-rooms-per-address {all}"
    );
    let (address, server) = server::start(&folder.0, &options);
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let mut waiting: Vec<Task<()>> = vec![];
        for n in 0..idle {
            let (socket, _) = join(address, &format!("idle{}", n / IDLE_ROOM)).await;
            waiting.push(executor.spawn(listen(socket)));
        }
        let connected = resident_kib(server.pid());
        // The first fifth of the time is for buffers to grow to what they need.
        let end = Instant::now() + time + time / 5;
        let mut asking = vec![];
        for n in 0..talking / 2 {
            let room = format!("talk{n}");
            let (first, _) = join(address, &room).await;
            let (second, listing) = join(address, &room).await;
            waiting.push(executor.spawn(answer(first)));
            let to = listing["list"][0]["UUID"].clone();
            asking.push(executor.spawn(ask(second, to, end)));
        }
        Timer::at(end - time).await;
        let before = resident_kib(server.pid());
        let (mut asked, mut slowest) = (0, Duration::ZERO);
        for task in asking {
            let (one, longest) = task.await;
            asked += one;
            slowest = slowest.max(longest);
        }
        let after = resident_kib(server.pid());
        eprintln!(
            "{idle} idle, {talking} talking for {time:?}: {connected} KiB when the idle are there, \
             {before} KiB, at the end {after} KiB; {asked} answers, the slowest after {slowest:?}"
        );
        assert!(
            after < before + GROWTH_KIB,
            "{before} KiB, then {after} KiB"
        );
        assert!(slowest < DEADLINE, "{slowest:?}");
        assert!(waiting.iter().all(|task| !task.is_finished()));
    }));
}
