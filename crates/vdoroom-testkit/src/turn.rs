// SPDX-License-Identifier: MPL-2.0
//! A real TURN server, coturn, on a host of a test.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crate::netns::Host;
use crate::server::Certificate;
use crate::wait::wait_until;
use crate::{Folder, Launch};

pub const USER: &str = "guest";
pub const PASSWORD: &str = "sesame";

const PORT: u16 = 3478;
const TLS_PORT: u16 = 5349;
const REALM: &str = "vdoroom.test";

/// Dropping it kills the server.
pub struct TurnServer {
    address: SocketAddr,
    folder: Folder,
    program: Launch,
}

/// Whether coturn is there.
pub fn is_available() -> bool {
    crate::require::program("turnserver")
}

impl TurnServer {
    pub fn start(host: &Host) -> Self {
        let folder = Folder::new();
        host.block_stun_in_clear(TLS_PORT);
        let ip = host.address();
        let certificate = Certificate::self_signed(&[&ip.to_string()]).unwrap();
        std::fs::write(folder.0.join("chain.pem"), &certificate.chain).unwrap();
        std::fs::write(folder.0.join("key.pem"), &certificate.key).unwrap();
        let line = format!(
            "exec {} turnserver -n --log-file=stdout --simple-log --no-cli --verbose \
             --listening-ip={ip} --relay-ip={ip} --listening-port={PORT} \
             --tls-listening-port={TLS_PORT} --cert=chain.pem --pkey=key.pem \
             --lt-cred-mech --realm={REALM} --user={USER}:{PASSWORD} \
             --relay-threads=1 --userdb=users.db --pidfile=turn.pid",
            host.command()
        );
        let program = Launch::shell(&folder.0, &line, |_| {});
        let server = Self {
            address: host.port(PORT),
            folder,
            program,
        };
        server.wait_until_up(host);
        server
    }

    fn wait_until_up(&self, host: &Host) {
        let mut address = self.address;
        for port in [PORT, TLS_PORT] {
            address.set_port(port);
            let what = format!("coturn listens on {address}");
            let is_open = || host.run(|| TcpStream::connect(address).is_ok());
            wait_until(&what, Duration::from_secs(20), is_open);
        }
    }

    pub fn ip(&self) -> String {
        self.address.ip().to_string()
    }

    /// As people write it, without credentials.
    pub fn url(&self, transport: &str) -> String {
        format!("turn:{}?transport={transport}", self.address)
    }

    pub fn tls_url(&self) -> String {
        let ip = SocketAddr::new(self.address.ip(), TLS_PORT);
        format!("turns:{ip}?transport=tcp")
    }

    pub fn stun_url(&self) -> String {
        format!("stun:{}", self.address)
    }

    /// Whom to trust for [`TurnServer::tls_url`], a PEM file.
    pub fn cafile(&self) -> PathBuf {
        self.folder.0.join("chain.pem")
    }

    /// Goes without a word to anybody.
    pub fn kill(self) {
        self.program.signal("KILL");
    }
}
