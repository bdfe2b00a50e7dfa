//! TLS from the client's side: whom it believes, and one connection's session.

mod keys;
mod session;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::tls::settings::Files;

pub use keys::DialKeys;
pub use session::DialSession;

/// What a client asks of TLS: files and rules, before anything is loaded.
#[derive(Clone, Debug, Default)]
pub struct DialSettings {
    /// PEM files of the authorities to believe; none: those of the platform.
    authorities: Vec<PathBuf>,
    /// What it shows to servers that ask.
    certificate: Option<Files>,
    /// In place of all this.
    config: Option<Arc<ClientConfig>>,
}

impl DialSettings {
    /// Believes the authorities of a PEM file, and no longer those of the platform.
    pub fn add_authorities(&mut self, path: PathBuf) {
        self.authorities.push(path);
    }

    /// Shows this certificate to a server that asks for one.
    pub fn show(&mut self, chain: PathBuf, key: PathBuf) {
        self.certificate = Some(Files { chain, key });
    }

    /// Goes by these rules.
    pub fn set_config(&mut self, config: Arc<ClientConfig>) {
        self.config = Some(config);
    }
}
