// SPDX-License-Identifier: MPL-2.0
//! The data channels of one connection. A publisher needs one; files that it sends to everybody
//! come in channels of their own.

use str0m::Rtc;
use str0m::channel::{ChannelData, ChannelId};

use crate::event::{Channel, Closed, Event};

/// That a publisher may open in one connection, in all.
const MAX_CHANNELS: usize = 64;

/// The longest message that is taken.
pub(crate) const MAX_MESSAGE: u32 = 256 * 1024;

/// How much a publisher may leave unread before nothing more is sent.
pub(crate) const MAX_UNREAD: usize = 1 << 20;

#[derive(Debug, Default)]
pub(crate) struct Channels {
    opened: usize,
    open: Vec<(Channel, ChannelId)>,
}

impl Channels {
    pub(crate) fn opened(&mut self, id: ChannelId, label: String) -> Result<Event, Closed> {
        if self.opened >= MAX_CHANNELS {
            let what = format!("it opens more than {MAX_CHANNELS} data channels");
            return Err(Closed::Abuse(what));
        }
        let channel = Channel(self.opened);
        self.opened += 1;
        self.open.push((channel, id));
        Ok(Event::ChannelOpen { channel, label })
    }

    pub(crate) fn closed(&mut self, id: ChannelId) -> Option<Event> {
        let at = self.open.iter().position(|(_, other)| *other == id)?;
        let (channel, _) = self.open.swap_remove(at);
        Some(Event::ChannelClosed(channel))
    }

    /// A message, if it is text.
    pub(crate) fn message(&self, message: ChannelData) -> Option<Event> {
        let mut open = self.open.iter();
        let (channel, _) = open.find(|(_, id)| *id == message.id)?;
        let text = String::from_utf8(message.data).ok();
        let text = text.filter(|_| !message.binary)?;
        let channel = *channel;
        Some(Event::ChannelText { channel, text })
    }

    /// Nothing is sent on a channel that is closed, or that the publisher does not read.
    pub(crate) fn send(&self, rtc: &mut Rtc, channel: Channel, text: &str) {
        let mut open = self.open.iter();
        let id = open.find(|(other, _)| *other == channel).map(|(_, id)| *id);
        if let Some(mut channel) = id.and_then(|id| rtc.channel(id)) {
            let _ = channel.write(false, text.as_bytes());
        }
    }
}
