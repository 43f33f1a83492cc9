// SPDX-License-Identifier: MPL-2.0
//! A client of the room server.

use std::{net::TcpStream, time::Duration};

use async_tungstenite::tungstenite::{Error, Message, WebSocket, client::client};
use serde_json::{Value, json};
use vdoroom_server::{RoomServer, Who};

pub const SOON: Duration = Duration::from_secs(5);

/// A client that says and reads one message at a time.
pub struct Client(pub WebSocket<TcpStream>);

impl Client {
    pub fn connect(server: &RoomServer) -> Self {
        Self::over(TcpStream::connect(server.address()).unwrap(), server)
    }

    pub fn over(tcp: TcpStream, server: &RoomServer) -> Self {
        tcp.set_read_timeout(Some(SOON)).unwrap();
        let (socket, _) = client(server.url(), tcp).unwrap();
        Self(socket)
    }

    /// A member of the room `r`, past its listing.
    pub fn joined(server: &RoomServer) -> Self {
        let mut client = Self::connect(server);
        client.say(json!({"request": "joinroom", "roomid": "r"}));
        client.expect("listing");
        client
    }

    pub fn seeding(server: &RoomServer, stream_id: &str) -> Self {
        let mut client = Self::joined(server);
        client.say(json!({"request": "seed", "streamID": stream_id}));
        client
    }

    pub fn say(&mut self, json: Value) {
        self.0.send(Message::text(json.to_string())).unwrap();
    }

    pub fn read(&mut self) -> Result<Value, Error> {
        loop {
            match self.0.read()? {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(_) | Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message, which must be this request.
    pub fn expect(&mut self, request: &str) -> Value {
        let json = self.read().unwrap();
        assert_eq!(json["request"], request, "{json}");
        json
    }

    /// Nothing but an answer to a question of this test's own is waiting. The server handles
    /// messages in order, so what was to come has come when the answer has.
    pub fn expect_nothing(&mut self, server: &RoomServer) {
        server.say(Who::Everyone, json!({"request": "marker"}));
        self.expect("marker");
    }
}
