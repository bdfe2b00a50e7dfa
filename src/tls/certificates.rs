//! The certificates of a listener, by the names of hosts that clients ask for (RFC 6066 section 3).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::tls::error::TlsError;
use crate::tls::identity;
use crate::tls::settings::Files;

/// What clients are shown.
#[derive(Debug)]
pub(super) struct Certificates {
    all: Vec<Arc<CertifiedKey>>,
    /// Places in `all`. A wildcard stands without its first label, with the dot: `.example.com`.
    hosts: HashMap<String, Vec<usize>>,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// One cannot be read, or a key is not that of its certificate.
    pub(super) fn load(files: &[Files], provider: &CryptoProvider) -> Result<Self, TlsError> {
        let mut all = Vec::new();
        let mut hosts: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, files) in files.iter().enumerate() {
            let chain = read_certificates(&files.chain)?;
            let names = chain.first().map(identity::hosts).unwrap_or(Ok(Vec::new()));
            let names = names.map_err(|err| TlsError::unusable(&files.chain, err))?;
            for name in names {
                let name = name.strip_prefix('*').unwrap_or(&name).to_owned();
                hosts.entry(name).or_default().push(index);
            }
            let key = PrivateKeyDer::from_pem_file(&files.key)
                .map_err(|err| TlsError::pem(&files.key, err, "private key"))?;
            let certified = CertifiedKey::from_der(chain, key, provider)
                .map_err(|err| TlsError::unusable(&files.key, err))?;
            all.push(Arc::new(certified));
        }
        Ok(Self { all, hosts })
    }

    /// The certificate for a client that asks for `host` and can check signatures by `schemes`.
    fn choose(
        &self,
        host: Option<&str>,
        schemes: &[SignatureScheme],
    ) -> Option<&Arc<CertifiedKey>> {
        let can_check = |&&index: &&usize| {
            let certified = self.all.get(index);
            certified.is_some_and(|certified| certified.key.choose_scheme(schemes).is_some())
        };
        let of = |name: &str| {
            let places = self.hosts.get(name)?;
            places.iter().find(can_check).or_else(|| places.first())
        };
        let named = host.and_then(|host| {
            let host = host.to_ascii_lowercase();
            let wildcard = host.find('.').map(|dot| &host[dot..]);
            of(&host).or_else(|| wildcard.and_then(of)).copied()
        });
        let index = named.or_else(|| (0..self.all.len()).find(|index| can_check(&index)));
        self.all.get(index.unwrap_or_default())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes())
            .cloned()
    }
}

/// The certificates of a PEM file, at least one.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |err| TlsError::pem(path, err, "certificate");
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(wrong)?
        .collect();
    let read = read.map_err(wrong)?;
    if read.is_empty() {
        return Err(wrong(rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(read)
}
