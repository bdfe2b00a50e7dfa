//! The configuration of a client's sessions: authorities, its own certificate, and the server's
//! name.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};

use crate::tls::certificates::{certify, read_certificates, read_chain, read_key};
use crate::tls::dial::DialSettings;
use crate::tls::error::TlsError;

/// A client's loaded authorities and rules, and the server's name. It keeps the tickets that
/// servers give it for later connections.
#[derive(Clone)]
pub struct DialKeys {
    pub(super) config: Arc<ClientConfig>,
    pub(super) server: ServerName<'static>,
}

impl fmt::Debug for DialKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.server.to_str();
        f.debug_struct("DialKeys")
            .field("server", &server)
            .finish_non_exhaustive()
    }
}

impl DialKeys {
    /// Loads the files that `settings` names, for the server at `host`, a name or an IP address.
    /// `protocols` are the protocols inside TLS (RFC 7301); if empty, none is offered.
    ///
    /// # Errors
    ///
    /// A file cannot be read or is invalid, the platform has no authorities, or no certificate can
    /// exist for such a host.
    pub fn load(
        settings: &DialSettings,
        host: &str,
        protocols: &[&[u8]],
    ) -> Result<Self, TlsError> {
        let setup = |err: &dyn fmt::Display| TlsError::Setup(err.to_string());
        let server = ServerName::try_from(host.to_owned());
        let server = server.map_err(|err| TlsError::Setup(format!("{host}: {err}")))?;
        if let Some(config) = &settings.config {
            let config = Arc::clone(config);
            return Ok(Self { config, server });
        }
        let mut roots = RootCertStore::empty();
        for path in &settings.authorities {
            add_file(&mut roots, path)?;
        }
        if settings.authorities.is_empty() {
            add_those_of_the_platform(&mut roots)?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|err| setup(&err))?
            .with_root_certificates(roots);
        let mut config = match &settings.certificate {
            None => builder.with_no_client_auth(),
            Some(files) => {
                let chain = read_chain(&files.chain)?.certificates;
                let key = read_key(&files.key, &provider)?;
                let shown = certify(files, chain, key)?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)))
            }
        };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let config = Arc::new(config);
        Ok(Self { config, server })
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    for authority in read_certificates(path)? {
        let added = roots.add(authority);
        added.map_err(|err| TlsError::unusable(path, err))?;
    }
    Ok(())
}

/// Some of the platform's authorities may be unusable; it is enough that others are usable.
fn add_those_of_the_platform(roots: &mut RootCertStore) -> Result<(), TlsError> {
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(());
    }
    let why = found.errors.first();
    let why = why.map(|err| format!(" ({err})")).unwrap_or_default();
    Err(TlsError::Setup(format!(
        "no authorities on this host{why}; install ca-certificates, or name a file of them"
    )))
}
