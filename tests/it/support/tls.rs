//! Certificates for tests, made when they run, and clients that trust them.

use std::io;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use corecast::tls::{Keys, TlsSettings};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SignatureAlgorithm,
};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned, SupportedProtocolVersion, version,
};

/// An authority, and a folder for what it signs, which goes with it.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("corecast-tls-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// Signs a certificate for hosts with a subject, in `FILE.pem` and `FILE.key`.
    pub(crate) fn sign(&self, file: &str, subject: &str, hosts: &[&str]) {
        self.sign_for(file, subject, hosts, &rcgen::PKCS_ECDSA_P256_SHA256);
    }

    /// The same for a key of another algorithm.
    pub(crate) fn sign_for(
        &self,
        file: &str,
        subject: &str,
        hosts: &[&str],
        algorithm: &'static SignatureAlgorithm,
    ) {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        self.sign_with(
            file,
            subject,
            CertificateParams::new(hosts).unwrap(),
            algorithm,
        );
    }

    /// Signs one for no host, after `change` has made it special.
    pub(crate) fn sign_as(
        &self,
        file: &str,
        subject: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let mut params = CertificateParams::default();
        change(&mut params);
        self.sign_with(file, subject, params, &rcgen::PKCS_ECDSA_P256_SHA256);
    }

    fn sign_with(
        &self,
        file: &str,
        subject: &str,
        mut params: CertificateParams,
        algorithm: &'static SignatureAlgorithm,
    ) {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, subject);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(&format!("{file}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
    }

    /// Signs one for hosts that is good from the beginning of a year to that of another.
    pub(crate) fn sign_between(&self, file: &str, hosts: &[&str], years: (i32, i32)) {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(&format!("{file}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
    }

    /// The certificate of that name.
    pub(crate) fn certificate(&self, file: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path(&format!("{file}.pem"))).unwrap()
    }

    /// Settings with the certificate of that name.
    pub(crate) fn settings(&self, file: &str) -> TlsSettings {
        TlsSettings::new(
            self.path(&format!("{file}.pem")),
            self.path(&format!("{file}.key")),
        )
    }

    /// A client's settings: it trusts this authority, and shows the certificate of that name.
    pub(crate) fn trusting(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        file: Option<&str>,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match file {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let key = PrivateKeyDer::from_pem_file(self.path(&format!("{file}.key")));
                builder
                    .with_client_auth_cert(vec![self.certificate(file)], key.unwrap())
                    .unwrap()
            }
        };
        config.resumption = Resumption::disabled();
        config
    }
}

/// Takes any certificate whose signatures it can check.
#[derive(Debug)]
struct Lenient {
    algorithms: WebPkiSupportedAlgorithms,
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _host: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

/// Takes any certificate whose key is of a kind that `can_check`.
pub(crate) fn lenient(can_check: impl Fn(SignatureScheme) -> bool) -> Arc<dyn ServerCertVerifier> {
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
    let schemes = algorithms.supported_schemes();
    Arc::new(Lenient {
        algorithms,
        schemes: schemes
            .into_iter()
            .filter(|&scheme| can_check(scheme))
            .collect(),
    })
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}

static MADE: AtomicU32 = AtomicU32::new(0);

/// Both versions, each alone.
pub(crate) static EACH: [&[&SupportedProtocolVersion]; 2] =
    [&[&version::TLS13], &[&version::TLS12]];

/// A client that asks for `host`.
pub(crate) fn client(config: &Arc<ClientConfig>, host: &'static str) -> ClientConnection {
    ClientConnection::new(Arc::clone(config), ServerName::try_from(host).unwrap()).unwrap()
}

/// What a listener with these settings makes sessions from.
pub(crate) fn keys(settings: &TlsSettings) -> Keys {
    Keys::load(settings, &[], None).unwrap()
}

/// TLS over a socket, with blocking reads and writes.
pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Shakes hands over a socket of the caller's; fails as the server or the client refuses.
pub(crate) fn shake(
    mut stream: TcpStream,
    config: &Arc<ClientConfig>,
    host: &'static str,
) -> io::Result<Tls> {
    let mut tls = client(config, host);
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(tls, stream))
}
