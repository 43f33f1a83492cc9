// SPDX-License-Identifier: MPL-2.0
//! What webrtcbin replies to what it was asked for.

use gst::glib;

use crate::vdoroomsrc::reports::Candidate;

pub(super) fn outcome(
    reply: Result<Option<&gst::StructureRef>, gst::PromiseError>,
) -> Result<(), String> {
    match reply {
        Ok(None) => Ok(()),
        Ok(Some(reply)) if !reply.has_field("error") => Ok(()),
        Ok(Some(reply)) => Err(error_of(reply)),
        Err(error) => Err(format!("{error:?}")),
    }
}

pub(super) fn error_of(reply: &gst::StructureRef) -> String {
    match reply.get::<glib::Error>("error") {
        Ok(error) => error.message().to_owned(),
        Err(_) => format!("webrtcbin said {reply}"),
    }
}

/// The selected pair among webrtcbin's statistics.
pub(super) fn pair(stats: &gst::StructureRef) -> Option<(Candidate, Candidate)> {
    let of = |key: &str| {
        let mut all = stats
            .iter()
            .filter_map(|(_, v)| v.get::<gst::Structure>().ok());
        let id = all.find_map(|s| s.get::<String>(key).ok())?;
        let candidate = stats.get::<gst::Structure>(id.as_str()).ok()?;
        Some(Candidate {
            kind: candidate.get("candidate-type").ok()?,
            address: candidate.get("address").ok()?,
            port: candidate.get("port").ok()?,
            // 1.22 always says "none" for the protocol to a TURN server.
            protocol: candidate
                .get::<String>("relay-protocol")
                .ok()
                .filter(|protocol| protocol != "none")
                .or_else(|| candidate.get("protocol").ok())?,
        })
    };
    Some((of("local-candidate-id")?, of("remote-candidate-id")?))
}
