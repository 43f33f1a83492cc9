// SPDX-License-Identifier: MPL-2.0
//! A webrtcbin that sends VP8 and Opus.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_sdp::SDPMessage;
use gst_webrtc::{
    WebRTCDataChannel, WebRTCRTPTransceiver, WebRTCSDPType, WebRTCSessionDescription,
};

pub struct Publisher {
    pipeline: gst::Pipeline,
    webrtcbin: gst::Element,
    channel: WebRTCDataChannel,
    texts: Arc<Mutex<Vec<String>>>,
    candidates: Receiver<String>,
}

impl Publisher {
    /// With or without NACK and RTX.
    pub fn start(retransmission: bool) -> Self {
        gst::init().unwrap();
        let pipeline = gst::parse::launch(
            "webrtcbin name=w bundle-policy=max-bundle latency=100 \
             videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1 ! \
             vp8enc deadline=1 cpu-used=8 keyframe-max-dist=3000 target-bitrate=500000 ! \
             rtpvp8pay picture-id-mode=15-bit pt=96 ! \
             application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000 ! w. \
             audiotestsrc is-live=true wave=ticks ! audio/x-raw,rate=48000,channels=2 ! opusenc ! \
             rtpopuspay pt=111 ! \
             application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000 ! w.",
        )
        .unwrap();
        let pipeline: gst::Pipeline = pipeline.downcast().unwrap();
        let webrtcbin = pipeline.by_name("w").unwrap();
        for index in 0..2 {
            let transceiver =
                webrtcbin.emit_by_name::<WebRTCRTPTransceiver>("get-transceiver", &[&index]);
            transceiver.set_property("do-nack", retransmission);
        }
        let (found, candidates): (Sender<String>, _) = channel();
        webrtcbin.connect("on-ice-candidate", false, move |values| {
            let candidate = values[2].get::<String>().unwrap();
            let _ = found.send(candidate);
            None
        });
        pipeline.set_state(gst::State::Ready).unwrap();
        let options = gst::Structure::new_empty("options");
        let channel = webrtcbin
            .emit_by_name::<WebRTCDataChannel>("create-data-channel", &[&"sendChannel", &options]);
        let texts = Arc::new(Mutex::new(Vec::new()));
        let heard = texts.clone();
        channel.connect("on-message-string", false, move |values| {
            heard
                .lock()
                .unwrap()
                .push(values[1].get::<String>().unwrap());
            None
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self {
            pipeline,
            webrtcbin,
            channel,
            texts,
            candidates,
        }
    }

    pub fn offer(&self) -> String {
        // Its pads get their caps while it starts.
        let started = Instant::now();
        loop {
            let (promise, reply) = promised();
            self.webrtcbin
                .emit_by_name::<()>("create-offer", &[&None::<gst::Structure>, &promise]);
            let offer = reply.recv().unwrap();
            let offer = offer
                .unwrap()
                .get::<WebRTCSessionDescription>("offer")
                .unwrap();
            let text = offer.sdp().as_text().unwrap();
            if text.contains("VP8") && text.contains("OPUS") {
                let (promise, reply) = promised();
                self.webrtcbin
                    .emit_by_name::<()>("set-local-description", &[&offer, &promise]);
                reply.recv().unwrap();
                return text;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn answer(&self, sdp: &str) {
        let sdp = SDPMessage::parse_buffer(sdp.as_bytes()).unwrap();
        let answer = WebRTCSessionDescription::new(WebRTCSDPType::Answer, sdp);
        let (promise, reply) = promised();
        self.webrtcbin
            .emit_by_name::<()>("set-remote-description", &[&answer, &promise]);
        let reply = reply.recv().unwrap();
        assert!(reply.is_none_or(|reply| !reply.has_field("error")));
    }

    pub fn add_candidate(&self, candidate: &str) {
        self.webrtcbin
            .emit_by_name::<()>("add-ice-candidate", &[&0_u32, &candidate]);
    }

    /// One of its candidates that has come since.
    pub fn candidate(&self) -> Option<String> {
        self.candidates.try_recv().ok()
    }

    pub fn say(&self, text: &str) {
        self.channel.send_string_full(Some(text)).unwrap();
    }

    pub fn wait_for_text(&self, longest: Duration, text: &str) {
        let started = Instant::now();
        while !self.texts.lock().unwrap().iter().any(|heard| heard == text) {
            assert!(started.elapsed() < longest, "{text} has not come");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

type Reply = Option<gst::Structure>;

fn promised() -> (gst::Promise, Receiver<Reply>) {
    let (send, receive) = channel();
    let promise = gst::Promise::with_change_func(move |reply| {
        let reply = reply.ok().flatten().map(|reply| reply.to_owned());
        let _ = send.send(reply);
    });
    (promise, receive)
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
