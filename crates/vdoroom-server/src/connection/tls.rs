// SPDX-License-Identifier: MPL-2.0
//! Certificates for `wss`.

use std::sync::Arc;

use futures_rustls::{
    TlsAcceptor,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    rustls::{ServerConfig, crypto::ring},
};

/// A certificate chain and its key, both PEM.
#[derive(Clone)]
pub struct Certificate {
    pub chain: String,
    pub key: String,
}

impl Certificate {
    /// A self-signed certificate for the given names and addresses. Clients that trust `chain`
    /// as their CA file accept it.
    pub fn self_signed(names: &[&str]) -> Result<Self, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
        let certified =
            rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
        Ok(Self {
            chain: certified.cert.pem(),
            key: certified.signing_key.serialize_pem(),
        })
    }

    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, String> {
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("certificate: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|error| format!("key: {error}"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| error.to_string())?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
