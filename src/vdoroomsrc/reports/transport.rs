// SPDX-License-Identifier: MPL-2.0
//! What a connection says of itself: the states of its layers, and its candidates.

/// What has a state that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Layer {
    Gathering,
    Ice,
    Dtls,
    /// All of them together.
    Connection,
}

impl Layer {
    pub(crate) const ALL: [Self; 4] = [Self::Gathering, Self::Ice, Self::Dtls, Self::Connection];

    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// One end of the selected candidate pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// `host`, `srflx`, `prflx` or `relay` (RFC 8445).
    pub kind: String,
    pub address: String,
    pub port: u32,
    /// `udp` or `tcp`; of a relayed one, how the TURN server is reached, if webrtcbin knows.
    pub protocol: String,
}

impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            kind,
            address,
            port,
            protocol,
        } = self;
        write!(f, "{kind} {address} port {port}/{protocol}")
    }
}
