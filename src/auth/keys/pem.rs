//! Public keys in PEM: as such (RFC 7468 section 13), or in a certificate.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use x509_cert::Certificate;
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::auth::keys::{Key, KeyError};

pub(super) fn parse(pem: &[u8]) -> Result<Key, KeyError> {
    if let Ok(der) = SubjectPublicKeyInfoDer::from_pem_slice(pem) {
        return of_info(&der);
    }
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| KeyError::NoPem)?;
    let certificate = Certificate::from_der(&der).map_err(|_| KeyError::NoPem)?;
    let info = certificate.tbs_certificate().subject_public_key_info();
    of_info(&info.to_der().map_err(|_| KeyError::NoPem)?)
}

/// From a `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
fn of_info(der: &[u8]) -> Result<Key, KeyError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyError::Kind)?;
    let key = info.subject_public_key.as_bytes().ok_or(KeyError::Kind)?;
    match info.algorithm.oid {
        RSA => {
            let (modulus, exponent) = rsa_numbers(key).map_err(|_| KeyError::Kind)?;
            Key::rsa(modulus.as_bytes(), exponent.as_bytes())
        }
        EC => match (info.algorithm.parameters_oid(), key.len()) {
            (Ok(P256), 65) | (Ok(P384), 97) => Key::ec(key),
            _ => Err(KeyError::Kind),
        },
        ED25519 => Key::ed25519(key),
        _ => Err(KeyError::Kind),
    }
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_numbers(der: &[u8]) -> Result<(UintRef<'_>, UintRef<'_>), x509_cert::der::Error> {
    SliceReader::new(der)?
        .sequence(|reader| Ok((UintRef::decode(reader)?, UintRef::decode(reader)?)))
}

/// RFC 8017 appendix C.
pub(in crate::auth) const RSA: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480 section 2.1.1.
pub(in crate::auth) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// RFC 5480 section 2.1.1.1; an uncompressed point has two coordinates of 32 bytes.
pub(in crate::auth) const P256: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// The same section; two of 48 bytes.
pub(in crate::auth) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// RFC 8410 section 3.
pub(in crate::auth) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
