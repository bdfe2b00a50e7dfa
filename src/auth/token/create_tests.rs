use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use super::{CreateError, Signer};
use crate::auth::Key;
use crate::auth::token::compact::signed_with;
use crate::auth::token::verifier::Verifier;
use crate::auth::token::verifier::tests::{CLAIMS, NOW, SECRET, ann};

#[test]
fn a_private_key_signs_for_its_public_key() {
    for (kind, algorithm, other) in [
        (&PKCS_ECDSA_P256_SHA256, "ES256", "ES384"),
        (&PKCS_ECDSA_P384_SHA384, "ES384", "ES256"),
        (&PKCS_ED25519, "EdDSA", "HS256"),
    ] {
        let pair = KeyPair::generate_for(kind).unwrap();
        let signer = Signer::pem(pair.serialize_pem().as_bytes()).unwrap();
        assert!(signer.clone().algorithm(other).is_err(), "{algorithm}");
        let signer = signer.algorithm(algorithm).unwrap().key_id("a");
        let token = signer.sign(CLAIMS).unwrap();
        let header = Some((algorithm.to_owned(), Some("a".to_owned())));
        assert_eq!(signed_with(&token), header);
        let key = Key::pem(pair.public_key_pem().as_bytes()).unwrap();
        let mut verifier = Verifier::new(vec![key]);
        assert_eq!(verifier.verify(&token, NOW).unwrap().identity, ann());
    }
}

#[test]
fn a_secret_signs_with_the_hashes_that_are_not_longer() {
    assert!(matches!(
        Signer::hmac(&SECRET[1..]),
        Err(CreateError::ShortSecret)
    ));
    for (len, algorithms) in [
        (32, "HS256"),
        (48, "HS256 HS384"),
        (64, "HS256 HS384 HS512"),
    ] {
        let secret = vec![b'x'; len];
        for algorithm in ["HS256", "HS384", "HS512"] {
            let signer = Signer::hmac(&secret).unwrap().algorithm(algorithm);
            let expected = algorithms.contains(algorithm);
            assert_eq!(signer.is_ok(), expected, "{len}: {algorithm}");
            let Ok(signer) = signer else { continue };
            let mut verifier = Verifier::new(vec![Key::hmac(&secret).unwrap()]);
            assert!(verifier.verify(&signer.sign(CLAIMS).unwrap(), NOW).is_ok());
            let shown = format!("{signer:?}");
            assert!(
                shown.contains(algorithm) && !shown.contains("xxx"),
                "{shown}"
            );
        }
    }
}

#[test]
fn what_is_no_private_key_is_refused_with_what_to_do() {
    let pair = KeyPair::generate().unwrap();
    let public = pair.public_key_pem();
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
    let empty = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for wrong in ["", &public, sec1, empty] {
        let error = Signer::pem(wrong.as_bytes()).unwrap_err();
        assert!(matches!(error, CreateError::NoPem), "{wrong}");
        assert!(error.to_string().contains("openssl pkey"));
    }
    let signer = Signer::hmac(SECRET).unwrap();
    let error = signer.algorithm("none").unwrap_err();
    assert_eq!(
        error.to_string(),
        "none is not an algorithm of this key; there are HS256"
    );
}
