// SPDX-License-Identifier: MPL-2.0
//! What a hostile guest says: broken, enormous, in another's name, and nearly right.

use serde_json::{Value, json};

use crate::chance::Chance;

/// Kept of each kind of thing that was overheard.
const REMEMBERED: usize = 40;

/// The name of a session description that was mangled.
const MARK: &str = "s=mangled";

pub struct Words {
    chance: Chance,
    room: String,
    streams: Vec<String>,
    /// Names, sessions and session descriptions that others used.
    uuids: Vec<String>,
    addressees: Vec<String>,
    sessions: Vec<String>,
    descriptions: Vec<String>,
}

impl Words {
    pub fn new(seed: u64, room: &str, victims: &[&str]) -> Self {
        let strangers = ["mallory", "nobody", "", "../../etc/passwd", "é"];
        let streams = victims.iter().chain(&strangers);
        Self {
            chance: Chance::new(seed),
            room: room.to_owned(),
            streams: streams.map(|name| (*name).to_owned()).collect(),
            uuids: vec!["mallory-1".to_owned(), "mallory-2".to_owned()],
            addressees: vec!["nobody".to_owned()],
            sessions: vec!["wrong".to_owned()],
            descriptions: vec!["v=0\r\nm=audio 9 x\r\n".to_owned()],
        }
    }

    pub fn one_in(&mut self, chances: usize) -> bool {
        self.chance.below(chances) == 0
    }

    /// Remembers what others say behind the relay, who they are, and to whom they say it.
    pub fn hears(&mut self, text: &str) {
        let Ok(json) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let remember = |into: &mut Vec<String>, value: &Value| {
            if let Some(text) = value.as_str()
                && !text.contains(MARK)
                && !into.iter().any(|known| known == text)
            {
                into.push(text.to_owned());
                into.drain(..into.len().saturating_sub(REMEMBERED));
            }
        };
        // Never the recorder's name: in that one the publishers would be harmed, and not it.
        if json["request"] == "seed" || json["description"]["type"] == "offer" {
            remember(&mut self.uuids, &json["from"]);
        }
        remember(&mut self.addressees, &json["UUID"]);
        remember(&mut self.sessions, &json["session"]);
        remember(&mut self.descriptions, &json["description"]["sdp"]);
    }

    /// A message for the websocket, as text of any kind.
    pub fn on_socket(&mut self) -> String {
        let mut message = match self.chance.below(10) {
            0 => json!({"request": "alert", "message": self.complaint()}),
            1 => {
                let member = json!({"UUID": self.uuid(), "streamID": self.stream()});
                let request = self.of(&["listing", "transferred"]);
                json!({"request": request, "list": [member]})
            }
            2 => {
                let request = self.of(&["seed", "someonejoined", "videoaddedtoroom", "cleanup"]);
                json!({ "request": request })
            }
            3 => json!({"type": self.of(&["disconnect", "leave"]), "uuid": self.uuid()}),
            _ => self.said(),
        };
        for (field, value) in [
            ("from", self.uuid()),
            ("UUID", self.addressee()),
            ("streamID", self.stream()),
            ("session", self.session()),
            ("roomid", self.room.clone()),
        ] {
            if !self.one_in(4) {
                message[field] = json!(value);
            }
        }
        self.spoilt(&message)
    }

    /// A message for a data channel, as text of any kind.
    pub fn on_channel(&mut self) -> String {
        let message = self.said();
        self.spoilt(&message)
    }

    fn said(&mut self) -> Value {
        match self.chance.below(10) {
            0..3 => json!({"description": {"type": "offer", "sdp": self.sdp()}, "screen": [0, 9]}),
            3 => {
                let candidate = self.candidate();
                json!({"candidates": vec![candidate; 30], "type": "local"})
            }
            4 => json!({"candidate": self.candidate()}),
            5 => json!({"ping": "x".repeat(self.chance.below(300))}),
            6 => json!({"info": {"label": "\u{202e}".repeat(self.chance.below(500))}}),
            7 => json!({"description": "00ff", "vector": "zz", "candidates": 7}),
            8 if self.one_in(20) => json!({"info": {"label": "x".repeat(200_000)}}),
            8 if self.one_in(200) => json!({"bye": true}),
            _ => json!({"videoMuted": self.one_in(2), "screenShareState": 7, "changeLabel": 1}),
        }
    }

    /// A description that somebody sent, with one of its attributes mangled.
    fn sdp(&mut self) -> String {
        // The newest one fits the connection that there is.
        let newest = self.descriptions.len() - 1;
        let index = match self.one_in(4) {
            true => self.chance.below(newest + 1),
            false => newest,
        };
        let mut lines: Vec<String> = self.descriptions[index].lines().map(Into::into).collect();
        let at = self.chance.below(lines.len());
        let line = lines[at].clone();
        let cut = line.floor_char_boundary(self.chance.below(line.len() + 1));
        match self.chance.below(5) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, line),
            2 => lines[at].truncate(cut),
            3 => lines[at] = line[..cut].to_owned() + &"9".repeat(self.chance.below(400)),
            _ => lines[at] = line[..cut].to_owned() + "\u{7}-1 é" + &line[cut..],
        }
        let whole: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        whole.replacen("s=-", MARK, 1)
    }

    fn candidate(&mut self) -> Value {
        let port = self.chance.below(70_000);
        let address = self.of(&["127.0.0.1", "::1", "x.local", "999.1.1.1", ""]);
        let text = format!("candidate:1 1 UDP 99 {address} {port} typ host");
        json!({"candidate": text, "sdpMid": self.stream(), "sdpMLineIndex": self.chance.below(40)})
    }

    fn complaint(&mut self) -> &'static str {
        self.of(&[
            "Client not approved",
            "Room is full",
            "uuid already in use",
            "missing from field",
            "hello",
        ])
    }

    /// The message as it is, broken off, too deep, or with other bytes in it.
    fn spoilt(&mut self, message: &Value) -> String {
        let mut text = message.to_string();
        match self.chance.below(12) {
            0 => text.truncate(text.floor_char_boundary(self.chance.below(text.len()))),
            1 => text = format!("{}{text}{}", "[".repeat(99), "]".repeat(99)),
            2 => text = text.replace(':', ""),
            3 => text.insert(
                text.floor_char_boundary(self.chance.below(text.len())),
                '\u{1}',
            ),
            _ => {}
        }
        text
    }

    fn of(&mut self, choices: &[&'static str]) -> &'static str {
        self.chance.pick::<&str>(choices)
    }

    fn uuid(&mut self) -> String {
        self.uuids[self.chance.below(self.uuids.len())].clone()
    }

    fn addressee(&mut self) -> String {
        self.addressees[self.chance.below(self.addressees.len())].clone()
    }

    fn session(&mut self) -> String {
        self.sessions[self.chance.below(self.sessions.len())].clone()
    }

    fn stream(&mut self) -> String {
        self.streams[self.chance.below(self.streams.len())].clone()
    }
}
