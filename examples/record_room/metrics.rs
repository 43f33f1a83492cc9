// SPDX-License-Identifier: MPL-2.0
//! What Prometheus scrapes. Made anew for each scrape from the last status, so that of a stream
//! that has left nothing stays behind.

use std::error::Error;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use prometheus::TextEncoder;
use tiny_http::{Header, Method, Request, Response, Server};

use crate::families;
use crate::status::Status;

pub struct Metrics {
    status: Arc<Mutex<Status>>,
    address: String,
}

impl Metrics {
    /// Serves them until the program ends.
    pub fn serve(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let server = Server::http(address)
            .map_err(|error| format!("metrics cannot be served at {address}: {error}"))?;
        let status = Arc::new(Mutex::new(Status::default()));
        let metrics = Self {
            status: status.clone(),
            address: format!("http://{}/metrics", server.server_addr()),
        };
        thread::spawn(move || {
            for request in server.incoming_requests() {
                // Who asked may have gone.
                let _ = answer(request, &status);
            }
        });
        Ok(metrics)
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn show(&self, status: Status) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

fn answer(request: Request, status: &Mutex<Status>) -> std::io::Result<()> {
    let is_wanted = matches!(request.method(), Method::Get | Method::Head);
    let path = request.url().split('?').next().unwrap_or_default();
    if !is_wanted || path != "/metrics" {
        return request.respond(Response::from_string("see /metrics\n").with_status_code(404));
    }
    let status = status
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    match families::of(&status).and_then(|all| TextEncoder::new().encode_to_string(&all)) {
        Ok(text) => request.respond(response(text)),
        Err(error) => {
            request.respond(Response::from_string(error.to_string()).with_status_code(500))
        }
    }
}

fn response(text: String) -> Response<Cursor<Vec<u8>>> {
    let kind = Header::from_bytes("Content-Type", prometheus::TEXT_FORMAT);
    let response = Response::from_string(text);
    // The header is a constant that can be read.
    match kind {
        Ok(kind) => response.with_header(kind),
        Err(()) => response,
    }
}
