// SPDX-License-Identifier: MPL-2.0
//! A running publisher, as a test holds it.

use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use smol::channel::{Receiver, Sender};

use crate::log::LogEntry;

use super::{
    media::{Feed, Kind, Sent},
    status::{Shown, Status},
    wire::{
        Traffic,
        events::{Command, Event},
    },
};

/// A running publisher. Dropping it is a crash.
pub struct Publisher {
    pub(super) wire_stream_id: String,
    pub(super) rate: u32,
    pub(super) feed: Arc<Feed>,
    pub(super) status: Arc<Status>,
    pub(super) events: Sender<Event>,
    /// And what is hung up when it ends.
    pub(super) thread: Option<(thread::JoinHandle<()>, Receiver<()>)>,
}

/// webrtcbin (1.22) may hang for ever when it is stopped while it takes an answer. That is this
/// publisher's end, and should not be that of a test.
const LONGEST_END: Duration = Duration::from_secs(20);

impl Publisher {
    /// The stream ID with the suffix that the password gives it.
    pub fn wire_stream_id(&self) -> &str {
        &self.wire_stream_id
    }

    /// Says `bye` to every viewer and leaves. Returns all that was said, to the very end.
    pub fn stop(mut self) -> Vec<LogEntry> {
        self.end(Command::Stop);
        self.log()
    }

    /// Is gone from one moment to the next: no `bye`, sockets and connections simply end.
    /// Returns all that was said before.
    pub fn crash(mut self) -> Vec<LogEntry> {
        self.end(Command::Crash);
        self.log()
    }

    /// Leaves with `bye` and comes back at once with a new UUID and new sessions.
    pub fn reload(&self) {
        self.tell(Command::Reload { bye: true });
    }

    /// As [`Publisher::reload`], but nobody is told: the old connections simply end.
    pub fn reload_silently(&self) {
        self.tell(Command::Reload { bye: false });
    }

    /// Closes the websocket only; it is opened again after five seconds, with a new UUID.
    pub fn drop_socket(&self) {
        self.tell(Command::DropSocket);
    }

    /// Offers new ICE credentials in every connection, as after a change of the network. This
    /// publisher's webrtcbin cannot use them: they only look like it.
    pub fn restart_ice(&self) {
        self.tell(Command::RestartIce);
    }

    /// Says `json` to every viewer on its data channel.
    pub fn tell_viewers(&self, json: Value) {
        self.tell(Command::Tell(json));
    }

    /// Says this text, which need not be JSON, to every viewer on its data channel.
    pub fn tell_viewers_text(&self, text: &str) {
        self.tell(Command::TellText(text.to_owned()));
    }

    /// RTP packets that were changed before they were encrypted.
    pub fn mangled_packets(&self) -> u64 {
        self.status.mangled_packets.load(Ordering::Relaxed)
    }

    /// RTP packets that were sent once more, by a publisher without RTX.
    pub fn resent_packets(&self) -> u64 {
        self.status.resent_packets.load(Ordering::Relaxed)
    }

    /// Black video without a counter, and the message that goes with it.
    pub fn mute_video(&self, muted: bool) {
        self.feed.video.mute(muted);
        self.tell_viewers(json!({"videoMuted": muted}));
    }

    /// Silence, and the message that goes with it.
    pub fn mute_audio(&self, muted: bool) {
        self.feed.audio.mute(muted);
        self.tell_viewers(json!({"muteState": muted}));
    }

    /// No video packets at all until resumed, which begins with a keyframe.
    pub fn pause_video(&self, paused: bool) {
        if !paused {
            self.feed.force_keyframe();
        }
        self.feed.video.pause(paused);
    }

    /// No audio packets at all until resumed.
    pub fn pause_audio(&self, paused: bool) {
        self.feed.audio.pause(paused);
    }

    /// Offers camera and microphone as sent, or as inactive, in the m-lines that they have. What is
    /// sent does not follow that by itself.
    pub fn offer_as_sent(&self, video: bool, audio: bool) {
        self.tell(Command::Offer { video, audio });
    }

    /// Starts to share a screen: a second video track in the same connections, offered to viewers
    /// that allow it.
    pub fn share_screen(&self) {
        self.tell(Command::Add(Kind::Screen));
    }

    /// Switches on a camera that was not there at the start.
    pub fn add_video(&self) {
        self.tell(Command::Add(Kind::Video));
    }

    /// Switches on a microphone that was not there at the start.
    pub fn add_audio(&self) {
        self.tell(Command::Add(Kind::Audio));
    }

    /// Changes the size of the video.
    pub fn resize(&self, width: i32, height: i32) {
        self.feed.resize(width, height);
    }

    /// Changes the label that viewers show.
    pub fn rename(&self, label: &str) {
        self.tell_viewers(json!({"changeLabel": true, "value": label}));
    }

    /// Connections that exist, in whatever state.
    pub fn viewers(&self) -> usize {
        self.shown().viewers
    }

    /// Video frames that went to at least one viewer.
    pub fn frames_sent(&self) -> u64 {
        self.feed.video.units()
    }

    /// What has gone to the newest viewer so far.
    pub fn sent(&self) -> Sent {
        Sent::of(
            self.rate,
            &self.feed.video.ledgers,
            &self.feed.audio.ledgers,
        )
    }

    /// What went to all viewers together.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            video: self.status.video_bytes.load(Ordering::Relaxed),
            others: self.status.other_bytes.load(Ordering::Relaxed),
        }
    }

    /// Keyframe requests (PLI or FIR) that viewers sent.
    pub fn keyframe_requests(&self) -> u64 {
        self.status.keyframe_requests.load(Ordering::Relaxed)
    }

    /// What viewers did against the protocol, in order.
    pub fn complaints(&self) -> Vec<String> {
        self.shown().complaints.clone()
    }

    /// The newest media request.
    pub fn media_request(&self) -> Option<Value> {
        self.shown().media_request.clone()
    }

    /// The newest answer.
    pub fn answer(&self) -> Option<String> {
        self.shown().answer.clone()
    }

    /// Waits until a viewer is connected and media flows to it.
    pub fn wait_for_viewer(&self, timeout: Duration) -> Result<(), String> {
        self.wait_until(timeout, "a viewer", |shown| shown.fed > 0)
    }

    /// Waits until so many more video frames have gone to viewers.
    pub fn wait_for_frames(&self, frames: u64, timeout: Duration) -> Result<(), String> {
        let enough = self.frames_sent() + frames;
        let deadline = Instant::now() + timeout;
        while self.frames_sent() < enough {
            if Instant::now() >= deadline {
                return Err(format!("{frames} frames not sent within {timeout:?}"));
            }
            // The encoder's thread counts frames without telling anybody.
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Waits until the room was joined for the first time.
    pub fn wait_until_joined(&self, timeout: Duration) -> Result<(), String> {
        self.wait_until(timeout, "the room", |shown| shown.joined)
    }

    /// Waits until nobody is connected.
    pub fn wait_for_no_viewer(&self, timeout: Duration) -> Result<(), String> {
        self.wait_until(timeout, "the end of all connections", |shown| {
            shown.viewers == 0
        })
    }

    /// What was said, with the server (`server`) and on the channels (by the viewer's UUID).
    pub fn log(&self) -> Vec<LogEntry> {
        self.status.log.entries()
    }

    /// The conversation and the complaints as text, for the message of a failed assertion.
    pub fn conversation(&self) -> String {
        let lines: String = self
            .log()
            .iter()
            .map(|entry| format!("{entry}\n"))
            .collect();
        format!("{lines}complaints: {:#?}", self.complaints())
    }

    fn wait_until(
        &self,
        timeout: Duration,
        what: &str,
        condition: impl Fn(&Shown) -> bool,
    ) -> Result<(), String> {
        if self.status.wait_until(timeout, condition) {
            return Ok(());
        }
        let id = &self.wire_stream_id;
        Err(format!(
            "{id} waited {timeout:?} for {what}:\n{}",
            self.conversation()
        ))
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.status.shown()
    }

    fn tell(&self, command: Command) {
        // Fails only when the thread has ended, and then there is nobody to tell.
        let _ = self.events.try_send(Event::Command(command));
    }

    fn end(&mut self, command: Command) {
        self.tell(command);
        let Some((thread, ended)) = self.thread.take() else {
            return;
        };
        let ends = async { ended.recv().await.is_err() };
        let hangs = async {
            smol::Timer::after(LONGEST_END).await;
            false
        };
        if !smol::block_on(smol::future::or(ends, hangs)) {
            eprintln!(
                "{} hangs as it ends, and is left behind",
                self.wire_stream_id
            );
            return;
        }
        let _ = thread.join();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.end(Command::Crash);
    }
}
