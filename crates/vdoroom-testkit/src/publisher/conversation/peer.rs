// SPDX-License-Identifier: MPL-2.0
//! One viewer's connection: a webrtcbin with a data channel, and the tracks fed into it.
//!
//! Closures hold weak references or channels only; states are changed by the publisher's control
//! thread alone, because webrtcbin's own threads would wait for themselves.

use std::sync::Arc;

use gst::{glib, prelude::*};
use gst_webrtc::{
    WebRTCDataChannel, WebRTCPeerConnectionState, WebRTCSDPType, WebRTCSessionDescription,
};
use smol::channel::Sender;

use crate::publisher::{
    faults::{Greed, hold, mangle, padding, resend, short},
    media::{Beginning, Feed, Kind, Outlet, Track},
    settings::Settings,
    status::Status,
    time::{
        Timeline,
        reports::{self, Ssrcs},
    },
    wire::{
        events::{Event, PeerEvent, PeerId},
        traffic, transport,
    },
};

/// A track that webrtcbin knows and that is fed once there is a connection.
struct Branch {
    kind: Kind,
    source: gst_app::AppSrc,
    track: Arc<Track>,
    beginning: Beginning,
    outlet: Option<Arc<Outlet>>,
    /// The viewer wants nothing of it for now.
    is_stopped: bool,
}

pub struct Peer {
    pipeline: gst::Pipeline,
    webrtcbin: gst::Element,
    channel: WebRTCDataChannel,
    branches: Vec<Branch>,
    /// The SSRCs of cameras and screens.
    video_ssrcs: Ssrcs,
}

impl Peer {
    pub fn new(
        id: PeerId,
        settings: &Settings,
        timeline: &Timeline,
        status: &Arc<Status>,
        events: &Sender<Event>,
    ) -> Result<Self, String> {
        let pipeline = gst::Pipeline::new();
        let webrtcbin = gst::ElementFactory::make("webrtcbin")
            .property_from_str("bundle-policy", "max-bundle")
            .build()
            .map_err(|error| error.to_string())?;
        transport::be_lean(&webrtcbin);
        transport::number_association(&webrtcbin);
        transport::set_ice_servers(&webrtcbin, settings);
        if settings.resends {
            resend::on(&webrtcbin, status);
        }
        let video_ssrcs = Ssrcs::default();
        configure_rtp(&webrtcbin, settings, timeline, &video_ssrcs, status);
        pipeline
            .add(&webrtcbin)
            .map_err(|error| error.to_string())?;
        watch_bus(&pipeline, id, events);
        timeline.rule(&pipeline);
        connect_signals(&webrtcbin, id, events);
        pipeline
            .set_state(gst::State::Playing)
            .map_err(|error| error.to_string())?;
        let no_options = None::<gst::Structure>;
        let channel = webrtcbin.emit_by_name::<Option<WebRTCDataChannel>>(
            "create-data-channel",
            &[&"sendChannel", &no_options],
        );
        let channel =
            channel.ok_or("webrtcbin made no data channel (is the sctp plugin there?)")?;
        connect_channel(&channel, id, events);
        Ok(Self {
            pipeline,
            webrtcbin,
            channel,
            branches: vec![],
            video_ssrcs,
        })
    }

    /// Adds a track to the next offer. `requests` is told about each keyframe request.
    pub fn add_track(
        &mut self,
        kind: Kind,
        settings: &Settings,
        feed: &Feed,
        requests: impl Fn() + Send + Sync + 'static,
    ) -> Result<(), String> {
        let flavour = settings.flavour;
        let ((payloader, caps), delay) = match kind {
            Kind::Video | Kind::Screen => (
                settings.codec.payloader(flavour),
                settings.times.video_delay,
            ),
            Kind::Audio => (
                settings.audio_codec.payloader(flavour),
                settings.times.audio_delay,
            ),
        };
        let resends = settings.resends && kind != Kind::Audio;
        let caps = caps + if resends { resend::OFFER } else { "" };
        let ssrc = glib::random_int();
        if kind != Kind::Audio {
            reports::lock(&self.video_ssrcs).insert(ssrc);
        }
        let late = match delay.as_nanos() {
            0 => String::new(),
            delay => format!("! clocksync ts-offset={delay} sync-to-first=false"),
        };
        let queue = hold::queue(settings.times.queued);
        let description = format!(
            "appsrc name=source is-live=true format=time max-bytes=4000000 leaky-type=downstream \
             {late} ! {payloader} ssrc={ssrc} {queue} ! capsfilter name=out caps={caps},ssrc=(uint){ssrc}"
        );
        let bin = gst::parse::bin_from_description(&description, false)
            .map_err(|error| error.to_string())?;
        let source = bin
            .by_name("source")
            .and_then(|source| source.downcast::<gst_app::AppSrc>().ok())
            .ok_or("no appsrc")?;
        let exit = bin
            .by_name("out")
            .and_then(|out| out.static_pad("src"))
            .ok_or("no pad")?;
        hold::hold(&bin, settings.times.queued);
        if kind == Kind::Audio {
            reports::count_by_card(settings.times.card, &exit);
            if settings.times.counts_samples {
                reports::count_samples(&exit);
            }
        }
        let exit = gst::GhostPad::with_target(&exit).map_err(|error| error.to_string())?;
        bin.add_pad(&exit).map_err(|error| error.to_string())?;
        self.pipeline.add(&bin).map_err(|error| error.to_string())?;
        let entry = self
            .webrtcbin
            .request_pad_simple("sink_%u")
            .ok_or("no sink pad")?;
        entry.set_property("msid", kind.msid());
        exit.link(&entry).map_err(|error| error.to_string())?;
        if flavour.retransmits() && kind != Kind::Audio && !resends {
            let transceiver = entry.property::<gst_webrtc::WebRTCRTPTransceiver>("transceiver");
            transceiver.set_property("do-nack", true);
        }
        if kind != Kind::Audio {
            on_keyframe_request(&source, requests);
        }
        bin.sync_state_with_parent()
            .map_err(|error| error.to_string())?;
        let (track, beginning) = match kind {
            Kind::Video | Kind::Screen => (feed.video.clone(), settings.beginning()),
            Kind::Audio => (feed.audio.clone(), Beginning::NextUnit),
        };
        self.branches.push(Branch {
            kind,
            source,
            track,
            beginning,
            outlet: None,
            is_stopped: false,
        });
        Ok(())
    }

    /// Changes the packets of the track that was added last.
    pub fn mangle_last_track(&self, seed: u64, status: &Arc<Status>) {
        if let Some(exit) = self.last_exit() {
            mangle::on(&exit, seed, status.clone());
        }
    }

    pub fn pad_last_track(&self) {
        if let Some(exit) = self.last_exit() {
            padding::on(&exit);
        }
    }

    /// Where the packets of the track leave its payloader that was added last.
    fn last_exit(&self) -> Option<gst::Pad> {
        let source = &self.branches.last()?.source;
        let bin = source.parent()?.downcast::<gst::Bin>().ok()?;
        bin.by_name("out")?.static_pad("src")
    }

    /// Begins to feed the tracks that are not fed yet. True if there were any.
    pub fn feed(&mut self) -> bool {
        let mut any = false;
        for branch in &mut self.branches {
            if branch.outlet.is_none() && !branch.is_stopped {
                let outlet = branch.track.attach(branch.source.clone(), branch.beginning);
                branch.outlet = Some(outlet);
                any = true;
            }
        }
        self.redistribute_latency();
        any
    }

    /// Sends nothing of a kind until it begins again.
    pub fn stop(&mut self, kind: Kind) {
        for branch in self.branches.iter_mut().filter(|b| b.kind == kind) {
            branch.is_stopped = true;
            if let Some(outlet) = branch.outlet.take() {
                branch.track.detach(&outlet);
            }
        }
    }

    /// Whether it had been stopped.
    pub fn begin(&mut self, kind: Kind) -> bool {
        let mut had_stopped = false;
        for branch in self.branches.iter_mut().filter(|b| b.kind == kind) {
            had_stopped |= std::mem::take(&mut branch.is_stopped);
        }
        had_stopped
    }

    pub fn redistribute_latency(&self) {
        // Fails while a branch is still starting; it posts another message then.
        let _ = self.pipeline.recalculate_latency();
    }

    /// Asks for an offer; it comes as [`PeerEvent::OfferCreated`].
    pub fn create_offer(&self, id: PeerId, events: &Sender<Event>) {
        let events = events.clone();
        let promise = gst::Promise::with_change_func(move |reply| {
            let offer = reply
                .ok()
                .flatten()
                .and_then(|reply| reply.get::<WebRTCSessionDescription>("offer").ok());
            let event = match offer.map(|offer| offer.sdp().as_text()) {
                Some(Ok(text)) => PeerEvent::OfferCreated(text.to_string()),
                _ => PeerEvent::Error("webrtcbin made no offer".into()),
            };
            let _ = events.try_send(Event::Peer(id, event));
        });
        self.webrtcbin
            .emit_by_name::<()>("create-offer", &[&None::<gst::Structure>, &promise]);
    }

    pub fn set_local_offer(&self, sdp: &str) -> Result<(), String> {
        self.describe("set-local-description", WebRTCSDPType::Offer, sdp)
    }

    pub fn set_remote_answer(&self, sdp: &str) -> Result<(), String> {
        self.describe("set-remote-description", WebRTCSDPType::Answer, sdp)
    }

    fn describe(&self, action: &str, kind: WebRTCSDPType, sdp: &str) -> Result<(), String> {
        let message = gst_sdp::SDPMessage::parse_buffer(sdp.as_bytes())
            .map_err(|_| format!("{action}: cannot be parsed"))?;
        let description = WebRTCSessionDescription::new(kind, message);
        self.webrtcbin
            .emit_by_name::<()>(action, &[&description, &None::<gst::Promise>]);
        Ok(())
    }

    pub fn add_candidate(&self, index: u32, candidate: &str) {
        self.webrtcbin
            .emit_by_name::<()>("add-ice-candidate", &[&index, &candidate]);
    }

    pub fn open_more_channels(&self, greed: Greed) {
        greed.open_channels(&self.webrtcbin);
    }

    pub fn channel_is_open(&self) -> bool {
        self.channel.ready_state() == gst_webrtc::WebRTCDataChannelState::Open
    }

    pub fn send_on_channel(&self, text: &str) -> Result<(), String> {
        if !self.channel_is_open() {
            return Err("the channel is not open".into());
        }
        self.channel
            .send_string_full(Some(text))
            .map_err(|error| error.to_string())
    }

    pub fn state(&self) -> WebRTCPeerConnectionState {
        self.webrtcbin.property("connection-state")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        for branch in &mut self.branches {
            if let Some(outlet) = branch.outlet.take() {
                branch.track.detach(&outlet);
            }
        }
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn configure_rtp(
    webrtcbin: &gst::Element,
    settings: &Settings,
    timeline: &Timeline,
    video_ssrcs: &Ssrcs,
    status: &Arc<Status>,
) {
    let rtpbin = webrtcbin
        .downcast_ref::<gst::Bin>()
        .and_then(|bin| bin.by_name("rtpbin"));
    if let Some(rtpbin) = rtpbin {
        traffic::count_what_leaves(&rtpbin, video_ssrcs, status);
        reports::tell_capture_times(&rtpbin);
        // What is queued is older than what a report would tell of.
        if settings.times.queued.is_zero() {
            reports::report_soon(webrtcbin, &rtpbin);
        }
        if timeline.is_fast() {
            reports::tell_own_time(&rtpbin);
        }
        settings.times.sender_reports.tamper(&rtpbin, video_ssrcs);
        settings.greed.multiply_ssrcs(&rtpbin);
    }
    if settings.short_datagrams {
        short::among(webrtcbin);
    }
}

fn watch_bus(pipeline: &gst::Pipeline, id: PeerId, events: &Sender<Event>) {
    let events = events.clone();
    if let Some(bus) = pipeline.bus() {
        bus.set_sync_handler(move |_, message| {
            let event = match message.view() {
                gst::MessageView::Error(error) => {
                    let text = format!("{} ({:?})", error.error(), error.debug());
                    Some(PeerEvent::Error(text))
                }
                gst::MessageView::Latency(_) => Some(PeerEvent::Latency),
                _ => None,
            };
            if let Some(event) = event {
                let _ = events.try_send(Event::Peer(id, event));
            }
            gst::BusSyncReply::Drop
        });
    }
}

fn connect_signals(webrtcbin: &gst::Element, id: PeerId, events: &Sender<Event>) {
    let to = events.clone();
    webrtcbin.connect_closure(
        "on-ice-candidate",
        false,
        glib::closure!(move |_: gst::Element, index: u32, text: String| {
            // From 1.23 on an empty one marks the end.
            if !text.is_empty() {
                let _ = to.try_send(Event::Peer(id, PeerEvent::Candidate { index, text }));
            }
        }),
    );
    let to = events.clone();
    webrtcbin.connect_notify(Some("connection-state"), move |webrtcbin, _| {
        let state = webrtcbin.property("connection-state");
        let _ = to.try_send(Event::Peer(id, PeerEvent::State(state)));
    });
    let to = events.clone();
    webrtcbin.connect_closure(
        "on-data-channel",
        false,
        glib::closure!(move |_: gst::Element, channel: WebRTCDataChannel| {
            let label = channel.label().unwrap_or_default().to_string();
            let _ = to.try_send(Event::Peer(id, PeerEvent::StrangerChannel(label)));
        }),
    );
}

fn connect_channel(channel: &WebRTCDataChannel, id: PeerId, events: &Sender<Event>) {
    let to = events.clone();
    channel.connect_on_open(move |_| {
        let _ = to.try_send(Event::Peer(id, PeerEvent::ChannelOpen));
    });
    let to = events.clone();
    channel.connect_on_message_string(move |_, text| {
        let text = text.unwrap_or_default().to_owned();
        let _ = to.try_send(Event::Peer(id, PeerEvent::ChannelText(text)));
    });
}

fn on_keyframe_request(source: &gst_app::AppSrc, requests: impl Fn() + Send + Sync + 'static) {
    if let Some(pad) = source.static_pad("src") {
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let is_request = info
                .event()
                .is_some_and(|event| gst_video::ForceKeyUnitEvent::is(event));
            if is_request {
                requests();
            }
            gst::PadProbeReturn::Ok
        });
    }
}
