// SPDX-License-Identifier: MPL-2.0
//! One accepted connection, from TLS to its end: requests for pages, or a websocket.
//!
//! The hub has each one served by a task of its own ([`serve`]), on the server's thread, and hears of
//! it by its input; `web` has requests answered without a hub ([`requests`]). From bottom to top:
//! `tls`, `http`, `socket`.

mod http;
mod socket;
mod tls;

pub use http::{Service, requests};
pub use socket::serve;
pub use tls::Certificate;
