// SPDX-License-Identifier: MPL-2.0
//! TLS for `wss` and `turns`.
//!
//! Certificates are verified against the system's own roots, as browsers' and GIO's are: a root
//! that an administrator installed for a self-hosted room server counts without further settings.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use futures_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use futures_rustls::rustls::crypto::{self, CryptoProvider};
use futures_rustls::rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use futures_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use futures_util::{AsyncRead, AsyncWrite};

#[derive(Clone, Debug, Default)]
pub(crate) struct TlsOptions {
    /// PEM file with the authorities to believe instead of the system's.
    pub cafile: Option<PathBuf>,
    /// Believe anybody.
    pub insecure: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("cannot read the certificates in \"{}\": {reason}", .path.display())]
    CaFile { path: PathBuf, reason: String },
    #[error(
        "this system has no certificate authorities: install the package ca-certificates, or set cafile"
    )]
    NoRoots,
    #[error("\"{0}\" is not a host name that a certificate can be for")]
    HostName(String),
    #[error("TLS failed: {0} (for a certificate of your own set cafile)")]
    Handshake(io::Error),
    #[error("TLS: {0}")]
    Setup(rustls::Error),
}

pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    options: &TlsOptions,
    host: &str,
    stream: S,
) -> Result<TlsStream<S>, TlsError> {
    connect_by(&connector(options)?, host, stream).await
}

/// Reads the authorities, which takes a while.
pub(super) fn connector(options: &TlsOptions) -> Result<TlsConnector, TlsError> {
    Ok(Arc::new(config(options)?).into())
}

pub(super) async fn connect_by<S: AsyncRead + AsyncWrite + Unpin>(
    connector: &TlsConnector,
    host: &str,
    stream: S,
) -> Result<TlsStream<S>, TlsError> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| TlsError::HostName(host.to_owned()))?;
    let connected = connector.connect(name, stream).await;
    connected.map_err(TlsError::Handshake)
}

fn config(options: &TlsOptions) -> Result<ClientConfig, TlsError> {
    // Named here rather than installed for the process, where the application's choice stands.
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?;
    Ok(if options.insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth()
    } else {
        builder
            .with_root_certificates(roots(options)?)
            .with_no_client_auth()
    })
}

fn roots(options: &TlsOptions) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    match &options.cafile {
        Some(path) => {
            let unreadable = |reason: String| TlsError::CaFile {
                path: path.clone(),
                reason,
            };
            for certificate in
                CertificateDer::pem_file_iter(path).map_err(|e| unreadable(e.to_string()))?
            {
                let certificate = certificate.map_err(|e| unreadable(e.to_string()))?;
                store
                    .add(certificate)
                    .map_err(|e| unreadable(e.to_string()))?;
            }
            if store.is_empty() {
                return Err(unreadable("there is none".into()));
            }
        }
        None => {
            // Single certificates that rustls does not understand are common in system stores.
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err(TlsError::NoRoots);
            }
        }
    }
    Ok(store)
}

/// `insecure-tls`: takes any certificate, but still wants the peer to own its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
