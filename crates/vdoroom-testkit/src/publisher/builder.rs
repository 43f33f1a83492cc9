// SPDX-License-Identifier: MPL-2.0
//! How a publisher is set up and started.

use std::{rc::Rc, sync::Arc, thread, time::Duration};

use smol::LocalExecutor;

use crate::{
    secret::{Password, Secret},
    server::Dialect,
};

use super::{
    conversation::{Context, Control},
    criticals,
    flavour::Flavour,
    handle::Publisher,
    media::{AudioCodec, Codec, Feed, Film},
    settings::{Moment, Settings},
    status::Status,
    time::{SenderReports, SoundCard, Timeline},
};

/// How a publisher is to be started.
pub struct PublisherBuilder(Settings);

impl Publisher {
    /// A browser with H.264 and Opus and the default password, in the hosted dialect.
    pub fn builder(server: &str, room: &str, stream_id: &str) -> PublisherBuilder {
        PublisherBuilder(Settings::new(server, room, stream_id))
    }
}

impl PublisherBuilder {
    pub fn flavour(mut self, flavour: Flavour) -> Self {
        self.0.flavour = flavour;
        self
    }

    pub fn codec(mut self, codec: Codec) -> Self {
        self.0.codec = codec;
        self
    }

    /// Sends a film that is encoded already, which has to be of the publisher's codec and of Opus.
    pub fn film(mut self, film: &Arc<Film>) -> Self {
        self.0.film = Some(film.clone());
        self
    }

    pub fn audio_codec(mut self, codec: AudioCodec) -> Self {
        self.0.audio_codec = codec;
        self
    }

    pub fn password(mut self, password: Password) -> Self {
        self.0.password = password;
        self
    }

    pub fn salt(mut self, salt: &str) -> Self {
        self.0.salt = salt.into();
        self
    }

    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.0.dialect = dialect;
        self
    }

    pub fn label(mut self, label: &str) -> Self {
        self.0.label = label.into();
        self
    }

    /// Frames per second, 1 to 60; 30 by default.
    pub fn frame_rate(mut self, rate: u32) -> Self {
        self.0.rate = rate.clamp(1, 60) as i32;
        self
    }

    pub fn without_audio(mut self) -> Self {
        self.0.audio = false;
        self
    }

    pub fn without_video(mut self) -> Self {
        self.0.video = false;
        self
    }

    /// Shares a screen from the beginning, as a second video track in the same connection.
    pub fn with_screen(mut self) -> Self {
        self.0.screen = true;
        self
    }

    /// How often viewers are pinged; three seconds for a raspberry, never for the others.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.0.ping_interval = Some(interval);
        self
    }

    /// Viewers' pings stay without an answer.
    pub fn without_pongs(mut self) -> Self {
        self.0.answers_pings = false;
        self
    }

    /// A browser that offers its tracks one after the other.
    pub fn split_offers(mut self) -> Self {
        self.0.split_offers = true;
        self
    }

    /// Whose clock it runs by, and when it flashes and beeps; by default its own, from the start.
    pub fn timeline(mut self, timeline: &Timeline) -> Self {
        self.0.times.timeline = Some(timeline.clone());
        self
    }

    /// A sound card that runs so many millionths faster than the machine's clock.
    pub fn fast_sound_card(mut self, ppm: u32) -> Self {
        self.0.times.card = SoundCard { ppm };
        self
    }

    /// Video is sent so long after it was captured.
    pub fn video_delay(mut self, delay: Duration) -> Self {
        self.0.times.video_delay = delay;
        self
    }

    /// Audio is sent so long after it was captured.
    pub fn audio_delay(mut self, delay: Duration) -> Self {
        self.0.times.audio_delay = delay;
        self
    }

    /// So much media has been encoded when the connection opens, and is sent at once.
    pub fn queued_media(mut self, queued: Duration) -> Self {
        self.0.times.queued = queued;
        self
    }

    /// While audio is paused its RTP timestamps rest, as those of browsers do.
    pub fn counting_samples(mut self) -> Self {
        self.0.times.counts_samples = true;
        self
    }

    /// What the sender reports say; the truth by default.
    pub fn sender_reports(mut self, reports: SenderReports) -> Self {
        self.0.times.sender_reports = reports;
        self
    }

    /// The offers that go over the server announce another certificate than the one that is shown
    /// in the DTLS handshake, as if somebody had changed them on the way. The truth is told over
    /// the channel: as soon as it is open, everything is offered there, asked for or not.
    pub fn with_false_fingerprint(mut self) -> Self {
        self.0.false_fingerprint = true;
        self
    }

    /// Its own addresses are told as a name of mDNS, as browsers do that were given neither camera
    /// nor microphone. The name leads nowhere.
    pub fn with_hidden_addresses(mut self) -> Self {
        self.0.hidden_addresses = true;
        self
    }

    /// Every other RTP packet is changed at random before it is encrypted.
    pub fn with_mangled_packets(mut self, seed: u64) -> Self {
        self.0.mangle = Some(seed);
        self
    }

    /// Every tenth packet of media has padding, and one that is nothing but padding behind it.
    pub fn with_padding(mut self) -> Self {
        self.0.padding = true;
        self
    }

    /// Sends datagrams among its media that are too short for what they begin as.
    pub fn with_short_datagrams(mut self) -> Self {
        self.0.short_datagrams = true;
        self
    }

    /// Uses this server too: `stun://HOST:PORT` or `turn://USER:PASSWORD@HOST:PORT`.
    pub fn ice_server(mut self, url: &str) -> Self {
        self.0.ice_servers.push(url.into());
        self
    }

    /// Uses no candidates but those of its TURN servers.
    pub fn relay_only(mut self) -> Self {
        self.0.relay_only = true;
        self
    }

    /// Each frame is all new, and takes several packets.
    pub fn with_busy_frames(mut self) -> Self {
        self.0.busy = true;
        self
    }

    /// Sends each new viewer its last keyframe first, with the time of its capture, and goes on with
    /// the frames of now, as ninja-obs-plugin did until 1.1.60.
    pub fn with_cached_keyframe(mut self) -> Self {
        self.0.caches_keyframes = true;
        self
    }

    /// Has no RTX: what a viewer asks for again is sent again as it was, on the same SSRC.
    pub fn without_rtx(mut self) -> Self {
        self.0.resends = true;
        self
    }

    /// Tells viewers one candidate more, which need not lead to it.
    pub fn with_candidate(mut self, moment: Moment, candidate: &str) -> Self {
        self.0.more_candidate = Some((moment, candidate.into()));
        self
    }

    /// Opens so many data channels beside the usual one, once that one is open.
    pub fn with_more_channels(mut self, count: u32) -> Self {
        self.0.greed.channels = count;
        self
    }

    /// The packets of each track come from so many SSRCs in turn.
    pub fn with_many_ssrcs(mut self, count: u32) -> Self {
        self.0.greed.ssrcs = count;
        self
    }

    /// Certificates to trust for `wss`, PEM.
    pub fn ca(mut self, pem: &str) -> Self {
        self.0.target.ca_pem = Some(pem.into());
        self
    }

    /// Starts encoding, joins the room and waits for viewers.
    pub fn start(self) -> Result<Publisher, String> {
        let settings = self.0;
        if settings.flavour == Flavour::Sdk && settings.dialect != Dialect::Hosted {
            return Err("the SDK cannot publish in the relay dialect".into());
        }
        gst::init().map_err(|error| error.to_string())?;
        criticals::outlive_those_of_old_sessions();
        let timeline = settings
            .times
            .timeline
            .clone()
            .unwrap_or_else(Timeline::now);
        let feed = match &settings.film {
            Some(film) => Feed::of(film, &timeline),
            None => Feed::start(
                settings.codec,
                settings.audio_codec,
                settings.flavour,
                settings.rate,
                settings.busy,
                &timeline,
                settings.times.card,
            )?,
        };
        let feed = Arc::new(feed);
        let status = Arc::<Status>::default();
        let rate = settings.rate as u32;
        let (events, inbox) = smol::channel::unbounded();
        let secret = Secret::new(&settings.password, &settings.salt);
        let wire_stream_id = secret.stream(&settings.stream_id);
        let name = format!("pub-{}", settings.stream_id);
        let (to_thread, feed_of_thread, status_of_thread) =
            (events.clone(), feed.clone(), status.clone());
        let (running, ended) = smol::channel::bounded(1);
        let run = move || {
            // Goes last.
            let _running = running;
            let executor = Rc::new(LocalExecutor::new());
            let context = Context {
                settings,
                secret,
                status: status_of_thread,
                feed: feed_of_thread,
                timeline,
                executor: executor.clone(),
                events: to_thread,
                socket: None,
                own_uuid: gst::glib::uuid_string_random().to_string(),
            };
            smol::block_on(executor.run(Control::new(context).run(inbox)));
        };
        let thread = thread::Builder::new().name(name).spawn(run);
        let thread = Some((thread.map_err(|error| error.to_string())?, ended));
        Ok(Publisher {
            wire_stream_id,
            rate,
            feed,
            status,
            events,
            thread,
        })
    }
}
