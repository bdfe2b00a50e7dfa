//! TLS on the client's side: trusted authorities, and the session of one connection.

mod keys;
mod session;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::tls::settings::Files;

pub use keys::DialKeys;
pub use session::DialSession;

/// The TLS settings of a client: files and rules, before anything is loaded.
#[derive(Clone, Debug, Default)]
pub struct DialSettings {
    /// PEM files of the trusted authorities; none: those of the platform.
    authorities: Vec<PathBuf>,
    /// The certificate for servers that ask for one.
    certificate: Option<Files>,
    /// Replaces all other settings.
    config: Option<Arc<ClientConfig>>,
}

impl DialSettings {
    /// Trusts the authorities of a PEM file instead of the platform's.
    pub fn add_authorities(&mut self, path: PathBuf) {
        self.authorities.push(path);
    }

    /// Sets the certificate for servers that ask for one.
    pub fn show(&mut self, chain: PathBuf, key: PathBuf) {
        self.certificate = Some(Files { chain, key });
    }

    /// Sets the configuration of the TLS library.
    pub fn set_config(&mut self, config: Arc<ClientConfig>) {
        self.config = Some(config);
    }
}
