//! Names in certificates: the subject of a client's, the hosts of a server's.

use rustls::pki_types::CertificateDer;
use x509_cert::certificate::{Certificate, Version};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The subject of a certificate as text (RFC 4514): `CN=device-7,O=Example`. `None` if it has
/// none, or cannot be read.
pub(super) fn subject(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let subject = certificate.tbs_certificate().subject();
    (!subject.is_empty()).then(|| subject.to_string())
}

/// The hosts of a certificate in lower case (RFC 5280 section 4.2.1.6); `*.` begins a wildcard.
pub(super) fn hosts(certificate: &CertificateDer<'_>) -> Result<Vec<String>, String> {
    let certificate = Certificate::from_der(certificate).map_err(|err| err.to_string())?;
    if certificate.tbs_certificate().version() != Version::V3 {
        return Err(OLD_VERSION.to_owned());
    }
    let names = certificate
        .tbs_certificate()
        .get_extension::<SubjectAltName>();
    let names = names.map_err(|err| err.to_string())?;
    let names = names.map(|(_, names)| names.0).unwrap_or_default();
    let host = |name| match name {
        GeneralName::DnsName(host) => Some(host.as_str().to_ascii_lowercase()),
        _ => None,
    };
    Ok(names.into_iter().filter_map(host).collect())
}

/// RFC 5280 section 4.1.2.1: host names are in extensions, which only version 3 has.
const OLD_VERSION: &str = "the first certificate is of X.509 version 1 or 2, and must be of \
    version 3: make it with extensions (`openssl x509 -req` does with -extfile)";
