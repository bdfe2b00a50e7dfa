use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use serde_json::{Value, json};

use super::*;
use crate::auth::create;
use crate::auth::token::verifier::Verifier;
use crate::auth::token::verifier::tests::{CLAIMS, NOW, SECRET, ann, token_of};

#[test]
fn keys_in_pem_are_for_the_algorithm_of_their_curve() {
    for (kind, algorithm) in [
        (&PKCS_ECDSA_P256_SHA256, Algorithm::ES256),
        (&PKCS_ECDSA_P384_SHA384, Algorithm::ES384),
        (&PKCS_ED25519, Algorithm::EdDSA),
    ] {
        let pair = KeyPair::generate_for(kind).unwrap();
        let signing = match algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_der(&pair.serialize_der()),
            _ => EncodingKey::from_ec_der(&pair.serialize_der()),
        };
        let claims: Value = serde_json::from_str(CLAIMS).unwrap();
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, &signing).unwrap();
        let public = pair.public_key_pem();
        let mut by_key = Verifier::new(vec![Key::pem(public.as_bytes()).unwrap()]);
        assert_eq!(by_key.verify(&token, NOW).unwrap().identity, ann());
        let params = rcgen::CertificateParams::new(vec!["issuer".to_owned()]).unwrap();
        let certificate = params.self_signed(&pair).unwrap().pem();
        let mut by_certificate = Verifier::new(vec![Key::pem(certificate.as_bytes()).unwrap()]);
        assert!(by_certificate.verify(&token, NOW).is_ok());
        // A public key is no secret, whatever the token says.
        let forged = token_of(&json!({"alg": "HS256"}), CLAIMS, public.as_bytes());
        assert_eq!(by_key.verify(&forged, NOW), Err(Denial::Algorithm));
    }
    let p521 = "-----BEGIN PUBLIC KEY-----\nMIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAgS03kNFxkMzTOMRjhkwG5fPvnHPF\n-----END PUBLIC KEY-----\n";
    // Its points are as long as those of P-256.
    let secp256k1 = "-----BEGIN PUBLIC KEY-----\nMFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEAPUUmBcSRN3bGznLUuyjkR/hQ2sJfJlG\nb3/il3FJG2w544ClbLzTEetAvQvFSBLB7089Am/X49dC8KiliO1yJg==\n-----END PUBLIC KEY-----\n";
    for bad in [
        "",
        "text",
        p521,
        secp256k1,
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ] {
        assert!(Key::pem(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn a_secret_is_for_the_hashes_that_are_not_longer() {
    assert_eq!(Key::hmac(&SECRET[1..]).unwrap_err(), KeyError::ShortSecret);
    let claims: Value = serde_json::from_str(CLAIMS).unwrap();
    for (secret, accepted) in [(32, 1), (48, 2), (64, 3)] {
        let secret = vec![b'x'; secret];
        let mut verifier = Verifier::new(vec![Key::hmac(&secret).unwrap()]);
        let all = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        for (at, algorithm) in all.into_iter().enumerate() {
            let key = EncodingKey::from_secret(&secret).unwrap();
            let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, &key).unwrap();
            let expected = if at < accepted {
                Ok(())
            } else {
                Err(Denial::Algorithm)
            };
            assert_eq!(verifier.verify(&token, NOW).map(drop), expected);
        }
    }
}

#[test]
fn a_short_secret_that_is_allowed_is_for_hs256() {
    let mut verifier = Verifier::new(vec![Key::hmac_of_any_length(b"secret").unwrap()]);
    let claims: Value = serde_json::from_str(CLAIMS).unwrap();
    let key = EncodingKey::from_secret(b"secret").unwrap();
    for (algorithm, expected) in [
        (Algorithm::HS256, Ok(())),
        (Algorithm::HS384, Err(Denial::Algorithm)),
    ] {
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, &key).unwrap();
        assert_eq!(verifier.verify(&token, NOW).map(drop), expected);
    }
    assert!(Key::hmac_of_any_length(b"").is_err());
    assert!(Key::hmac_of_any_length(SECRET).is_ok());
}

#[test]
fn a_previous_secret_is_valid_until_its_date() {
    let previous = b"fedcba9876543210fedcba9876543210";
    let keys = vec![
        Key::hmac(SECRET).unwrap(),
        Key::hmac(previous).unwrap().until(NOW),
    ];
    let mut verifier = Verifier::new(keys);
    let token = create(previous, r#"{"sub":"ann"}"#).unwrap();
    assert!(verifier.verify(&token, NOW - 1).is_ok());
    assert_eq!(verifier.verify(&token, NOW), Err(Denial::Signature));
    assert!(verifier.verify(&create(SECRET, "{}").unwrap(), NOW).is_ok());
}

#[test]
fn a_key_set_has_limits_and_leaves_out_what_is_not_for_signatures() {
    let key = |index: usize| json!({"kty": "oct", "kid": index.to_string(), "k": BASE64URL_NOPAD.encode(SECRET)});
    let set = |count: usize| json!({"keys": (0..count).map(key).collect::<Vec<_>>()}).to_string();
    assert_eq!(
        jwk_set(set(KEYS_MAX).as_bytes(), true).unwrap().len(),
        KEYS_MAX
    );
    let read = |json: &str, secrets| jwk_set(json.as_bytes(), secrets).map(|keys| keys.len());
    assert_eq!(read(&set(10_000), true), Err(KeyError::TooLong));
    assert_eq!(read(&set(KEYS_MAX + 1), true), Err(KeyError::TooMany));
    assert_eq!(
        read(&set(1), false),
        Err(KeyError::NoKey),
        "a secret that anyone can fetch"
    );
    for bad in ["", "[]", "{}", "{\"keys\":1}"] {
        assert!(matches!(read(bad, true), Err(KeyError::Json(_))), "{bad}");
    }
    let alike = |count: usize| json!({"keys": vec![key(0); count]}).to_string();
    assert_eq!(
        read(&alike(KEYS_OF_ONE_ID_MAX), true),
        Ok(KEYS_OF_ONE_ID_MAX)
    );
    assert_eq!(
        read(&alike(KEYS_OF_ONE_ID_MAX + 1), true),
        Err(KeyError::SameId)
    );
    assert_eq!(key_set(b"{\"keys\":[]}", false).unwrap().len(), 0);
    let mut others = vec![
        json!(1),
        json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}),
        json!({"kty": "OKP", "crv": "X25519", "x": "AA"}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        json!({"kty": "oct", "k": BASE64URL_NOPAD.encode(SECRET), "use": "enc"}),
        json!({"kty": "oct", "k": BASE64URL_NOPAD.encode(SECRET), "alg": "A128KW"}),
        json!({"kty": "oct", "k": BASE64URL_NOPAD.encode(SECRET), "alg": "RS256"}),
    ];
    assert_eq!(
        read(&json!({"keys": others}).to_string(), true),
        Err(KeyError::NoKey)
    );
    others.push(key(1));
    assert_eq!(read(&json!({"keys": others}).to_string(), true), Ok(1));
}

#[test]
fn a_token_is_checked_with_the_key_that_it_names() {
    let secrets: [&[u8]; 2] = [
        b"the first secret of 32 bytes....",
        b"the second secret of 32 bytes...",
    ];
    let key = |index: usize| json!({"kty": "oct", "kid": index.to_string(), "k": BASE64URL_NOPAD.encode(secrets[index])});
    let set = json!({"keys": [key(0), key(1)]}).to_string();
    let mut both = Verifier::new(jwk_set(set.as_bytes(), true).unwrap());
    let mut one =
        Verifier::new(jwk_set(json!({"keys": [key(0)]}).to_string().as_bytes(), true).unwrap());
    let token = |kid: Option<&str>, secret: usize| {
        let mut header = json!({"alg": "HS256"});
        if let Some(kid) = kid {
            header["kid"] = json!(kid);
        }
        token_of(&header, CLAIMS, secrets[secret])
    };
    let mut check = |kid, secret, expected: Result<(), Denial>| {
        let token = token(kid, secret);
        assert_eq!(
            both.verify(&token, NOW).map(drop),
            expected,
            "{kid:?} {secret}"
        );
    };
    check(Some("0"), 0, Ok(()));
    check(Some("1"), 1, Ok(()));
    check(Some("0"), 1, Err(Denial::Signature));
    check(Some("2"), 0, Err(Denial::UnknownKey));
    check(None, 0, Err(Denial::Algorithm));
    assert!(
        one.verify(&token(None, 0), NOW).is_ok(),
        "there is no other"
    );
    // A secret without an id may be older than ids; a key that is not known may still be fetched.
    let mut beside = Verifier::new(vec![Key::hmac(secrets[0]).unwrap()]);
    assert!(beside.verify(&token(Some("new"), 0), NOW).is_ok());
    assert_eq!(
        beside.verify(&token(Some("new"), 1), NOW),
        Err(Denial::UnknownKey)
    );
    assert_eq!(beside.verify(&token(None, 1), NOW), Err(Denial::Signature));
}
