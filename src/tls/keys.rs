//! The configuration of a listener's sessions: certificates, rules, and ticket keys.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerConfig, WebPkiClientVerifier};
use rustls::{RootCertStore, SupportedProtocolVersion, version};

use crate::tls::certificates::{self, Certificates, read_certificates};
use crate::tls::error::TlsError;
use crate::tls::settings::{ClientAuth, TlsFile, TlsSettings, TlsVersion};

/// A listener's certificates and rules, loaded. Cloning it is cheap.
#[derive(Clone)]
pub struct Keys(Arc<ServerConfig>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// Loads the files that `settings` names. `protocols` are the protocols inside TLS (RFC 7301);
    /// if empty, clients may offer any.
    ///
    /// Tickets issued with `former` stay valid, unless clients need certificates: then clients must
    /// show theirs to the new authorities.
    ///
    /// # Errors
    ///
    /// A file cannot be read or is invalid.
    pub fn load(
        settings: &TlsSettings,
        protocols: &[&[u8]],
        former: Option<&Self>,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let setup = |err: rustls::Error| TlsError::Setup(err.to_string());
        let certificates = Certificates::load(&settings.certificates, &provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions(settings.min_version))
            .map_err(setup)?;
        let builder = match &settings.client_auth {
            ClientAuth::None => builder.with_no_client_auth(),
            ClientAuth::Optional { .. } | ClientAuth::Required { .. } => {
                builder.with_client_cert_verifier(verifier(&settings.client_auth, provider)?)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        // A ticket contains the whole session state, so any shard can resume it.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = TICKETS;
        config.ticketer = match former.filter(|_| settings.client_auth == ClientAuth::None) {
            Some(former) => Arc::clone(&former.0.ticketer),
            None => new_ticketer()?,
        };
        Ok(Self(Arc::new(config)))
    }

    /// The configuration for rustls.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0)
    }
}

/// All errors of the files that `settings` names.
pub(super) fn faults(settings: &TlsSettings) -> Vec<(TlsFile, TlsError)> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut faults = certificates::faults(&settings.certificates, &provider);
    let verifier = verifier(&settings.client_auth, provider).err();
    faults.extend(verifier.map(|err| (TlsFile::Authorities, err)));
    faults
}

fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match min {
        TlsVersion::Tls12 => rustls::ALL_VERSIONS,
        TlsVersion::Tls13 => TLS13_ALONE,
    }
}

/// The verifier of client certificates.
fn verifier(
    client_auth: &ClientAuth,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsError> {
    let (ClientAuth::Optional { authorities } | ClientAuth::Required { authorities }) = client_auth
    else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for authority in read_certificates(authorities)? {
        let added = roots.add(authority);
        added.map_err(|err| TlsError::unusable(authorities, err))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match client_auth {
        ClientAuth::Optional { .. } => builder.allow_unauthenticated(),
        _ => builder,
    };
    let verifier = builder.build();
    verifier.map_err(|err| TlsError::unusable(authorities, err))
}

/// Ticket keys, which are replaced automatically. Each listener has its own, because a ticket does
/// not contain the rules of its session.
fn new_ticketer() -> Result<Arc<dyn ProducesTickets>, TlsError> {
    aws_lc_rs::Ticketer::new().map_err(|err| TlsError::Setup(err.to_string()))
}

/// Tickets that a TLS 1.3 client gets at a time: it reconnects with one connection.
const TICKETS: usize = 1;

static TLS13_ALONE: &[&SupportedProtocolVersion] = &[&version::TLS13];
