// SPDX-License-Identifier: MPL-2.0
//! The room server, as it is called.

use std::fmt;

use url::Url;

use super::credentials::without_credentials;
use super::tls::TlsOptions;

/// Where the room server is and whom to believe that it is the one.
#[derive(Clone)]
pub(crate) struct Server {
    /// May hold credentials.
    pub url: Url,
    pub tls: TlsOptions,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", without_credentials(&self.url))
    }
}
