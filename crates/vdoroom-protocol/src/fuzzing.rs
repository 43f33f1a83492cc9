// SPDX-License-Identifier: MPL-2.0
//! The parsers of untrusted input, with the rules that hold for every input. Only fuzzers and tests
//! use this.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

use crate::api::{
    Abilities, Bitrates, Dialect, Filter, MediaRequest, Password, RoomConfig, STALL, Shard,
    StreamInfo,
};
use crate::json::{self, bounded_json};
use crate::limits::{MAX_CANDIDATE, MAX_LABEL, MAX_M_LINES, MAX_NAME, MAX_SDP};
use crate::messages::{self, Body, Dialog, Incoming, PeerMessage, candidate, news};
use crate::names::{Sealed, Secrets};
use crate::sdp::{Change, Offer, classify};

fn rule(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

/// A message of the websocket, whose first byte chooses the dialect, and of a data channel.
pub fn wire(input: &[u8]) -> Result<(), String> {
    let Some((first, text)) = input.split_first() else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(text);
    let asked = [Dialect::Auto, Dialect::Hosted, Dialect::Relay][usize::from(*first) % 3];
    let mut dialog = Dialog::new(asked, None, &mut ChaCha20Rng::from_seed([1; 32]));
    match messages::read(&text, &mut dialog) {
        Ok(Incoming::FromPeer { peer, message }) => {
            rule(peer.to_string().len() <= MAX_NAME, "a peer's name is short")?;
            said(&message)?;
        }
        Ok(Incoming::Listing(listing) | Incoming::Transferred(listing)) => {
            let short = |name: &str| !name.is_empty() && name.len() <= MAX_NAME;
            for (peer, stream) in &listing.members {
                rule(short(&peer.to_string()), "a member's name is short")?;
                rule(
                    stream.as_deref().is_none_or(short),
                    "a stream's name is short",
                )?;
            }
        }
        _ => {}
    }
    match messages::read_channel(&text) {
        Ok(message) => said(&message),
        Err(_) => Ok(()),
    }
}

fn said(message: &PeerMessage) -> Result<(), String> {
    for name in [&message.stream, &message.session].into_iter().flatten() {
        rule(
            !name.is_empty() && name.len() <= MAX_NAME,
            "names are short",
        )?;
    }
    match &message.body {
        Body::Candidates(Sealed::Clear(value)) => candidates(value),
        Body::News(fields) => {
            let mut info = StreamInfo::default();
            news::apply(&mut info, fields);
            let once = info.clone();
            news::apply(&mut info, fields);
            rule(info == once, "news that come twice change nothing")?;
            let printable = |label: &String| {
                label.chars().count() <= MAX_LABEL && !label.contains(char::is_control)
            };
            rule(
                info.label.as_ref().is_none_or(printable),
                "a label is short and printable",
            )
        }
        _ => Ok(()),
    }
}

fn candidates(value: &Value) -> Result<(), String> {
    for candidate in candidate::read(value) {
        let text = &candidate.text;
        rule(text.len() <= MAX_CANDIDATE, "a candidate is short")?;
        rule(!text.contains(char::is_control), "a candidate is one line")?;
        let mid = candidate.mid.as_deref().unwrap_or_default();
        rule(
            mid.len() <= MAX_NAME,
            "the m-line of a candidate has a short name",
        )?;
    }
    Ok(())
}

/// A ciphertext and its vector, divided by a line break; and JSON to be sealed and opened again.
pub fn decryption(input: &[u8]) -> Result<(), String> {
    let secrets = Secrets::new(&RoomConfig {
        room: None,
        password: Password::Own("secret".to_owned()),
        salt: "vdo.ninja".to_owned(),
        token: None,
        dialect: Dialect::Auto,
        accept_unencrypted: false,
        filter: Filter::default(),
        shard: Shard::default(),
        max_streams: 0,
        media: MediaRequest {
            audio: true,
            video: true,
            screen: true,
            label: String::new(),
            program: String::new(),
        },
        bitrates: Bitrates::default(),
        stream_timeout: STALL,
        seed: [0; 32],
    });
    let text = String::from_utf8_lossy(input);
    let (cipher, vector) = text.split_once('\n').unwrap_or((&text, ""));
    let vector_of = |bytes: &[u8]| {
        let mut vector = [0; 16];
        vector
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        vector
    };
    for (hex, vector) in [
        (cipher.to_owned(), vector.to_owned()),
        (hex::encode(input), hex::encode(vector_of(input))),
    ] {
        // Whatever comes out: it does not end the process.
        let _ = secrets.open(&Sealed::Encrypted { hex, vector });
    }
    let Ok(value) = bounded_json(&text) else {
        return Ok(());
    };
    // The last digit of a fraction may change each time that it is read.
    if bounded_json(&value.to_string()) != Ok(value.clone()) {
        return Ok(());
    }
    let clear = Sealed::Clear(value.clone());
    rule(
        secrets.open_signalled(&clear).is_err(),
        "nothing in clear is taken",
    )?;
    let sealed = secrets.seal("candidates", value.clone(), Some(vector_of(input)));
    let part = |name: &str| json::text(&sealed, name).unwrap_or_default().to_owned();
    let sealed = Sealed::Encrypted {
        hex: part("candidates"),
        vector: part("vector"),
    };
    let opened = secrets.open_signalled(&sealed);
    let same = opened == Ok(value);
    rule(same, "what was sealed opens as it was")
}

/// Two offers, divided by a zero byte: one of a publisher, and the one after it.
pub fn sdp(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let (first, second) = text.split_once('\0').unwrap_or((&text, &text));
    let Ok(first) = Offer::parse(first) else {
        return Ok(());
    };
    let again = Offer::parse(&first.sdp);
    rule(
        again.as_ref() == Ok(&first),
        "what is applied reads as what was offered",
    )?;
    let able = Abilities {
        direction_changes: true,
        ice_restarts: true,
    };
    rule(
        classify(&first, &first, able) == Change::Same,
        "an offer does not differ from itself",
    )?;
    rule(first.sdp.len() <= MAX_SDP, "an offer is short")?;
    rule(
        first.line_of(None, Some(MAX_M_LINES as u64)).is_none(),
        "an offer has few m-lines",
    )?;
    let _ = first.fingerprints().are_of(input);
    let all: Vec<usize> = (0..MAX_M_LINES).collect();
    for mid in first.screen_mids(&all) {
        rule(
            first.line_of(Some(&mid), None).is_some(),
            "a screen is an m-line",
        )?;
    }
    if let Ok(second) = Offer::parse(second)
        && !first.same_certificate(&second)
    {
        let restart = matches!(classify(&first, &second, able), Change::Restart { .. });
        rule(restart, "another certificate is another connection")?;
    }
    Ok(())
}

/// What the room has applied of the offers of such an input, one after the other, to connections that
/// can do so much.
pub fn applied(input: &[u8], abilities: Abilities) -> Vec<String> {
    let text = String::from_utf8_lossy(input);
    let mut offers = text.split('\0').filter_map(|sdp| Offer::parse(sdp).ok());
    let Some(first) = offers.next() else {
        return Vec::new();
    };
    let mut applied = vec![first];
    for offer in offers {
        let change = applied.last().map(|last| classify(last, &offer, abilities));
        if !matches!(change, Some(Change::Restart { .. })) {
            applied.push(offer);
        }
    }
    applied.into_iter().map(|offer| offer.sdp).collect()
}
