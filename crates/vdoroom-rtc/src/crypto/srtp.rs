// SPDX-License-Identifier: MPL-2.0
//! SRTP and SRTCP of one connection.
//!
//! Each SSRC has a context of its own. The library keeps one state for each SSRC that it has seen,
//! whether the packet was genuine or not; here only a genuine packet leaves anything behind.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use rtc_rtp::header::{Extension, Header};
use rtc_srtp::context::Context;
use rtc_srtp::crypto::providers::RingCrypto;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::keys::{Key, Keys};

/// A publisher without RTX repeats a packet as it was, and good video sends hundreds in a second.
const REPLAY_PACKETS: usize = 4096;

const REPLAY_REPORTS: usize = 128;

/// Who reports without sending media: SSRCs of them are not in the offer.
const MAX_REPORTERS: usize = 64;

/// Who sends media, or repeats it. A publisher has a few; each costs us memory.
const MAX_SENDERS: usize = 128;

/// Of a header without extension and contributing sources.
const FIXED_HEADER: usize = 12;

/// The longest that a header can be beside that: 15 sources and 65,535 words.
static ZEROS: [u8; 4 * (15 + 65_536)] = [0; 4 * (15 + 65_536)];

pub(crate) struct Srtp {
    profile: ProtectionProfile,
    theirs: Key,
    streams: HashMap<u32, Context>,
    reports: HashMap<u32, Context>,
    ours: Context,
    /// What the library looks at of a packet: its SSRC, its number, and how long the header is.
    header: Header,
}

impl Srtp {
    pub(crate) fn new(keys: &Keys) -> Option<Self> {
        Some(Self {
            profile: keys.profile,
            theirs: keys.theirs.clone(),
            streams: HashMap::new(),
            reports: HashMap::new(),
            ours: context(keys.profile, &keys.ours)?,
            header: Header {
                version: 2,
                extension: true,
                // Neither of those that are read in pieces.
                extension_profile: 0,
                extensions: vec![Extension {
                    id: 0,
                    payload: Bytes::new(),
                }],
                ..Header::default()
            },
        })
    }

    /// A packet of media, if it is genuine and new. Its header, of which `length` bytes are not
    /// encrypted, has this SSRC and number.
    pub(crate) fn open(
        &mut self,
        packet: &[u8],
        (ssrc, sequence, length): (u32, u16, usize),
    ) -> Option<BytesMut> {
        self.header.ssrc = ssrc;
        self.header.sequence_number = sequence;
        // Beside the extension's own header of four bytes.
        let rest = length.checked_sub(FIXED_HEADER)?;
        self.header.extension = rest > 0;
        let extension = self.header.extensions.first_mut()?;
        extension.payload = Bytes::from_static(ZEROS.get(..rest.saturating_sub(4))?);
        if let Some(context) = self.streams.get_mut(&ssrc) {
            return context.decrypt_rtp_with_header(packet, &self.header).ok();
        }
        if self.streams.len() >= MAX_SENDERS {
            return None;
        }
        let mut context = context(self.profile, &self.theirs)?;
        let opened = context.decrypt_rtp_with_header(packet, &self.header).ok()?;
        self.streams.insert(ssrc, context);
        Some(opened)
    }

    /// A packet of reports, if it is genuine and new.
    pub(crate) fn open_reports(&mut self, packet: &[u8]) -> Option<BytesMut> {
        if !self.is_encrypted(packet) {
            return None;
        }
        let ssrc = u32::from_be_bytes(packet.get(4..8)?.try_into().ok()?);
        if let Some(context) = self.reports.get_mut(&ssrc) {
            return context.decrypt_rtcp(packet).ok();
        }
        if self.reports.len() >= MAX_REPORTERS {
            return None;
        }
        let mut context = context(self.profile, &self.theirs)?;
        let opened = context.decrypt_rtcp(packet).ok()?;
        self.reports.insert(ssrc, context);
        Some(opened)
    }

    /// The library takes reports that are not encrypted as they are, without a look at who sent
    /// them. WebRTC has none.
    fn is_encrypted(&self, packet: &[u8]) -> bool {
        let behind = self.profile.rtcp_auth_tag_len();
        let flag = packet.len().checked_sub(behind + 4);
        let flag = flag.and_then(|at| packet.get(at));
        flag.is_some_and(|byte| byte & 0x80 != 0)
    }

    pub(crate) fn seal_reports(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.ours.encrypt_rtcp(packet).ok()
    }
}

/// As a publisher protects what it sends.
#[cfg(test)]
pub(crate) fn sealing(keys: &Keys) -> Context {
    context(keys.profile, &keys.ours).unwrap()
}

fn context(profile: ProtectionProfile, key: &Key) -> Option<Context> {
    Context::new(
        &key.key,
        &key.salt,
        profile,
        Some(srtp_replay_protection(REPLAY_PACKETS)),
        Some(srtcp_replay_protection(REPLAY_REPORTS)),
        &RingCrypto,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(profile: ProtectionProfile) -> (Keys, Keys) {
        let key = |byte: u8| Key {
            key: vec![byte; profile.key_len()],
            salt: vec![byte + 1; profile.salt_len()],
        };
        let of = |ours, theirs| Keys {
            profile,
            ours,
            theirs,
        };
        (of(key(1), key(9)), of(key(9), key(1)))
    }

    const PROFILES: [ProtectionProfile; 3] = [
        ProtectionProfile::AeadAes128Gcm,
        ProtectionProfile::AeadAes256Gcm,
        ProtectionProfile::Aes128CmHmacSha1_80,
    ];

    fn packet(sequence: u16, extension: &[u8]) -> (Vec<u8>, usize) {
        let mut packet = vec![if extension.is_empty() { 0x80 } else { 0x90 }, 96];
        packet.extend(sequence.to_be_bytes());
        packet.extend([0, 0, 0, 1, 0, 0, 0, 7]);
        if !extension.is_empty() {
            packet.extend([0xbe, 0xde, 0, (extension.len() / 4) as u8]);
            packet.extend(extension);
        }
        let header = packet.len();
        packet.extend(b"payload");
        (packet, header)
    }

    #[test]
    fn packets_are_opened_once_whatever_their_header_has() {
        for profile in PROFILES {
            let (sender, receiver) = keys(profile);
            let mut sender = context(profile, &sender.ours).unwrap();
            let mut receiver = Srtp::new(&receiver).unwrap();
            for (sequence, extension) in [(1, &[][..]), (2, &[0x10, 1, 0, 0]), (3, &[])] {
                let (plain, header) = packet(sequence, extension);
                let sealed = sender.encrypt_rtp(&plain).unwrap();
                let opened = receiver.open(&sealed, (7, sequence, header)).unwrap();
                assert_eq!(*opened, *plain, "{profile:?}");
                assert!(receiver.open(&sealed, (7, sequence, header)).is_none());
            }
        }
    }

    #[test]
    fn what_is_not_genuine_leaves_nothing_behind() {
        for profile in PROFILES {
            let (sender, receiver) = keys(profile);
            let mut sender = context(profile, &sender.ours).unwrap();
            let mut receiver = Srtp::new(&receiver).unwrap();
            let (plain, header) = packet(1, &[]);
            let mut forged = sender.encrypt_rtp(&plain).unwrap();
            forged[13] ^= 1;
            assert!(receiver.open(&forged, (7, 1, header)).is_none());
            assert!(receiver.open(&forged[..5], (7, 1, header)).is_none());
            assert!(receiver.open(&forged, (7, 1, 5)).is_none());
            assert!(receiver.open(&forged, (7, 1, 90_000)).is_none());
            assert!(receiver.streams.is_empty());
            for length in 0..40 {
                assert!(receiver.open_reports(&vec![0x80; length]).is_none());
            }
            assert!(receiver.reports.is_empty());
        }
    }

    #[test]
    fn a_publisher_has_so_many_ssrcs_and_no_more() {
        let (sender, receiver) = keys(PROFILES[0]);
        let mut sender = context(PROFILES[0], &sender.ours).unwrap();
        let mut receiver = Srtp::new(&receiver).unwrap();
        let taken = (0..2 * MAX_SENDERS as u32).filter(|ssrc| {
            let (mut plain, header) = packet(1, &[]);
            plain[8..12].copy_from_slice(&ssrc.to_be_bytes());
            let sealed = sender.encrypt_rtp(&plain).unwrap();
            receiver.open(&sealed, (*ssrc, 1, header)).is_some()
        });
        assert_eq!(taken.count(), MAX_SENDERS);
    }

    #[test]
    fn reports_are_opened_if_they_are_encrypted() {
        for profile in PROFILES {
            let (sender, receiver) = keys(profile);
            let mut sender = Srtp::new(&sender).unwrap();
            let mut receiver = Srtp::new(&receiver).unwrap();
            let plain = [0x80, 201, 0, 1, 0, 0, 0, 7];
            let sealed = sender.seal_reports(&plain).unwrap();
            assert_eq!(*receiver.open_reports(&sealed).unwrap(), plain);
            assert!(receiver.open_reports(&sealed).is_none(), "a replay");
            let mut open = plain.to_vec();
            open.extend([0, 0, 0, 9]);
            open.extend([0; 26]);
            assert!(receiver.open_reports(&open).is_none(), "{profile:?}");
        }
    }
}
