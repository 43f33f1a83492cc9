// SPDX-License-Identifier: MPL-2.0
//! What webrtcbin costs by itself: `webrtcbin ! depay ! mux ! filesink` for each stream of a room,
//! with as little signalling as a room without a password asks for.

use std::collections::HashMap;
use std::path::Path;

use async_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use futures_util::StreamExt;
use gst::glib;
use gst::prelude::*;
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use serde_json::{Value, json};
use smol::channel::{Receiver, Sender, unbounded};
use smol::net::TcpStream;

use crate::files::{self, Files};

/// What webrtcbin's threads and the user tell.
pub enum News {
    /// For the peer with this UUID.
    Say(Value),
    Stop,
}

/// Records until somebody sends [`News::Stop`].
pub fn record(server: &str, room: &str, folder: &Path) -> Result<(), String> {
    let pipeline = gst::Pipeline::new();
    let (tell, news) = unbounded();
    let stop = tell.clone();
    ctrlc::set_handler(move || drop(stop.try_send(News::Stop))).map_err(|e| e.to_string())?;
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|e| e.to_string())?;
    let mut recorder = Recorder {
        pipeline: pipeline.clone(),
        peers: HashMap::new(),
        files: Files::new(folder),
        tell,
    };
    smol::block_on(recorder.talk(server, room, &news))?;
    files::finish(&pipeline)
}

struct Recorder {
    pipeline: gst::Pipeline,
    /// By UUID.
    peers: HashMap<String, gst::Element>,
    files: Files,
    tell: Sender<News>,
}

impl Recorder {
    async fn talk(
        &mut self,
        server: &str,
        room: &str,
        news: &Receiver<News>,
    ) -> Result<(), String> {
        let address = server.trim_start_matches("ws://");
        let tcp = TcpStream::connect(address)
            .await
            .map_err(|e| e.to_string())?;
        let (mut socket, _) = client_async(server, tcp).await.map_err(|e| e.to_string())?;
        say(&mut socket, &json!({"request": "joinroom", "roomid": room})).await?;
        loop {
            let received = async { Ok(socket.next().await) };
            let told = async { Err(news.recv().await) };
            match smol::future::or(told, received).await {
                Err(Ok(News::Say(message))) => say(&mut socket, &message).await?,
                Err(_) => return Ok(()),
                Ok(Some(Ok(Message::Text(text)))) => {
                    let message = serde_json::from_str(&text).map_err(|e| e.to_string())?;
                    for answer in self.hear(&message)? {
                        say(&mut socket, &answer).await?;
                    }
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => return Err(error.to_string()),
                Ok(None) => return Err("the server has gone".into()),
            }
        }
    }

    fn hear(&mut self, message: &Value) -> Result<Vec<Value>, String> {
        let play = |entry: &Value| {
            let stream = entry.get("streamID")?;
            Some(json!({"request": "play", "streamID": stream}))
        };
        match message["request"].as_str() {
            Some("listing") => {
                let list = message["list"].as_array();
                return Ok(list.into_iter().flatten().filter_map(play).collect());
            }
            Some("videoaddedtoroom") => return Ok(play(message).into_iter().collect()),
            _ => {}
        }
        let uuid = message["UUID"].as_str().unwrap_or_default().to_owned();
        if let Some(sdp) = message["description"]["sdp"].as_str() {
            self.answer(uuid, sdp, message)?;
        } else if let Some(peer) = self.peers.get(&uuid) {
            for candidate in message["candidates"].as_array().into_iter().flatten() {
                let index = candidate["sdpMLineIndex"].as_u64().unwrap_or(0) as u32;
                let text = candidate["candidate"].as_str().unwrap_or_default();
                peer.emit_by_name::<()>("add-ice-candidate", &[&index, &text]);
            }
        }
        Ok(vec![])
    }

    fn answer(&mut self, uuid: String, sdp: &str, message: &Value) -> Result<(), String> {
        let webrtcbin = gst::ElementFactory::make("webrtcbin")
            .property_from_str("bundle-policy", "max-bundle")
            .build()
            .map_err(|e| e.to_string())?;
        let sdp = gst_sdp::SDPMessage::parse_buffer(sdp.as_bytes()).map_err(|e| e.to_string())?;
        let name = message["streamID"].as_str().unwrap_or(&uuid).to_owned();
        let codec = if sdp.as_text().is_ok_and(|t| t.contains("H264")) {
            "H264"
        } else {
            "VP8"
        };
        let file = self.files.open(&self.pipeline, &name, codec)?;
        webrtcbin.connect_pad_added(move |_, pad| file.link(pad));
        let (tell, to) = (self.tell.clone(), uuid.clone());
        webrtcbin.connect("on-ice-candidate", false, move |values| {
            let index = values[1].get::<u32>().ok()?;
            let text = values[2].get::<String>().ok()?;
            let candidate = json!({"candidate": text, "sdpMLineIndex": index});
            let message = json!({"UUID": to, "type": "remote", "candidates": [candidate]});
            // Fails once the recording is over.
            let _ = tell.try_send(News::Say(message));
            None
        });
        self.pipeline.add(&webrtcbin).map_err(|e| e.to_string())?;
        webrtcbin
            .sync_state_with_parent()
            .map_err(|e| e.to_string())?;
        let offer = WebRTCSessionDescription::new(WebRTCSDPType::Offer, sdp);
        webrtcbin.emit_by_name::<()>("set-remote-description", &[&offer, &None::<gst::Promise>]);
        let (tell, weak, to) = (self.tell.clone(), webrtcbin.downgrade(), uuid.clone());
        let session = message["session"].clone();
        let created = gst::Promise::with_change_func(move |reply| {
            let answer = reply.ok().flatten().and_then(|r| r.value("answer").ok());
            let answer = answer.and_then(|v| v.get::<WebRTCSessionDescription>().ok());
            if let (Some(answer), Some(webrtcbin)) = (answer, weak.upgrade()) {
                send_answer(&webrtcbin, &answer, &to, session, &tell);
            }
        });
        webrtcbin.emit_by_name::<()>("create-answer", &[&None::<gst::Structure>, &created]);
        self.peers.insert(uuid, webrtcbin);
        Ok(())
    }
}

fn send_answer(
    webrtcbin: &gst::Element,
    answer: &WebRTCSessionDescription,
    uuid: &str,
    session: Value,
    tell: &Sender<News>,
) {
    webrtcbin.emit_by_name::<()>("set-local-description", &[answer, &None::<gst::Promise>]);
    let Ok(sdp) = answer.sdp().as_text() else {
        return;
    };
    let description = json!({"type": "answer", "sdp": glib::GString::from(sdp).as_str()});
    let message = json!({"UUID": uuid, "session": session, "description": description});
    // Fails once the recording is over.
    let _ = tell.try_send(News::Say(message));
}

async fn say(socket: &mut WebSocketStream<TcpStream>, message: &Value) -> Result<(), String> {
    let text = Message::text(message.to_string());
    socket.send(text).await.map_err(|e| e.to_string())
}
