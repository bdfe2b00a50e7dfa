//! What a listener asks of TLS: files and rules, before anything is loaded.

use std::path::PathBuf;

use crate::tls::error::TlsError;
use crate::tls::keys;

/// TLS for one listener: which certificates, which versions, and who must show one in turn.
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

/// Where one certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    /// The certificate and those that lead from it to an authority, in this order.
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
}

/// What a file of [`TlsSettings`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// A certificate, and those that lead from it to an authority.
    Chain,
    /// The private key of one.
    Key,
    /// The authorities of clients' certificates.
    Authorities,
}

/// Whether clients show certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked.
    #[default]
    None,
    /// They are asked, and may have none; one that they have must be valid.
    Optional {
        /// PEM file of the authorities whose certificates are valid.
        authorities: PathBuf,
    },
    /// Without a valid one there is no connection.
    Required {
        /// PEM file of the authorities whose certificates are valid.
        authorities: PathBuf,
    },
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl TlsSettings {
    /// One certificate, and no questions to clients: `chain` is a PEM file with the certificate
    /// and then those that lead to an authority, `key` one with its private key in PKCS #8,
    /// PKCS #1 or SEC 1.
    pub fn new(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let settings = Self {
            certificates: Vec::new(),
            client_auth: ClientAuth::None,
            min_version: TlsVersion::Tls12,
        };
        settings.certificate(chain, key)
    }

    /// Reads all files, and says all that is wrong with them. A server does the same at its start,
    /// and stops at the first that is wrong.
    pub fn faults(&self) -> Vec<(TlsFile, TlsError)> {
        keys::faults(self)
    }

    /// Another certificate. Clients that name a host get one with that name, exact before
    /// wildcard, and of those the first whose key they can check. Clients that name none, or one
    /// that no certificate has, get the first of all whose key they can check. Where they can
    /// check none, it is the first all the same.
    #[must_use]
    pub fn certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificates.push(Files {
            chain: chain.into(),
            key: key.into(),
        });
        self
    }

    /// Whether clients show certificates; by default they do not. The subject of a client's
    /// certificate is the [identity](crate::Cx::identity) of its connection.
    #[must_use]
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self
    }

    /// The lowest version to accept; 1.2 by default. The highest is always 1.3.
    #[must_use]
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }
}
