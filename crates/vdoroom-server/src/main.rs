// SPDX-License-Identifier: MPL-2.0
//! `vdoroom-server`: a room server of one's own, for rooms on one's own network and for tests.
//!
//! ```sh
//! vdoroom-server --listen 0.0.0.0:8443 --self-signed --name 192.168.1.5
//! ```
//!
//! Without `--name` a certificate made by `--self-signed` is for this machine's own loopback names
//! and the address of `--listen`: other machines that reach the server by another name or address
//! refuse it.
//!
//! On the same port are two pages for browsers: who is in which room, and one that publishes camera,
//! microphone and screen.

mod program;

fn main() -> std::process::ExitCode {
    program::run()
}
