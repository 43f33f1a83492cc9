// SPDX-License-Identifier: MPL-2.0
//! What is done to an offer before webrtcbin sees it, and what webrtcbin does then. Only fuzzers and
//! tests use this.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_sdp::SDPMessage;
use gst_webrtc::WebRTCICETransportPolicy;

use super::link::Transport;
use super::session::{Peer, Session};
use crate::protocol::{Abilities, Fingerprints, SessionId, StreamId, fuzzing};
use crate::vdoroomsrc::connection::sdp::narrow;
use crate::vdoroomsrc::reports::{Command, EventSender, Reports, Step};
use crate::vdoroomsrc::settings::{Engine, IceServers, PortRange, Wish};

/// webrtcbin answers sooner, or never.
const ANSWER: Duration = Duration::from_secs(20);

/// webrtcbin 1.22 loses descriptors when it is stopped just when it begins to look for candidates.
/// A session ends later than that.
const BEGINNING: Duration = Duration::from_millis(30);

fn wish() -> Wish {
    Wish {
        audio: true,
        video: true,
        screen: true,
        video_codecs: Vec::new(),
        audio_codecs: Vec::new(),
        audio_bitrate: 0,
        retransmission: true,
    }
}

/// An offer, as far as a room lets it pass.
pub fn narrowing(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    if !text.starts_with("v=0") || text.contains('\0') {
        return Ok(());
    }
    let Ok(mut sdp) = SDPMessage::parse_buffer(text.as_bytes()) else {
        return Ok(());
    };
    let tracks = narrow(&mut sdp, &["1".to_owned()], &wish(), &[], |_| true);
    if sdp.as_text().is_err() {
        return Err("a narrowed offer cannot be written".to_owned());
    }
    match tracks.len() <= sdp.medias().count() {
        true => Ok(()),
        false => Err("there are more tracks than m-lines".to_owned()),
    }
}

/// The offers that a room lets pass, applied to a webrtcbin. What there is to see is whether the
/// process survives.
pub fn applying(input: &[u8]) -> Result<(), String> {
    if fuzzing::applied(input, Abilities::default()).is_empty() {
        return Ok(());
    }
    let pipeline = gst::Pipeline::new();
    let outcome = open(&pipeline).and_then(|opened| {
        let abilities = opened.0.link.abilities();
        apply(opened, &fuzzing::applied(input, abilities))
    });
    stop(&pipeline)?;
    outcome
}

fn stop(pipeline: &gst::Pipeline) -> Result<(), String> {
    for webrtcbin in pipeline.children() {
        webrtcbin.set_locked_state(false);
    }
    let stopped = pipeline.set_state(gst::State::Null);
    stopped.map(drop).map_err(|error| error.to_string())
}

fn apply(opened: Opened, offers: &[String]) -> Result<(), String> {
    let (mut session, reports, told) = opened;
    for offer in offers {
        if negotiate(&mut session, &reports, &told, offer)?.is_none() {
            return Ok(());
        }
        session.add_candidate(0, "candidate:1 1 UDP 1 127.0.0.1 9 typ host");
        std::thread::sleep(BEGINNING);
    }
    Ok(())
}

/// Applies an offer, and says whether webrtcbin takes its own answer; nothing if there is none.
fn negotiate(
    session: &mut Session,
    reports: &Reports,
    told: &Receiver<Command>,
    offer: &str,
) -> Result<Option<Result<String, String>>, String> {
    let taken = session.set_remote_offer(offer, &["1".to_owned()], &wish(), reports);
    if taken.is_err() {
        return Ok(None);
    }
    loop {
        match step(told)? {
            Step::Answered(outcome) => return Ok(Some(outcome)),
            step => {
                if session.link.go_on(step, reports).is_err() {
                    return Ok(None);
                }
            }
        }
    }
}

/// A session, where it reports to, and what it has to say.
type Opened = (Session, Reports, Receiver<Command>);

fn open(pipeline: &gst::Pipeline) -> Result<Opened, String> {
    let playing = pipeline.set_state(gst::State::Playing);
    playing.map_err(|error| error.to_string())?;
    let (commands, told) = channel();
    let reports = Reports {
        commands,
        events: EventSender::new(async_channel::unbounded().0, Arc::default()),
    };
    let ice = IceServers {
        stun: None,
        turn: Vec::new(),
        policy: WebRTCICETransportPolicy::All,
        ports: PortRange::ANY,
    };
    let transport = Transport {
        engine: Engine::Webrtcbin,
        audio_bitrate: 0,
        ice: &ice,
        latency: 0,
        retransmission: true,
    };
    let peer = Peer {
        stream: StreamId("fuzz".to_owned()),
        number: 1,
        label: None,
        certificate: Fingerprints::default(),
    };
    let bin = pipeline.upcast_ref();
    let session = Session::open(bin, SessionId(1), peer, &transport, &reports, |_| {});
    let session = session.map_err(|error| error.to_string())?;
    Ok((session, reports, told))
}

/// The next one of the negotiation.
fn step(told: &Receiver<Command>) -> Result<Step, String> {
    let deadline = Instant::now() + ANSWER;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match told.recv_timeout(left) {
            Ok(Command::Negotiation { step, .. }) => return Ok(step),
            Ok(_) => {}
            Err(_) => return Err("webrtcbin does not answer".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};

    use super::*;

    #[test]
    fn an_answer_that_webrtcbin_does_not_take_is_not_sent() {
        gst::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let (mut session, reports, told) = open(&pipeline).unwrap();
        // There is no offer that it could answer.
        let answer = WebRTCSessionDescription::new(WebRTCSDPType::Answer, SDPMessage::new());
        let own = Step::Description(Ok(answer));
        session.link.go_on(own, &reports).unwrap();
        let outcome = step(&told).unwrap();
        assert!(matches!(outcome, Step::Answered(Err(_))), "{outcome:?}");
        stop(&pipeline).unwrap();
    }

    const SECTION: &str = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
        a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 96:8C:08:FE:FF:1A:88:6E:\
        0D:B1:3C:25:C1:E6:26:2F:80:10:31:E9:6A:CB:BF:C8:FC:6B:F1:CF:95:5E:B7:AF\r\n\
        a=setup:actpass\r\na=rtcp-mux\r\n";

    /// A medium that begins in the m-line in which it was not sent, or had stopped. The codec that
    /// was answered is not the first one that is offered.
    #[test]
    fn a_webrtcbin_follows_changes_of_direction_as_its_abilities_say() {
        gst::init().unwrap();
        let offer = |directions: [&str; 2]| {
            let lines = directions.iter().zip(0..).map(|(direction, mid)| {
                format!(
                    "m=video 9 UDP/TLS/RTP/SAVPF 97 96\r\n{SECTION}a={direction}\r\na=mid:{mid}\r\n\
                     a=rtpmap:97 H263/90000\r\na=rtpmap:96 VP8/90000\r\n\
                     a=ssrc:1{mid} cname:x\r\n"
                )
            });
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n".to_owned()
                + &lines.collect::<String>()
        };
        for changes in [
            [["sendonly", "inactive"], ["sendonly", "sendonly"]],
            [["inactive", "recvonly"], ["sendrecv", "inactive"]],
        ] {
            let pipeline = gst::Pipeline::new();
            let (mut session, reports, told) = open(&pipeline).unwrap();
            let can = session.link.abilities().direction_changes;
            let [first, second] = changes.map(offer);
            for (offer, follows) in [(&first, true), (&second, can), (&first, can)] {
                let taken = negotiate(&mut session, &reports, &told, offer).unwrap();
                let taken = taken.expect("an answer");
                assert_eq!(taken.is_ok(), follows, "{taken:?}");
                if !follows {
                    break;
                }
            }
            stop(&pipeline).unwrap();
        }
    }

    /// What `offer::set_direction` says: the last one of these is copied into the answer.
    #[test]
    fn an_m_line_that_webrtcbin_rejects_ends_nothing() {
        gst::init().unwrap();
        for line in [
            "9 UDP/TLS/RTP/SAVPF",
            "9 UD",
            "0 UD",
            "0 UDP/TLS/RTP/SAVPF 96",
        ] {
            let offer = format!(
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
                 m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{SECTION}a=sendrecv\r\na=mid:0\r\n\
                 a=rtpmap:96 VP8/90000\r\n\
                 m=audio {line}\r\n{SECTION}a=sendrecv\r\na=mid:1\r\na=bundle-only\r\n"
            );
            let pipeline = gst::Pipeline::new();
            let opened = open(&pipeline).unwrap();
            assert_eq!(apply(opened, &[offer]), Ok(()), "{line}");
            stop(&pipeline).unwrap();
        }
    }
}
