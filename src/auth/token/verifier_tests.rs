use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::*;
use crate::auth::create;
use crate::auth::keys::jwk_set;
use crate::auth::principal::Identity;
use crate::limits::WORK_OF_HMAC;

pub(in crate::auth) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
pub(in crate::auth) const NOW: u64 = 1_900_000_000;
/// Before the expiry in the examples of RFC 7515.
const THEN: u64 = 1_300_819_000;

fn encode(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

/// A token with this header, claims and secret.
pub(in crate::auth) fn token_of(header: &Value, claims: &str, secret: &[u8]) -> String {
    let claims = BASE64URL_NOPAD.encode(claims.as_bytes());
    let signed = format!("{}.{claims}", encode(header));
    let key = EncodingKey::from_secret(secret).unwrap();
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::HS256);
    format!("{signed}.{}", signature.unwrap())
}

fn verifier() -> Verifier {
    Verifier::new(vec![Key::hmac(SECRET).unwrap()])
}

fn verify(token: &str) -> Result<Principal, Denial> {
    verifier().verify(token, NOW)
}

pub(in crate::auth) fn ann() -> Identity {
    Identity::User("ann".to_owned())
}

pub(in crate::auth) const CLAIMS: &str = r#"{"sub":"ann","exp":1900000060}"#;

#[test]
fn the_examples_of_the_standard_are_accepted() {
    let set = json!({"keys": [
        {"kty": "oct", "k": "\
         AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-\
         EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"},
        {"kty": "RSA", "e": "AQAB", "n": "\
         ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-\
         Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-\
         pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-\
         bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-\
         UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-\
         DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},
        {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
    ]});
    let mut verifier = Verifier::new(jwk_set(set.to_string().as_bytes(), true).unwrap());
    let claims = "\
     eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y\
     b290Ijp0cnVlfQ";
    for (header, signature) in [
        // RFC 7515 appendix A.1.
        (
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        // Appendix A.2.
        (
            "eyJhbGciOiJSUzI1NiJ9",
            "\
         cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-\
         0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--\
         f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--\
         xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98r\
         qVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        // Appendix A.3.
        (
            "eyJhbGciOiJFUzI1NiJ9",
            "\
         DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-\
         Kg6NU1Q",
        ),
    ] {
        let token = format!("{header}.{claims}.{signature}");
        let joe = verifier.verify(&token, THEN).unwrap();
        assert_eq!(joe.claims["iss"], "joe");
        assert_eq!(verifier.verify(&token, NOW), Err(Denial::Expired));
        // Its last character has bits that count for nothing; the one before has none.
        let at = token.len() - 2;
        let other = if token.as_bytes()[at] == b'A' {
            "B"
        } else {
            "A"
        };
        let forged = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert_eq!(verifier.verify(&forged, THEN), Err(Denial::Signature));
    }
}

#[test]
fn a_token_that_is_made_here_is_accepted_here() {
    let token = create(SECRET, CLAIMS).unwrap();
    let client = verify(&token).unwrap();
    assert_eq!(
        (client.identity, client.expires_at),
        (ann(), Some(NOW + 60))
    );
    assert!(create(&SECRET[1..], CLAIMS).is_err());
    assert!(create(SECRET, r#"{"sub":"a","sub":"b"}"#).is_err());
}

#[test]
fn a_token_chooses_neither_its_algorithm_nor_its_key() {
    let with = |header: Value| verify(&token_of(&header, CLAIMS, SECRET)).map(|it| it.identity);
    assert_eq!(with(json!({"alg": "HS256"})), Ok(ann()));
    for alg in ["none", "None", "NONE", "", "ES512", "HS1", "dir"] {
        assert_eq!(with(json!({"alg": alg})), Err(Denial::Algorithm), "{alg}");
    }
    let unsigned = format!(
        "{}.{}.",
        encode(&json!({"alg": "none"})),
        encode(&json!({}))
    );
    assert_eq!(verify(&unsigned), Err(Denial::Algorithm));
    assert_eq!(with(json!({"alg": "RS256"})), Err(Denial::Algorithm));
    // Names of keys are compared, and never opened.
    for kid in [
        "../../dev/null",
        "/etc/passwd",
        "http://127.0.0.1/key",
        "' OR 1=1",
    ] {
        assert_eq!(
            with(json!({"alg": "HS256", "kid": kid})),
            Ok(ann()),
            "{kid}"
        );
    }
    // Keys in the header, and where they are said to be, are not looked at.
    let own = json!({"kty": "oct", "k": BASE64URL_NOPAD.encode(b"mine")});
    let forged = json!({"alg": "HS256", "jwk": own, "jku": "http://127.0.0.1/", "x5u": "http://127.0.0.1/", "x5c": ["AAAA"]});
    assert_eq!(with(forged.clone()), Ok(ann()));
    let other = b"another secret of 32 bytes......";
    assert_eq!(
        verify(&token_of(&forged, CLAIMS, other)),
        Err(Denial::Signature)
    );
    assert_eq!(
        with(json!({"alg": "HS256", "crit": ["exp"]})),
        Err(Denial::Critical)
    );
    for bad in [
        json!({}),
        json!({"alg": 1}),
        json!({"alg": "HS256", "kid": 1}),
    ] {
        assert_eq!(with(bad), Err(Denial::Malformed));
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let good = create(SECRET, CLAIMS).unwrap();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    // The general form of RFC 7515 section 7.2.1 may have two signatures.
    let general = format!(
        r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}},{{"protected":"{header}","signature":"{signature}"}}]}}"#
    );
    for bad in [
        String::new(),
        "a".to_owned(),
        "..".to_owned(),
        signed.to_owned(),
        format!("{good}.{signature}"),
        format!("{signature}.{good}"),
        general,
        format!("{good}="),
        format!(" {good}"),
        good.replace('e', "é"),
    ] {
        let denied = verify(&bad);
        assert!(
            matches!(denied, Err(Denial::Malformed | Denial::Signature)),
            "{bad}: {denied:?}"
        );
    }
    let twice = r#"{"alg":"HS256","alg":"HS256"}"#;
    let twice = format!(
        "{}.{payload}.{signature}",
        BASE64URL_NOPAD.encode(twice.as_bytes())
    );
    assert_eq!(verify(&twice), Err(Denial::Malformed));
    let header = json!({"alg": "HS256"});
    for claims in [r#"{"sub":"a","sub":"ann"}"#, "[]", "1", "{", "{}{}"] {
        let token = token_of(&header, claims, SECRET);
        assert_eq!(verify(&token), Err(Denial::Claims), "{claims}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(2_000), "]".repeat(2_000));
    assert_eq!(
        verify(&token_of(&header, &deep, SECRET)),
        Err(Denial::Claims)
    );
}

#[test]
fn a_token_has_a_maximum_length() {
    let claims = |len: usize| format!(r#"{{"sub":"ann","x":"{}"}}"#, "x".repeat(len));
    let long = create(SECRET, &claims(64 << 10)).unwrap();
    assert_eq!(verify(&long), Err(Denial::TooLong));
    let token = create(SECRET, &claims(10)).unwrap();
    assert!(
        verifier()
            .length_max(token.len())
            .verify(&token, NOW)
            .is_ok()
    );
    let mut shorter = verifier().length_max(token.len() - 1);
    assert_eq!(shorter.verify(&token, NOW), Err(Denial::TooLong));
}

#[test]
fn the_work_of_a_check_follows_the_algorithm_and_the_number_of_keys() {
    let other = || Key::hmac(b"another secret of 32 bytes......").unwrap();
    let work = |keys: usize, token: &str| {
        let mut keys: Vec<Key> = (1..keys).map(|_| other()).collect();
        keys.push(Key::hmac(SECRET).unwrap());
        let mut verifier = Verifier::new(keys);
        let _checked = verifier.verify(token, NOW);
        let work = verifier.take_work();
        assert_eq!(verifier.take_work(), 0);
        work
    };
    let token = create(SECRET, CLAIMS).unwrap();
    assert_eq!(work(1, &token), WORK_OF_TOKEN + WORK_OF_HMAC);
    assert_eq!(work(3, &token), WORK_OF_TOKEN + 3 * WORK_OF_HMAC);
    // What is refused by its form costs no signature, and by its length nothing.
    assert_eq!(work(3, "nonsense"), WORK_OF_TOKEN);
    assert_eq!(work(3, &"x".repeat(64 << 10)), 0);
    let of = |key: Key, alg: &str| {
        let mut verifier = Verifier::new(vec![key]);
        let token = token_of(&json!({"alg": alg}), CLAIMS, SECRET);
        assert_eq!(verifier.verify(&token, NOW), Err(Denial::Signature));
        verifier.take_work() - WORK_OF_TOKEN
    };
    let point = |coordinates| [&[4][..], &[1; 96][..coordinates]].concat();
    let ed25519 = of(Key::ed25519(&[1; 32]).unwrap(), "EdDSA");
    let p256 = of(Key::ec(&point(64)).unwrap(), "ES256");
    let p384 = of(Key::ec(&point(96)).unwrap(), "ES384");
    assert!(WORK_OF_HMAC < ed25519 && ed25519 < p256 && p256 < p384);
    let rsa = |bits: usize, alg| of(Key::rsa(&vec![0xff; bits / 8], &[1, 0, 1]).unwrap(), alg);
    assert_eq!(rsa(2048, "RS256"), ed25519);
    assert_eq!(rsa(4096, "PS256"), 4 * rsa(2048, "RS256"));
    assert_eq!(rsa(8192, "RS512"), 16 * rsa(2048, "RS256"));
}
