//! The certificates of a listener, by the host names that clients send (RFC 6066 section 3).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{InconsistentKeys, SignatureScheme};

use crate::tls::error::TlsError;
use crate::tls::identity;
use crate::tls::settings::{Files, TlsFile};

/// The certificates of a listener.
#[derive(Debug)]
pub(super) struct Certificates {
    all: Vec<Arc<CertifiedKey>>,
    /// Indexes in `all`. A wildcard is stored without its first label, with the dot:
    /// `.example.com`.
    hosts: HashMap<String, Vec<usize>>,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or a key does not belong to its certificate.
    pub(super) fn load(files: &[Files], provider: &CryptoProvider) -> Result<Self, TlsError> {
        let mut all = Vec::new();
        let mut hosts: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, files) in files.iter().enumerate() {
            let chain = read_chain(&files.chain)?;
            for name in chain.hosts {
                let name = name.strip_prefix('*').unwrap_or(&name).to_owned();
                hosts.entry(name).or_default().push(index);
            }
            let key = read_key(&files.key, provider)?;
            let certified = certify(files, chain.certificates, key)?;
            all.push(Arc::new(certified));
        }
        Ok(Self { all, hosts })
    }

    /// The certificate for a client that sends `host` and can check signatures by `schemes`.
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

/// The contents of a file with a certificate.
pub(super) struct Chain {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// The hosts of the first certificate.
    hosts: Vec<String>,
}

/// All errors of the certificate files, each with the purpose of its file.
pub(super) fn faults(files: &[Files], provider: &CryptoProvider) -> Vec<(TlsFile, TlsError)> {
    let mut faults = Vec::new();
    for files in files {
        let chain = read_chain(&files.chain);
        let key = read_key(&files.key, provider);
        match (chain, key) {
            (Ok(chain), Ok(key)) => {
                let mismatch = certify(files, chain.certificates, key).err();
                faults.extend(mismatch.map(|err| (TlsFile::Key, err)));
            }
            (chain, key) => {
                faults.extend(chain.err().map(|err| (TlsFile::Chain, err)));
                faults.extend(key.err().map(|err| (TlsFile::Key, err)));
            }
        }
    }
    faults
}

/// The certificate of a PEM file, followed by the certificates up to its authority.
pub(super) fn read_chain(path: &Path) -> Result<Chain, TlsError> {
    let certificates = read_certificates(path)?;
    let hosts = certificates.first().map(identity::hosts);
    let hosts = hosts.unwrap_or(Ok(Vec::new()));
    let hosts = hosts.map_err(|err| TlsError::unusable(path, err))?;
    Ok(Chain {
        certificates,
        hosts,
    })
}

/// The private key of a PEM file.
pub(super) fn read_key(
    path: &Path,
    provider: &CryptoProvider,
) -> Result<Arc<dyn SigningKey>, TlsError> {
    let key = PrivateKeyDer::from_pem_file(path)
        .map_err(|err| TlsError::pem(path, err, "private key"))?;
    let key = provider.key_provider.load_private_key(key);
    key.map_err(|err| TlsError::unusable(path, err))
}

/// Combines certificates with their key.
pub(super) fn certify(
    files: &Files,
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
) -> Result<CertifiedKey, TlsError> {
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // A key that does not reveal its public half may be the right one.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => {
            let what = format!(
                "is not the key of the first certificate in {}",
                files.chain.display()
            );
            Err(TlsError::unusable(&files.key, what))
        }
        Err(err) => Err(TlsError::unusable(&files.chain, err)),
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
