// SPDX-License-Identifier: MPL-2.0
//! Opus, and samples without a form.

use super::*;

#[test]
fn a_packet_of_opus_is_what_rfc_6716_says() {
    // 20 ms of CELT in stereo, with the code of how many frames there are.
    let toc = |code: u8| 0xfc | code;
    let long = vec![0; 1276];
    for (payload, good) in [
        // One frame, also of no bytes.
        (vec![toc(0)], true),
        (vec![toc(0), 1, 2], true),
        ([&[toc(0)][..], &long[..1275]].concat(), true),
        ([&[toc(0)][..], &long].concat(), false),
        // Two of the same length.
        (vec![toc(1), 1, 2], true),
        (vec![toc(1), 1, 2, 3], false),
        // Two of any length.
        (vec![toc(2), 1, 1, 2, 3], true),
        (vec![toc(2)], false),
        (vec![toc(2), 3, 1, 2], false),
        (vec![toc(2), 252], false),
        // Any number: none, six of them, more than 120 ms.
        (vec![toc(3)], false),
        (vec![toc(3), 0], false),
        (vec![toc(3), 6, 1, 2, 3, 4, 5, 6], true),
        (vec![toc(3), 7, 1, 2, 3, 4, 5, 6, 7], false),
        (vec![toc(3), 6, 1, 2, 3, 4, 5], false),
        // Each with its length.
        (vec![toc(3), 0x83, 1, 2, 1, 2, 3, 4], true),
        (vec![toc(3), 0x83, 1, 2, 1, 2], false),
        (vec![toc(3), 0x83, 1], false),
        // Padding.
        (vec![toc(3), 0x42, 2, 1, 2, 0, 0], true),
        (vec![toc(3), 0x42, 3, 1, 2], false),
        (vec![toc(3), 0x42, 255], false),
        // 60 ms of SILK twice, and three times.
        (vec![0x1b, 2, 1, 2], true),
        (vec![0x1b, 3, 1, 2, 3], false),
    ] {
        assert_eq!(is_good("OPUS", &payload), good, "{payload:x?}");
    }
}

#[test]
fn samples_are_any_bytes() {
    for codec in ["PCMU", "PCMA", "G722"] {
        assert!(is_good(codec, &[0]), "{codec}");
    }
}

/// Whether 50 packets cannot be of this codec together. Each is `ticks` after the one before.
fn are_strange(codec: &str, ticks: u32, packets: impl Fn(u32) -> Vec<u8>) -> bool {
    let mut payload = Payload::of(Codec::by_name(codec).unwrap());
    for number in 0..50 {
        payload.check(&Packet {
            timestamp: (number * ticks).wrapping_sub(5 * ticks),
            marker: false,
            payload: &packets(number),
            follows: number > 0,
        });
    }
    payload.was_strange()
}

/// Bytes like those that encryption makes.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9);
    let bytes = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    });
    bytes.skip(16).take(length).collect()
}

#[test]
fn encrypted_opus_has_more_kinds_of_packets_than_an_encoder_makes() {
    for length in [32, 96, 336, 640] {
        assert!(are_strange("OPUS", 960, |number| noise(number, length)));
    }
    // All modes and bandwidths of 20 ms, in mono and stereo, and the noise behind them.
    let toc = [0x08, 0x28, 0x48, 0x68, 0x78, 0x98, 0xb8, 0xd8, 0xf8];
    assert!(!are_strange("OPUS", 960, |number| {
        let mut packet = noise(number, 160);
        packet[0] = toc[number as usize % toc.len()] | (number as u8 & 1) << 2;
        packet
    }));
}

#[test]
fn encrypted_samples_are_longer_than_their_time() {
    for (codec, bytes, ticks) in [("PCMU", 160, 160), ("PCMA", 80, 80), ("G722", 240, 240)] {
        let encrypted = 16 + (bytes / 16 + 1) * 16;
        assert!(
            are_strange(codec, ticks, |n| noise(n, encrypted)),
            "{codec}"
        );
        assert!(!are_strange(codec, ticks, |n| noise(n, bytes)), "{codec}");
        // Stereo, and a pause after each packet.
        assert!(
            !are_strange(codec, ticks, |n| noise(n, 2 * bytes)),
            "{codec}"
        );
        assert!(
            !are_strange(codec, 2 * ticks, |n| noise(n, encrypted)),
            "{codec}"
        );
    }
}
