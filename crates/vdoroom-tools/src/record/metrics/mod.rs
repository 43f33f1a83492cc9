// SPDX-License-Identifier: MPL-2.0
//! What Prometheus scrapes, and whether the recorder is in the room. Made anew for each request
//! from the last status, so that of a stream that has left nothing stays behind.
//!
//! The recording hands each [`Status`] to [`Metrics::show`]; a thread of the web server answers.

mod families;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::TextEncoder;
use vdoroom_server::Limits;
use vdoroom_server::web::{self, Page};

use crate::record::status::Status;

/// A status is made once a second; a recorder that is so late with it hangs.
const STALE: Duration = Duration::from_secs(10);
/// Who scrapes needs one or two; one address may take half of them.
const CONNECTIONS: usize = 64;
const PLAIN: &str = "text/plain; charset=utf-8";

pub struct Metrics {
    shown: Arc<Mutex<Shown>>,
    address: String,
}

#[derive(Clone)]
struct Shown {
    status: Status,
    at: Instant,
}

impl Metrics {
    /// Serves them until the program ends.
    pub fn serve(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let shown = Arc::new(Mutex::new(Shown {
            status: Status::default(),
            at: Instant::now(),
        }));
        let limits = Limits {
            connections: CONNECTIONS,
            connections_per_address: CONNECTIONS / 2,
            ..Limits::default()
        };
        let last = shown.clone();
        let answer = move |path: &str| {
            let shown = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            answer(path, &shown)
        };
        let address = web::serve(address, limits, answer)
            .map_err(|error| format!("metrics cannot be served at {address}: {error}"))?;
        Ok(Self {
            shown,
            address: format!("http://{address}/metrics"),
        })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn show(&self, status: Status) {
        let at = Instant::now();
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Shown { status, at };
    }
}

fn answer(path: &str, Shown { status, at }: &Shown) -> Page {
    let plain = |status, text: &str| Page {
        status,
        kind: PLAIN,
        text: format!("{text}\n"),
    };
    match path {
        "/metrics" => {
            let families = families::of(status);
            match families.and_then(|all| TextEncoder::new().encode_to_string(&all)) {
                Ok(text) => Page {
                    status: 200,
                    kind: prometheus::TEXT_FORMAT,
                    text,
                },
                Err(error) => plain(500, &error.to_string()),
            }
        }
        "/ready" if at.elapsed() > STALE => plain(503, "hangs"),
        "/ready" if status.room.state == "joined" => plain(200, "joined"),
        "/ready" => plain(503, &status.room.state),
        _ => plain(404, "see /metrics and /ready"),
    }
}
