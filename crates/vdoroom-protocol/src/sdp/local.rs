// SPDX-License-Identifier: MPL-2.0
//! Names of the local network in the place of addresses.

/// Candidates with an mDNS name go: libnice may wait for them, and the address behind comes as a
/// peer-reflexive candidate anyway.
pub(super) fn without_local_names(sdp: &str) -> String {
    let local = |line: &str| line.starts_with("a=candidate:") && is_local_name(line);
    if !sdp.lines().any(local) {
        return sdp.to_owned();
    }
    let kept = sdp.lines().filter(|line| !local(line));
    kept.flat_map(|line| [line, "\r\n"]).collect()
}

/// Whether a candidate's address (its fifth word) is an mDNS name, in capitals (RFC 4343) or with
/// the dot of the root as well.
pub fn is_local_name(candidate: &str) -> bool {
    let address = candidate.split_ascii_whitespace().nth(4);
    let labels = address.map(|address| address.strip_suffix('.').unwrap_or(address));
    labels
        .and_then(|labels| labels.rsplit_once('.'))
        .is_some_and(|(_, last)| last.eq_ignore_ascii_case("local"))
}
