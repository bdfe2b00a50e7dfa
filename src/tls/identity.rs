//! Names in certificates: the subject of a client's, the hosts of a server's.

use rustls::pki_types::CertificateDer;
use x509_cert::certificate::{Certificate, Version};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The subject of a certificate as text (RFC 4514): `CN=device-7,O=Example`. If it has no common
/// name, an alternative name, if there is one: `URI=spiffe://example/device-7`. `None` if it has
/// neither, or cannot be read.
pub(super) fn subject(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let subject = certificate.tbs_certificate().subject().to_string();
    let mut parts = subject.split([',', '+']);
    if parts.any(|part| part.trim_start().starts_with("CN=")) {
        return Some(subject);
    }
    alternative_name(&certificate).or_else(|| Some(subject).filter(|name| !name.is_empty()))
}

/// The first URI, host or e-mail address of a certificate (RFC 5280 section 4.2.1.6), written as
/// a part of a subject.
fn alternative_name(certificate: &Certificate) -> Option<String> {
    let names = certificate
        .tbs_certificate()
        .get_extension::<SubjectAltName>();
    let (_, names) = names.ok()??;
    let kind = |name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some((0, "URI", uri.as_str().to_owned())),
        GeneralName::DnsName(host) => Some((1, "DNS", host.as_str().to_owned())),
        GeneralName::Rfc822Name(address) => Some((2, "EMAIL", address.as_str().to_owned())),
        _ => None,
    };
    let names = names.0.into_iter().filter_map(kind);
    let (_, kind, name) = names.min_by_key(|(rank, ..)| *rank)?;
    Some(format!("{kind}={}", escape(&name)))
}

/// As in a subject (RFC 4514 section 2.4), where these characters end a part.
fn escape(name: &str) -> String {
    let escape = |c| matches!(c, ',' | '+' | '\\').then_some('\\');
    let characters = name.chars();
    characters
        .flat_map(|c| escape(c).into_iter().chain([c]))
        .collect()
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

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    use super::subject;

    #[test]
    fn a_client_without_a_common_name_is_called_by_an_alternative_name() {
        let [host, mail, uri] = ["device-7.example", "ann+7@example", "spiffe://example/7"];
        let host = SanType::DnsName(host.try_into().unwrap());
        let mail = SanType::Rfc822Name(mail.try_into().unwrap());
        let uri = SanType::URI(uri.try_into().unwrap());
        let common = (DnType::CommonName, "device");
        let organization = (DnType::OrganizationName, "Example");
        let name = |names: &[(DnType, &str)], alternatives: &[&SanType]| {
            let mut params = CertificateParams::default();
            params.distinguished_name = DistinguishedName::new();
            for (kind, name) in names {
                params.distinguished_name.push(kind.clone(), *name);
            }
            params.subject_alt_names = alternatives.iter().map(|&name| name.clone()).collect();
            let key = KeyPair::generate().unwrap();
            subject(params.self_signed(&key).unwrap().der())
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(name(&[common], &[&uri]), text("CN=device"));
        let only = [organization];
        let all = [&mail, &host, &uri];
        assert_eq!(name(&only, &all), text("URI=spiffe://example/7"));
        assert_eq!(name(&[], &all[..2]), text("DNS=device-7.example"));
        assert_eq!(name(&[], &all[..1]), text("EMAIL=ann\\+7@example"));
        assert_eq!(name(&only, &[]), text("O=Example"));
        assert_eq!(name(&[], &[]), None);
    }
}
