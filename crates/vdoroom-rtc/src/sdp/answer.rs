// SPDX-License-Identifier: MPL-2.0
//! What we answer: everything that is offered and can be received, and nothing is sent.

use std::fmt::Write;

use super::line::{Carries, Format, Line};
use super::offer::{Offer, Setup};

/// The feedback that we send, if the publisher offers to hear it.
const FEEDBACK: [&str; 2] = ["nack pli", "transport-cc"];

/// How we are to be reached.
pub(crate) struct Ours<'a> {
    pub session: u64,
    /// Which answer of the session.
    pub version: u64,
    pub user: &'a str,
    pub password: &'a str,
    /// The value of `a=fingerprint`.
    pub fingerprint: &'a str,
    pub setup: Setup,
    /// Of data channels, in bytes.
    pub max_message: u32,
    pub retransmission: bool,
}

/// The answer to an offer.
pub(crate) fn answer(offer: &Offer, ours: &Ours<'_>) -> String {
    let mut answer = Lines(String::with_capacity(4096));
    answer.add(format_args!("v=0"));
    let (session, version) = (ours.session, ours.version);
    answer.add(format_args!("o=- {session} {version} IN IP4 127.0.0.1"));
    answer.add(format_args!("s=-"));
    answer.add(format_args!("t=0 0"));
    let accepted = offer.lines.iter();
    let accepted = accepted.filter(|line| line.carries != Carries::Nothing);
    let mids: Vec<&str> = accepted.map(|line| line.mid.as_str()).collect();
    if !mids.is_empty() {
        answer.add(format_args!("a=group:BUNDLE {}", mids.join(" ")));
    }
    for line in &offer.lines {
        match &line.carries {
            Carries::Media(_) => media(&mut answer, line, ours),
            Carries::Channels => channels(&mut answer, line, ours),
            Carries::Nothing => refused(&mut answer, line),
        }
    }
    answer.0
}

struct Lines(String);

impl Lines {
    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.0.write_fmt(line);
        self.0.push_str("\r\n");
    }
}

fn media(answer: &mut Lines, line: &Line, ours: &Ours<'_>) {
    let is_wanted = |format: &&Format| format.repairs.is_none() || ours.retransmission;
    let formats: Vec<&Format> = line.formats.iter().filter(is_wanted).collect();
    let numbers = formats.iter().map(|format| format.payload_type.to_string());
    let numbers: Vec<String> = numbers.collect();
    let (kind, protocol) = (&line.media, &line.protocol);
    answer.add(format_args!("m={kind} 9 {protocol} {}", numbers.join(" ")));
    answer.add(format_args!("c=IN IP4 0.0.0.0"));
    answer.add(format_args!("a=rtcp:9 IN IP4 0.0.0.0"));
    transport(answer, line, ours);
    answer.add(format_args!("a=rtcp-mux"));
    if line.reduced_reports {
        answer.add(format_args!("a=rtcp-rsize"));
    }
    let direction = if line.sends { "recvonly" } else { "inactive" };
    answer.add(format_args!("a={direction}"));
    for (id, uri) in line.accepted_extensions() {
        answer.add(format_args!("a=extmap:{id} {uri}"));
    }
    if let Some(layer) = &line.layer {
        answer.add(format_args!("a=rid:{layer} recv"));
        answer.add(format_args!("a=simulcast:recv {layer}"));
    }
    for format in formats {
        let payload = format.payload_type;
        answer.add(format_args!("a=rtpmap:{payload} {}", format.map));
        if let Some(parameters) = &format.parameters {
            answer.add(format_args!("a=fmtp:{payload} {parameters}"));
        }
        let nack = ours.retransmission.then_some("nack");
        for feedback in FEEDBACK.into_iter().chain(nack) {
            if format.has_feedback(feedback) {
                answer.add(format_args!("a=rtcp-fb:{payload} {feedback}"));
            }
        }
    }
}

fn channels(answer: &mut Lines, line: &Line, ours: &Ours<'_>) {
    let (protocol, formats) = (&line.protocol, &line.format_list);
    answer.add(format_args!("m=application 9 {protocol} {formats}"));
    answer.add(format_args!("c=IN IP4 0.0.0.0"));
    transport(answer, line, ours);
    answer.add(format_args!("a=sctp-port:5000"));
    answer.add(format_args!("a=max-message-size:{}", ours.max_message));
}

fn transport(answer: &mut Lines, line: &Line, ours: &Ours<'_>) {
    answer.add(format_args!("a=mid:{}", line.mid));
    answer.add(format_args!("a=ice-ufrag:{}", ours.user));
    answer.add(format_args!("a=ice-pwd:{}", ours.password));
    answer.add(format_args!("a=ice-options:trickle"));
    answer.add(format_args!("a=fingerprint:{}", ours.fingerprint));
    answer.add(format_args!("a=setup:{}", ours.setup.as_str()));
}

/// As RFC 3264 section 6 wants it: with the formats that were offered.
fn refused(answer: &mut Lines, line: &Line) {
    let (media, protocol, formats) = (&line.media, &line.protocol, &line.format_list);
    answer.add(format_args!("m={media} 0 {protocol} {formats}"));
    answer.add(format_args!("c=IN IP4 0.0.0.0"));
    if !line.mid.is_empty() {
        answer.add(format_args!("a=mid:{}", line.mid));
    }
    answer.add(format_args!("a=inactive"));
}
