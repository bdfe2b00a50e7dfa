//! The TLS settings of a listener: its files, and whether clients need a certificate.

use crate::settings::Source;
use crate::settings::draft::{Draft, listener_key};
use crate::settings::field::choice;
use crate::settings::value::list::Paths;
use crate::shard::Listener;
#[cfg(feature = "tls")]
use crate::tls::{self, TlsSettings};

/// The TLS settings of a listener. Without a certificate it does not use TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Files with certificates, each followed by the certificates up to its authority.
    pub chains: Paths,
    /// Files with their private keys, in the same order.
    pub keys: Paths,
    /// Whether clients are asked for certificates.
    pub client_auth: ClientAuth,
    /// File with the authorities of client certificates; may be empty.
    pub client_ca: String,
    /// The lowest accepted version.
    pub min_version: TlsVersion,
}

/// Whether clients are asked for certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked for one.
    #[default]
    None,
    /// They are asked for one, and may have none.
    Optional,
    /// A connection without a certificate is refused.
    Required,
}

/// A TLS version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    Tls12,
    /// RFC 8446.
    Tls13,
}

choice!(ClientAuth {
    "none" => Self::None,
    "optional" => Self::Optional,
    "required" => Self::Required,
});

choice!(TlsVersion {
    "1.2" => Self::Tls12,
    "1.3" => Self::Tls13,
});

impl Tls {
    /// Whether the listener uses TLS.
    pub fn is_on(&self) -> bool {
        !self.chains.0.is_empty()
    }

    /// Adds TLS to a listener, if it is configured.
    #[cfg(feature = "tls")]
    pub(in crate::settings) fn around(&self, listener: Listener) -> Listener {
        match self.settings() {
            Some(settings) => listener.tls(settings),
            None => listener,
        }
    }

    /// Returns the listener: without the feature, a valid configuration has no TLS.
    #[cfg(not(feature = "tls"))]
    pub(in crate::settings) fn around(&self, listener: Listener) -> Listener {
        listener
    }

    /// The settings for the TLS library, if the listener uses TLS.
    #[cfg(feature = "tls")]
    pub(in crate::settings) fn settings(&self) -> Option<TlsSettings> {
        let mut files = self.chains.0.iter().zip(&self.keys.0);
        let (chain, key) = files.next()?;
        let first = TlsSettings::new(chain, key);
        let all = files.fold(first, |all, (chain, key)| all.certificate(chain, key));
        let authorities = || self.client_ca.as_str().into();
        let client_auth = match self.client_auth {
            ClientAuth::None => tls::ClientAuth::None,
            ClientAuth::Optional => tls::ClientAuth::Optional {
                authorities: authorities(),
            },
            ClientAuth::Required => tls::ClientAuth::Required {
                authorities: authorities(),
            },
        };
        let version = match self.min_version {
            TlsVersion::Tls12 => tls::TlsVersion::Tls12,
            TlsVersion::Tls13 => tls::TlsVersion::Tls13,
        };
        Some(all.client_auth(client_auth).min_version(version))
    }
}

impl Draft {
    /// Complains of TLS keys that contradict each other.
    pub(in crate::settings) fn check_tls(&mut self, index: usize) {
        let tls = self.settings.listeners[index].tls.clone();
        if tls == Tls::default() {
            return;
        }
        let key = |name: &str| listener_key(index, name);
        let [chain, keys] = ["tls_chain", "tls_key"].map(key);
        let [auth, ca, version] = ["tls_client_auth", "tls_client_ca", "tls_min_version"].map(key);
        let (certificates, count) = (tls.chains.0.len(), tls.keys.0.len());
        if !HAS_TLS {
            let given = [&chain, &keys, &auth, &ca, &version].map(String::as_str);
            let given: Vec<&str> = given
                .into_iter()
                .filter(|key| self.settings.source(key) != Source::Default)
                .collect();
            let remedy = "leave it out, or build with the cargo feature `tls`";
            return self.complain_of(&given, "this program is built without TLS", remedy);
        }
        if certificates == 0 && count == 0 {
            let what = "is missing, but other TLS keys are set";
            let remedy = "must be a list of PEM files with certificates; or leave out all TLS keys";
            return self.complain_of(&[&chain, &auth, &ca, &version], what, remedy);
        }
        if certificates != count {
            let what = format!("{count} keys for {certificates} certificates of {chain}");
            let remedy = "must be one for each certificate, in the same order";
            self.complain_of(&[&keys, &chain], &what, remedy);
        }
        if tls.client_auth != ClientAuth::None && tls.client_ca.is_empty() {
            let remedy = "must be a PEM file with the authorities of client certificates";
            self.complain_of(&[&ca, &auth], "is missing", remedy);
        }
        if tls.client_auth == ClientAuth::None && !tls.client_ca.is_empty() {
            let what = "clients are not asked for certificates";
            let remedy = format!("leave it out, or let {auth} be \"optional\" or \"required\"");
            self.complain_of(&[&ca, &auth], what, &remedy);
        }
    }
}

/// Whether the program is built with TLS.
const HAS_TLS: bool = cfg!(feature = "tls");

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
