// SPDX-License-Identifier: MPL-2.0
//! A real TURN server.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vdoroom_rtc::{Transport, TurnServer};

use super::network;

const USER: &str = "guest";
const PASSWORD: &str = "sesame";

/// Dropping it kills the server.
pub struct Coturn {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Coturn {
    /// `None` where it is not installed. Under `VDOROOM_REQUIRE_ALL=1` the test fails there.
    pub fn start(name: &str) -> Option<Self> {
        let ip = network::address();
        let free = std::net::TcpListener::bind((ip, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let folder = std::env::temp_dir().join(format!("vdoroom-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = Command::new("turnserver")
            .args([
                "-n",
                "--log-file=stdout",
                "--simple-log",
                "--no-cli",
                "--verbose",
            ])
            .args([
                "--no-tls",
                "--no-dtls",
                "--lt-cred-mech",
                "--realm=vdoroom.test",
            ])
            .args(["--relay-threads=1", "--userdb=users.db", "--pidfile=pid"])
            .arg(format!("--user={USER}:{PASSWORD}"))
            .arg(format!("--listening-port={}", address.port()))
            .args([format!("--listening-ip={ip}"), format!("--relay-ip={ip}")])
            .current_dir(&folder)
            .stdout(log)
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            let is_required = std::env::var_os("VDOROOM_REQUIRE_ALL").is_some_and(|all| all != "0");
            assert!(!is_required, "turnserver is not installed");
            eprintln!("skipped: turnserver is not installed");
            return None;
        };
        let server = Self {
            child,
            address,
            folder,
        };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < super::LONGEST, "{}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    pub fn settings(&self, transport: Transport) -> TurnServer {
        TurnServer {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            user: USER.into(),
            password: PASSWORD.into(),
            transport,
        }
    }

    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// How many addresses it has given, and how many of these are in use no more.
    pub fn allocations(&self) -> (usize, usize) {
        let log = self.log();
        let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
        (count(": new, realm="), count(": delete: realm="))
    }

    pub fn wait_until_given_back(&self, longest: Duration, count: usize) {
        let started = Instant::now();
        while self.allocations() != (count, count) {
            assert!(started.elapsed() < longest, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("given back after {:?}", started.elapsed());
    }

    /// It was told so, and has not just noticed it.
    pub fn was_told(&self) -> usize {
        let log = self.log();
        let told = |line: &&str| line.contains(": refreshed, ") && line.contains("lifetime=0");
        log.lines().filter(told).count()
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
