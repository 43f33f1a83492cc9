// SPDX-License-Identifier: MPL-2.0
//! Offers as publishers make them, reduced to what matters here.

#[derive(Clone)]
pub struct Sdp {
    credentials: String,
    certificate: u8,
    lines: Vec<(&'static str, String, &'static str)>,
}

impl Sdp {
    /// An offer with ICE credentials and a certificate of its own, made from `name`.
    pub fn new(name: &str) -> Self {
        Self {
            credentials: name.to_owned(),
            certificate: name
                .bytes()
                .fold(1, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)),
            lines: Vec::new(),
        }
    }

    fn line(mut self, kind: &'static str, direction: &'static str) -> Self {
        let mid = self.lines.len().to_string();
        self.lines.push((kind, mid, direction));
        self
    }

    pub fn application(self) -> Self {
        self.line("application", "")
    }

    pub fn video(self) -> Self {
        self.line("video", "sendrecv")
    }

    pub fn audio(self) -> Self {
        self.line("audio", "sendrecv")
    }

    /// The same connection, but this m-line stops sending.
    pub fn inactive(mut self, index: usize) -> Self {
        self.lines[index].2 = "inactive";
        self
    }

    pub fn mids(mut self, mids: &[&str]) -> Self {
        for (line, mid) in self.lines.iter_mut().zip(mids) {
            (*mid).clone_into(&mut line.1);
        }
        self
    }

    /// The same connection with other ICE credentials.
    pub fn restarted(mut self) -> Self {
        self.credentials.push('R');
        self
    }

    pub fn with_certificate(mut self, certificate: u8) -> Self {
        self.certificate = certificate;
        self
    }

    pub fn text(&self) -> String {
        let mut sdp = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n".to_owned();
        for (kind, mid, direction) in &self.lines {
            let media = match *kind {
                "application" => "9 UDP/DTLS/SCTP webrtc-datachannel",
                "video" => "9 UDP/TLS/RTP/SAVPF 96",
                _ => "9 UDP/TLS/RTP/SAVPF 111",
            };
            let byte = format!("{:02X}", self.certificate);
            let print = vec![byte; 32].join(":");
            sdp += &format!(
                "m={kind} {media}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{0}\r\na=ice-pwd:{0}pwd\r\n\
                 a=fingerprint:sha-256 {print}\r\na=setup:actpass\r\na=mid:{mid}\r\n",
                self.credentials
            );
            if !direction.is_empty() {
                sdp += &format!("a={direction}\r\n");
            }
        }
        sdp
    }
}
