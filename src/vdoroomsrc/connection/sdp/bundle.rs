// SPDX-License-Identifier: MPL-2.0
//! Which m-line of a BUNDLE group webrtcbin sees first.
//!
//! A browser does not name the SSRCs of a simulcast in its offer. webrtcbin (`on_rtpbin_pad_added`,
//! 1.22 to 1.29) assigns such media to the first m-line of the group (RFC 8843 section 7.2.1), and
//! ends the process if that is the data channel. So webrtcbin sees the m-line without SSRCs first
//! in its group. The publisher sees its own order, and candidates are translated between the two.

use std::sync::{Arc, OnceLock};

use gst_sdp::{SDPMessage, SDPMessageRef};

use super::attributes::remove_attributes;
use super::named::Named;
use super::offer::Promised;

const GROUP: &str = "group";
const BUNDLE: &str = "BUNDLE";
const CANDIDATE: &str = "candidate";

/// The order of one connection, which its first offer decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order(Arc<OnceLock<Option<Lead>>>);

#[derive(Debug)]
struct Lead {
    mid: String,
    /// Its m-line, and that which is first in the offer.
    line: u32,
    offered: u32,
}

impl Order {
    /// Reorders the group of an offer whose tracks and SSRCs are these.
    pub(crate) fn change_offer(&self, offer: &mut SDPMessage, tracks: &[Promised], named: &Named) {
        let lead = self.0.get_or_init(|| Lead::of(offer, tracks, named));
        let Some(lead) = lead.as_ref().filter(|lead| lead.put_first(offer)) else {
            return;
        };
        // The candidates of the group are those of its first m-line.
        let candidates = take_candidates(offer, lead.offered);
        take_candidates(offer, lead.line);
        if let Some(media) = offer.media_mut(lead.line) {
            for candidate in candidates {
                media.add_attribute(CANDIDATE, Some(&candidate));
            }
        }
    }

    /// Gives webrtcbin's own answer the order that it has seen.
    pub(crate) fn change_answer(&self, answer: &mut SDPMessageRef) {
        if let Some(Some(lead)) = self.0.get() {
            lead.put_first(answer);
        }
    }

    /// The m-line of a candidate: the publisher's for webrtcbin's, and the other way round.
    pub(crate) fn translate(&self, line: u32) -> u32 {
        match self.0.get() {
            Some(Some(lead)) if line == lead.offered => lead.line,
            Some(Some(lead)) if line == lead.line => lead.offered,
            _ => line,
        }
    }
}

impl Lead {
    /// The first accepted m-line without SSRCs; none if the group begins with it anyway.
    fn of(offer: &SDPMessageRef, tracks: &[Promised], named: &Named) -> Option<Self> {
        let (_, group) = bundle(offer)?;
        let mids: Vec<_> = offer.medias().map(|m| m.attribute_val("mid")).collect();
        let line_of = |mid: &str| mids.iter().position(|own| *own == Some(mid));
        let offered = line_of(group.first()?)?;
        let is_unnamed = |mid: &&String| {
            let line = line_of(mid).and_then(|line| u32::try_from(line).ok());
            let is_accepted = tracks.iter().any(|t| t.mid == **mid && t.codec.is_ok());
            let is_open = line.and_then(|line| offer.media(line)?.port().into());
            is_accepted && is_open != Some(0) && !named.iter().any(|(_, of)| Some(*of) == line)
        };
        let mid = group.iter().find(is_unnamed)?;
        let line = line_of(mid)?;
        (line != offered).then_some(Self {
            mid: mid.clone(),
            line: u32::try_from(line).ok()?,
            offered: u32::try_from(offered).ok()?,
        })
    }

    /// False if the group does not have it.
    fn put_first(&self, sdp: &mut SDPMessageRef) -> bool {
        let Some((at, group)) = bundle(sdp).filter(|(_, group)| group.contains(&self.mid)) else {
            return false;
        };
        let others = group.iter().filter(|mid| **mid != self.mid);
        let order: Vec<_> = [BUNDLE, &self.mid]
            .into_iter()
            .chain(others.map(|s| s.as_str()))
            .collect();
        let attribute = gst_sdp::SDPAttribute::new(GROUP, Some(&order.join(" ")));
        sdp.replace_attribute(at, attribute).is_ok()
    }
}

/// The index of the attribute with the first BUNDLE group, and the mids of that.
fn bundle(sdp: &SDPMessageRef) -> Option<(u32, Vec<String>)> {
    (0..).zip(sdp.attributes()).find_map(|(at, attribute)| {
        let mut words = attribute.value()?.split_ascii_whitespace();
        let is_bundle = attribute.key() == GROUP && words.next() == Some(BUNDLE);
        is_bundle.then(|| (at, words.map(str::to_owned).collect()))
    })
}

fn take_candidates(offer: &mut SDPMessageRef, line: u32) -> Vec<String> {
    let Some(media) = offer.media_mut(line) else {
        return Vec::new();
    };
    let own = media.attributes().filter(|a| a.key() == CANDIDATE);
    let own = own.filter_map(|a| a.value().map(str::to_owned)).collect();
    remove_attributes(media, |key, _| key == CANDIDATE);
    own
}

#[cfg(test)]
mod tests {
    use super::super::offer::Refusal;
    use super::*;
    use crate::vdoroomsrc::media::Kind;

    const OFFER: &str = "v=0\r\no=- 1 3 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        a=group:LS x\r\na=group:BUNDLE c a v\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:c\r\na=candidate:1 of c\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=ssrc:7 cname:x\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\na=candidate:2 of v\r\n";

    fn parsed(sdp: &str) -> SDPMessage {
        gst::init().unwrap();
        SDPMessage::parse_buffer(sdp.as_bytes()).unwrap()
    }

    fn track(mid: &str, codec: Result<&'static str, Refusal>) -> Promised {
        Promised {
            mid: mid.into(),
            kind: Kind::Video,
            codec,
            agreed: None,
        }
    }

    /// The order of this offer, of which both media are accepted, and what webrtcbin sees of it.
    fn order_of(offer: &str, named: &Named) -> (Order, String) {
        let (order, mut offer) = (Order::default(), parsed(offer));
        let tracks = [track("a", Ok("OPUS")), track("v", Ok("VP8"))];
        order.change_offer(&mut offer, &tracks, named);
        (order, offer.as_text().unwrap())
    }

    #[test]
    fn media_without_ssrcs_comes_first_and_has_the_candidates() {
        let (order, seen) = order_of(OFFER, &vec![(7, 1)]);
        assert!(seen.contains("a=group:BUNDLE v c a\r\n"), "{seen}");
        assert!(seen.contains("a=mid:v\r\na=candidate:1 of c\r\n"), "{seen}");
        assert_eq!(seen.matches("candidate").count(), 1, "{seen}");
        assert_eq!([0, 1, 2, 3].map(|line| order.translate(line)), [2, 1, 0, 3]);
        let mut answer = parsed(OFFER);
        order.change_answer(&mut answer);
        let answer = answer.as_text().unwrap();
        assert!(answer.contains("a=group:BUNDLE v c a\r\n"), "{answer}");
    }

    #[test]
    fn the_order_stays_that_of_the_first_offer() {
        let first = OFFER.replace("c a v", "c").replace("VP8", "");
        let (order, mut offer) = (Order::default(), parsed(&first));
        order.change_offer(&mut offer, &[], &vec![]);
        let mut later = parsed(OFFER);
        order.change_offer(&mut later, &[track("v", Ok("VP8"))], &vec![]);
        let seen = later.as_text().unwrap();
        assert!(seen.contains("a=group:BUNDLE c a v\r\n"), "{seen}");
        let (order, _) = order_of(OFFER, &vec![(7, 1)]);
        let mut later = parsed(OFFER);
        order.change_offer(&mut later, &[], &vec![(7, 1), (8, 2)]);
        let seen = later.as_text().unwrap();
        assert!(seen.contains("a=group:BUNDLE v c a\r\n"), "{seen}");
    }

    #[test]
    fn a_group_is_left_as_it_is_where_nothing_is_gained() {
        let first_already = OFFER.replace("c a v", "v a c");
        let refused = OFFER.replace("m=video 9", "m=video 0");
        let none = OFFER.replace("a=group:BUNDLE c a v\r\n", "");
        let not_in_it = OFFER.replace("c a v", "c a");
        for (offer, named) in [
            (OFFER, vec![(7, 1), (8, 2)]),
            (&first_already, vec![(7, 1)]),
            (&refused, vec![(7, 1)]),
            (&none, vec![(7, 1)]),
            (&not_in_it, vec![(7, 1)]),
        ] {
            let (order, seen) = order_of(offer, &named);
            assert_eq!(seen, parsed(offer).as_text().unwrap());
            assert_eq!(order.translate(0), 0, "{offer}");
        }
    }
}
