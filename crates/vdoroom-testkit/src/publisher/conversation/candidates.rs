// SPDX-License-Identifier: MPL-2.0
//! Candidates as each flavour writes and reads them (protocol 4.2 and 4.3).

use serde_json::{Value, json};

use crate::publisher::{
    flavour::{CandidateForm, Flavour},
    settings::Moment,
    wire::{events::TimerEvent, sdp},
};

use super::{context::Context, viewer::Viewer};

impl Viewer {
    /// It is this moment: tells the candidate that was kept for it.
    pub(super) fn tell_more(&mut self, now: Moment, context: &Context) {
        if let Some((moment, text)) = &context.settings.more_candidate
            && *moment == now
            && !std::mem::replace(&mut self.told_more, true)
        {
            self.candidates.push((0, text.clone()));
            self.flush_candidates(context);
        }
    }

    pub(super) fn collect(&mut self, index: u32, text: String, context: &Context) {
        if self.candidates.is_empty() {
            let delay = context.settings.flavour.candidate_delay();
            context.later(delay, TimerEvent::FlushCandidates(self.id));
        }
        let text = match context.settings.hidden_addresses {
            true => sdp::hidden(&text),
            false => text,
        };
        self.candidates.push((index, text));
    }

    pub fn flush_candidates(&mut self, context: &Context) {
        let flavour = context.settings.flavour;
        let form = flavour.candidate_form();
        let objects: Vec<Value> = self
            .candidates
            .drain(..)
            .map(|(index, text)| {
                let mid = self.wire_mids.get(index as usize);
                match form {
                    CandidateForm::Bundle => json!({
                        "candidate": text, "sdpMid": mid, "sdpMLineIndex": index
                    }),
                    CandidateForm::IndexOnly => json!({"candidate": text, "sdpMLineIndex": index}),
                    CandidateForm::MidOnly => json!({"candidate": text, "mid": mid, "sdpMid": mid}),
                }
            })
            .collect();
        let alone = flavour == Flavour::Sdk && self.peer.channel_is_open();
        match form {
            CandidateForm::Bundle if !alone => {
                self.send_candidates("candidates", &Value::Array(objects), context);
            }
            CandidateForm::Bundle | CandidateForm::IndexOnly => {
                for object in objects {
                    self.send_candidates("candidates", &json!([object]), context);
                }
            }
            CandidateForm::MidOnly => {
                for object in objects {
                    self.send_candidates("candidate", &object, context);
                }
            }
        }
    }

    fn send_candidates(&mut self, field: &str, value: &Value, context: &Context) {
        let mut message = json!({"type": "local", "session": self.session});
        self.seal(&mut message, field, value, context);
        self.send(message, context);
    }

    pub(super) fn remote_candidates(
        &mut self,
        json: &Value,
        field: &str,
        on_channel: bool,
        context: &Context,
    ) {
        let (status, flavour) = (&context.status, context.settings.flavour);
        if json["type"] != "remote" {
            status.complain(format!("{field} without type remote"));
            if flavour == Flavour::Browser {
                return;
            }
        }
        // Browsers do not look at the session of a bundle.
        let checked = flavour.wants_session() || field == "candidate";
        if checked && !self.session_matches(json, flavour) {
            return status.complain(format!("{field} with session {}", json["session"]));
        }
        let Some(value) = self.unseal(json, field, on_channel, context) else {
            return;
        };
        let objects = value.as_array().cloned().unwrap_or_else(|| vec![value]);
        for object in objects {
            self.remote_candidate(&object, context);
        }
    }

    fn remote_candidate(&mut self, object: &Value, context: &Context) {
        let text = object["candidate"].as_str().unwrap_or_default();
        let mid = object["sdpMid"].as_str();
        let by_mid = self
            .wire_mids
            .iter()
            .position(|known| Some(known.as_str()) == mid);
        let by_index = object["sdpMLineIndex"].as_u64().map(|index| index as usize);
        let index = match context.settings.flavour {
            Flavour::Raspberry => by_index,
            Flavour::Obs => by_mid,
            Flavour::Browser | Flavour::Sdk => by_index.or(by_mid),
        };
        match index {
            Some(index) if !text.is_empty() => self.peer.add_candidate(index as u32, text),
            _ => context
                .status
                .complain(format!("a candidate that cannot be used: {object}")),
        }
    }
}
