//! What a listener's sessions are made from: certificates, rules, and the keys of tickets.

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
    /// Loads what `settings` names. `protocols` is what is spoken inside (RFC 7301); empty, no
    /// client is held to it.
    ///
    /// Tickets that were given out with `former` stay good, unless they vouch for clients: those
    /// must show their certificates to the new authorities.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or does not hold what it should.
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
        // A ticket carries all there is to know, to whichever shard it is shown.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = TICKETS;
        config.ticketer = match former.filter(|_| settings.client_auth == ClientAuth::None) {
            Some(former) => Arc::clone(&former.0.ticketer),
            None => new_ticketer()?,
        };
        Ok(Self(Arc::new(config)))
    }

    /// What rustls makes a session of.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0)
    }
}

/// All that is wrong with the files that `settings` names.
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

/// Checks the certificates of clients.
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

/// Keys of tickets, which change by themselves; one set for each listener, as a ticket says
/// nothing of the rules that its session was made by.
fn new_ticketer() -> Result<Arc<dyn ProducesTickets>, TlsError> {
    aws_lc_rs::Ticketer::new().map_err(|err| TlsError::Setup(err.to_string()))
}

/// Tickets that a TLS 1.3 client is given at a time: it comes back with one connection.
const TICKETS: usize = 1;

static TLS13_ALONE: &[&SupportedProtocolVersion] = &[&version::TLS13];
