// SPDX-License-Identifier: MPL-2.0
//! Where the server's certificate comes from.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use vdoroom_server::{Certificate, RoomServer};

use super::lines::Lines;

#[derive(Args)]
pub struct TlsArguments {
    /// Certificate chain for wss, PEM; SIGHUP reads it anew
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Serve wss with a certificate made now, and write it to this file for clients to trust
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        default_missing_value = "room-server.pem",
        conflicts_with = "tls_cert"
    )]
    pub self_signed: Option<PathBuf>,
    /// Host name or address by which other machines reach this server, for the certificate that is
    /// made now; may be given several times
    #[arg(long = "name", value_name = "HOST", requires = "self_signed")]
    pub names: Vec<String>,
}

impl TlsArguments {
    pub fn has_files(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// What the publisher page calls the file that clients trust; where it lies is not said.
    pub fn cafile(&self) -> Option<String> {
        let name = self.self_signed.as_ref()?.file_name()?;
        Some(name.to_string_lossy().into_owned())
    }

    pub fn certificate(
        &self,
        listen: SocketAddr,
        lines: &Lines,
    ) -> Result<Option<Certificate>, String> {
        let Some(file) = &self.self_signed else {
            return self.files();
        };
        let address = listen.ip().to_string();
        let mut names = vec!["localhost", "127.0.0.1", "::1", &address];
        names.extend(self.names.iter().map(String::as_str));
        let certificate = Certificate::self_signed(&names)?;
        fs::write(file, &certificate.chain).map_err(|error| about(file, &error))?;
        let file = file.display();
        lines.print(format!("clients that trust {file} accept this server"));
        Ok(Some(certificate))
    }

    fn files(&self) -> Result<Option<Certificate>, String> {
        let (Some(chain), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let read = |path: &Path| fs::read_to_string(path).map_err(|error| about(path, &error));
        let (chain, key) = (read(chain)?, read(key)?);
        Ok(Some(Certificate { chain, key }))
    }

    /// Shows what the files hold now to those who connect from now on.
    pub fn reload(&self, server: &RoomServer) -> Result<(), String> {
        match self.files()? {
            Some(certificate) => server.replace_certificate(&certificate),
            None => Ok(()),
        }
    }
}

fn about(file: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", file.display())
}
