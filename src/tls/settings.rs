//! The TLS settings of a listener: files and rules, before anything is loaded.

use std::path::PathBuf;

use crate::tls::error::TlsError;
use crate::tls::keys;

/// TLS settings of one listener: its certificates, its versions, and client certificates.
///
/// ```no_run
/// use corecast::tls::{ClientAuth, TlsSettings};
/// use corecast::{ListenAddr, Listener, Relay, Server};
///
/// let tls = TlsSettings::new("chain.pem", "key.pem")
///     .certificate("other-chain.pem", "other-key.pem")
///     .client_auth(ClientAuth::Optional { authorities: "clients.pem".into() });
/// let server = Server::builder()
///     .listen(Listener::http("[::]:443".parse::<ListenAddr>()?).tls(tls))
///     .start(|_shard| Relay::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    pub(super) certificates: Vec<Files>,
    pub(super) client_auth: ClientAuth,
    pub(super) min_version: TlsVersion,
}

/// The files of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    /// The certificate followed by the certificates up to its authority.
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
}

/// The purpose of a file of [`TlsSettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// A certificate, followed by the certificates up to its authority.
    Chain,
    /// The private key of a certificate.
    Key,
    /// The authorities of client certificates.
    Authorities,
}

/// Whether clients are asked for certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked for one.
    #[default]
    None,
    /// They are asked for one. If they send one, it must be valid.
    Optional {
        /// PEM file of the authorities of valid certificates.
        authorities: PathBuf,
    },
    /// A connection without a valid certificate is refused.
    Required {
        /// PEM file of the authorities of valid certificates.
        authorities: PathBuf,
    },
}

/// A TLS version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl TlsSettings {
    /// Settings with one certificate and without client certificates. `chain` is a PEM file with
    /// the certificate followed by the certificates up to its authority; `key` is a file with its
    /// private key in PKCS #8, PKCS #1 or SEC 1.
    pub fn new(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let settings = Self {
            certificates: Vec::new(),
            client_auth: ClientAuth::None,
            min_version: TlsVersion::Tls12,
        };
        settings.certificate(chain, key)
    }

    /// Reads all files and returns all their errors. A server does the same at its start, and stops
    /// at the first error.
    pub fn faults(&self) -> Vec<(TlsFile, TlsError)> {
        keys::faults(self)
    }

    /// Adds a certificate. A client that sends a host name gets a certificate for that name, an
    /// exact name before a wildcard, and among several the first whose key type it supports. A
    /// client that sends no name or an unknown one gets the first of all certificates whose key
    /// type it supports. If it supports none, it gets the first one.
    #[must_use]
    pub fn certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificates.push(Files {
            chain: chain.into(),
            key: key.into(),
        });
        self
    }

    /// Sets whether clients are asked for certificates; by default they are not. The subject of a
    /// client's certificate is the [identity](crate::Cx::identity) of its connection.
    #[must_use]
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self
    }

    /// Sets the lowest accepted version; 1.2 by default. The highest is always 1.3.
    #[must_use]
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }
}
