//! Clients that trust other authorities, or show a certificate.

use std::path::PathBuf;
use std::sync::Arc;

use crate::client::builder::ClientBuilder;

impl ClientBuilder {
    /// With TLS, trusts servers with a certificate of an authority in this PEM file, instead of the
    /// platform's authorities. May be called several times, for several files.
    ///
    /// Without it, the platform's authorities are trusted. They are read from where OpenSSL looks
    /// for them; `SSL_CERT_FILE` and `SSL_CERT_DIR` change this place.
    #[must_use]
    pub fn tls_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.add_authorities(path.into());
        self
    }

    /// With TLS, sends this certificate to a server that asks for one. `chain` is a PEM file with
    /// the certificate followed by the certificates up to an authority; `key` is a PEM file with
    /// its private key.
    #[must_use]
    pub fn tls_client_cert(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.show(chain.into(), key.into());
        self
    }

    /// With TLS, uses this configuration of the TLS library instead of the settings above. It is
    /// not part of the stable interface: the library may change.
    #[doc(hidden)]
    #[must_use]
    pub fn tls_config(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.tls.set_config(config);
        self
    }
}
