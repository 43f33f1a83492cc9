// SPDX-License-Identifier: MPL-2.0
//! STUN and TURN servers in the two forms that people write them, turned into webrtcbin's.

use gst_webrtc::WebRTCICETransportPolicy;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::signalling::{Tunnel, TurnServer};

/// The same for each connection, also for those that come later.
#[derive(Clone, Debug)]
pub(crate) struct IceServers {
    pub stun: Option<String>,
    pub turn: Vec<TurnUrl>,
    pub policy: WebRTCICETransportPolicy,
    pub ports: PortRange,
}

/// The local UDP ports that candidates may have, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PortRange {
    pub min: u16,
    pub max: u16,
}

impl PortRange {
    /// Whatever the system gives out.
    pub(crate) const ANY: Self = Self {
        min: 0,
        max: u16::MAX,
    };

    /// Those below are for privileged programs.
    const FIRST_FREE: u16 = 1024;

    /// From the values of the properties.
    pub(crate) fn new(min: u32, max: u32) -> Result<Self, IceServerError> {
        let wrong = || IceServerError::Ports(min, max);
        let typed = Self {
            min: u16::try_from(min).map_err(|_| wrong())?,
            max: u16::try_from(max).map_err(|_| wrong())?,
        };
        match typed {
            Self::ANY => Ok(typed),
            // libnice (0.1.21) takes a range that begins with 0 for any port, whatever its end.
            Self { min: 0, max } if max >= Self::FIRST_FREE => Ok(Self {
                min: Self::FIRST_FREE,
                max,
            }),
            Self { min, max } if 0 < min && min <= max => Ok(typed),
            _ => Err(wrong()),
        }
    }

    pub(crate) fn is_any(self) -> bool {
        self == Self::ANY
    }

    /// Each connection takes one, the same or another of each address.
    pub(crate) fn len(self) -> u32 {
        u32::from(self.max - self.min) + 1
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

/// `turn(s)://user:password@host:port?transport=…`, which no log may show.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TurnUrl(pub String);

impl std::fmt::Debug for TurnUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&without_credentials(&self.0))
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum IceServerError {
    #[error("stun-server \"{0}\" is neither stun://HOST:PORT nor stun:HOST:PORT")]
    Stun(String),
    #[error("turn-servers: \"{0}\" begins with neither turn: nor turns:")]
    Turn(String),
    #[error("turn-servers: \"{0}\" has no user and password: set turn-user and turn-password")]
    NoCredentials(String),
    #[error("turn-servers: \"{0}\" names no host")]
    NoHost(String),
    #[error("turn-servers: \"{0}\" means DTLS, which is not spoken here: use ?transport=tcp")]
    Dtls(String),
    #[error("turn-servers: \"{0}\" cannot be reached over TLS: {1}")]
    Tunnel(String, std::io::Error),
    #[error(
        "there are no ports from min-rtp-port={0} to max-rtp-port={1}: the first must not be above \
         the last, and without the first the last must be 1024 or more"
    )]
    Ports(u32, u32),
}

/// webrtcbin's `stun://HOST:PORT`, also from RFC 7064's `stun:HOST:PORT`.
pub(crate) fn stun(typed: &str) -> Result<String, IceServerError> {
    let host = typed
        .strip_prefix("stun:")
        .map(|rest| rest.trim_start_matches('/'))
        .filter(|host| !host.is_empty())
        .ok_or_else(|| IceServerError::Stun(without_credentials(typed)))?;
    Ok(format!("stun://{}", with_port(host, 3478)))
}

/// webrtcbin's `turn(s)://USER:PASSWORD@HOST:PORT`, also from RFC 7065's `turn(s):HOST:PORT`
/// with the credentials given beside it.
pub(crate) fn turn(
    typed: &str,
    user: Option<&str>,
    password: Option<&str>,
) -> Result<TurnUrl, IceServerError> {
    let (scheme, rest) = typed
        .split_once(':')
        .filter(|(scheme, _)| matches!(*scheme, "turn" | "turns"))
        .ok_or_else(|| IceServerError::Turn(without_credentials(typed)))?;
    let rest = rest.trim_start_matches('/');
    let default_port = if scheme == "turns" { 5349 } else { 3478 };
    let (credentials, host) = match (rest.rsplit_once('@'), user, password) {
        (Some((credentials, host)), _, _) => (credentials.to_owned(), host),
        (None, Some(user), Some(password)) => {
            let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
            (format!("{}:{}", encoded(user), encoded(password)), rest)
        }
        (None, _, _) => return Err(IceServerError::NoCredentials(typed.into())),
    };
    let (host, query) = match host.split_once('?') {
        Some((host, query)) => (host, format!("?{query}")),
        None => (host, String::new()),
    };
    let host = host.split('/').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return Err(IceServerError::NoHost(without_credentials(typed)));
    }
    if scheme == "turns" && query.contains("transport=udp") {
        return Err(IceServerError::Dtls(without_credentials(typed)));
    }
    let host = with_port(host, default_port);
    Ok(TurnUrl(format!("{scheme}://{credentials}@{host}{query}")))
}

impl TurnUrl {
    /// In its parts. The tunnel that leads to one over TLS speaks TCP.
    #[cfg(feature = "native")]
    pub(crate) fn server(&self) -> Option<TurnServer> {
        Some(self.parts()?.to_check(""))
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let (scheme, rest) = self.0.split_once("://")?;
        let (credentials, rest) = rest.rsplit_once('@')?;
        let (host, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, port) = host.rsplit_once(':')?;
        Some(Parts {
            scheme,
            credentials,
            host: host.trim_matches(['[', ']']),
            port: port.parse().ok()?,
            query,
        })
    }
}

struct Parts<'a> {
    scheme: &'a str,
    credentials: &'a str,
    host: &'a str,
    port: u16,
    query: &'a str,
}

impl Parts<'_> {
    /// The server as it can be asked what is wrong, under the name that people know.
    fn to_check(&self, name: &str) -> TurnServer {
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = self.credentials.split_once(':').unwrap_or_default();
        TurnServer {
            name: name.to_owned(),
            host: self.host.to_owned(),
            port: self.port,
            tcp: self.query.contains("transport=tcp"),
            user: decoded(user),
            password: decoded(password),
        }
    }
}

impl IceServers {
    /// Host and port.
    #[cfg(feature = "native")]
    pub(crate) fn stun_server(&self) -> Option<(String, u16)> {
        let (host, port) = self
            .stun
            .as_ref()?
            .strip_prefix("stun://")?
            .rsplit_once(':')?;
        Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
    }

    /// Puts tunnels in the place of the servers that speak TLS, of which libnice has none. Returns
    /// them, and all servers as they can be asked what is wrong.
    pub(crate) fn open_tunnels(
        &mut self,
    ) -> Result<(Vec<Tunnel>, Vec<TurnServer>), IceServerError> {
        let (mut tunnels, mut checks, mut reached) = (Vec::new(), Vec::new(), Vec::new());
        for server in &self.turn {
            let name = without_credentials(&server.0).replacen("//***@", "", 1);
            let parts = server.parts();
            let parts = parts.ok_or_else(|| IceServerError::NoHost(name.clone()))?;
            let first = reached.len();
            if parts.scheme == "turns" {
                let failed = |error| IceServerError::Tunnel(name.clone(), error);
                let tunnel = Tunnel::to(parts.host, parts.port).map_err(failed)?;
                reached.extend(tunnel.entrances().map_err(failed)?.iter().map(|entrance| {
                    let credentials = parts.credentials;
                    TurnUrl(format!("turn://{credentials}@{entrance}?transport=tcp"))
                }));
                tunnels.push(tunnel);
            } else {
                reached.push(server.clone());
            }
            let entrance = reached.get(first).and_then(TurnUrl::parts);
            checks.extend(entrance.map(|parts| parts.to_check(&name)));
        }
        self.turn = reached;
        Ok((tunnels, checks))
    }
}

fn with_port(host: &str, port: u16) -> String {
    // The colons of an IPv6 literal stand before its closing bracket.
    let after_literal = host.rsplit(']').next().unwrap_or(host);
    match after_literal.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:{port}"),
    }
}

/// What may be shown of a TURN server.
pub(crate) fn without_credentials(url: &str) -> String {
    match (url.find(':'), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://***@{}", &url[..scheme], &url[at + 1..])
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_stun_server_mean_the_same() {
        for typed in ["stun://stun.example.org", "stun:stun.example.org:3478"] {
            assert_eq!(stun(typed).unwrap(), "stun://stun.example.org:3478");
        }
        assert!(stun("stun.example.org").is_err());
    }

    #[test]
    fn both_forms_of_a_turn_server_mean_the_same() {
        let expected = TurnUrl("turn://al%3Ace:p%40ss@turn.example.org:3478?transport=tcp".into());
        for (typed, user, password) in [
            (
                "turn:turn.example.org?transport=tcp",
                Some("al:ce"),
                Some("p@ss"),
            ),
            (
                "turn://al%3Ace:p%40ss@turn.example.org:3478?transport=tcp",
                None,
                None,
            ),
        ] {
            assert_eq!(turn(typed, user, password).unwrap(), expected);
        }
        assert_eq!(
            turn("turns:[::1]", Some("u"), Some("p")).unwrap().0,
            "turns://u:p@[::1]:5349"
        );
    }

    #[test]
    fn a_turn_server_without_credentials_is_refused() {
        assert!(turn("turn:turn.example.org", Some("u"), None).is_err());
        assert!(turn("http://turn.example.org", None, None).is_err());
        assert!(turn("turn://user:password@", None, None).is_err());
    }

    #[test]
    fn a_server_that_speaks_tls_is_reached_through_a_tunnel() {
        let urls = ["turns:turn.example.org", "turn:turn.example.org"];
        let mut servers = IceServers {
            stun: None,
            turn: urls
                .map(|url| turn(url, Some("u"), Some("p")).unwrap())
                .into(),
            policy: WebRTCICETransportPolicy::All,
            ports: PortRange::ANY,
        };
        let (tunnels, checks) = servers.open_tunnels().unwrap();
        assert_eq!((tunnels.len(), checks.len()), (1, 2));
        assert_eq!(checks[0].name, "turns:turn.example.org:5349");
        let (plain, tunnelled) = servers.turn.split_last().unwrap();
        assert_eq!(plain.0, "turn://u:p@turn.example.org:3478");
        assert!(tunnelled[0].0.starts_with("turn://u:p@127.0.0.1:"));
        assert!(turn("turns:h?transport=udp", Some("u"), Some("p")).is_err());
    }

    #[test]
    fn a_range_of_ports_has_a_first_and_a_last() {
        let range = |min, max| PortRange::new(min, max).ok().map(|r| (r.min, r.max));
        for (typed, expected) in [
            ((0, 65535), Some((0, 65535))),
            ((50_000, 50_009), Some((50_000, 50_009))),
            ((50_000, 50_000), Some((50_000, 50_000))),
            ((50_000, 65_535), Some((50_000, 65_535))),
            ((0, 50_009), Some((1024, 50_009))),
            ((50_009, 50_000), None),
            ((0, 0), None),
            ((0, 1023), None),
        ] {
            assert_eq!(range(typed.0, typed.1), expected, "{typed:?}");
        }
        assert_eq!(PortRange::new(50_000, 50_009).unwrap().len(), 10);
        assert!(PortRange::new(0, 65_535).unwrap().is_any());
    }

    #[test]
    fn credentials_are_never_shown() {
        let url = turn("turn://user:se@cret@host:1", None, None).unwrap();
        assert_eq!(format!("{url:?}"), "turn://***@host:1");
    }
}
