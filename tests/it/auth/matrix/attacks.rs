//! Forged tokens, on every listener: each is refused for its own reason.

use corecast::auth::{Denial, create};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

use super::attempt::Attempt;
use super::scene::{SECRET, Scene, claims, token};
use super::{Answer, Fault, LISTENERS, Place};

/// A token with this header, signed with a secret.
fn signed(header: &Value, claims: &str, secret: &[u8]) -> String {
    let encode = |part: &str| BASE64URL_NOPAD.encode(part.as_bytes());
    let signed = format!("{}.{}", encode(&header.to_string()), encode(claims));
    let key = EncodingKey::from_secret(secret).unwrap();
    let signature = crypto::sign(signed.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{signed}.{signature}")
}

/// Forged tokens, each with the reason for which it is refused.
fn forged(public_key: &[u8]) -> Vec<(&'static str, String, Denial)> {
    let claims = claims(Fault::None);
    let other = b"another secret of 32 bytes......";
    let good = token(Fault::None);
    let (_, signature) = good.rsplit_once('.').unwrap();
    let unsigned = signed(&json!({"alg": "none"}), &claims, SECRET);
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    let own = json!({"kty": "oct", "k": BASE64URL_NOPAD.encode(other)});
    let place = "http://127.0.0.1:9/key";
    let header = |name: &str, value: Value| {
        let mut header = json!({"alg": "HS256"});
        header[name] = value;
        signed(&header, &claims, other)
    };
    let twice = claims.replacen('{', "{\"sub\":\"bob\",", 1);
    let hs256 = json!({"alg": "HS256"});
    let long = claims.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(8 << 10)), 1);
    vec![
        ("no signature", unsigned, Denial::Algorithm),
        (
            "the public key of RS256 as a secret",
            signed(&hs256, &claims, public_key),
            Denial::Signature,
        ),
        (
            "RS256 with a secret",
            signed(&json!({"alg": "RS256"}), &claims, SECRET),
            Denial::Signature,
        ),
        (
            "a key id that is a path",
            header("kid", json!("../../dev/null")),
            Denial::UnknownKey,
        ),
        (
            "a key id that is an address",
            header("kid", json!(place)),
            Denial::UnknownKey,
        ),
        ("jku", header("jku", json!(place)), Denial::Signature),
        ("x5u", header("x5u", json!(place)), Denial::Signature),
        ("jwk", header("jwk", own), Denial::Signature),
        (
            "two signatures",
            format!("{good}.{signature}"),
            Denial::Malformed,
        ),
        (
            "a claim twice",
            signed(&hs256, &twice, SECRET),
            Denial::Claims,
        ),
        ("too long", create(SECRET, &long).unwrap(), Denial::TooLong),
    ]
}

#[test]
fn no_listener_accepts_a_forged_token() {
    let scene = Scene::start();
    let forged = forged(&scene.public_key());
    let mut wrong = Vec::new();
    for listener in LISTENERS {
        let is_http = listener.framing().is_none();
        let place = if is_http {
            Place::Bearer
        } else {
            Place::FirstFrame
        };
        for (attack, token, denial) in &forged {
            let attempt = Attempt {
                token: token.clone(),
                ..Attempt::new(listener, place, Fault::None)
            };
            let expected = if is_http {
                Answer::Status(401, Some(*denial))
            } else {
                Answer::End(Some(*denial))
            };
            let answer = scene.answer(&attempt, &expected);
            if answer != expected {
                wrong.push(format!(
                    "{listener:?}, {attack}: {answer:?}, not {expected:?}"
                ));
            }
        }
        // Longer than the head of a request may be.
        let attempt = Attempt {
            token: "x".repeat(64 << 10),
            ..Attempt::new(listener, place, Fault::None)
        };
        let expected = if is_http {
            Answer::Status(431, None)
        } else {
            Answer::End(Some(Denial::TooLong))
        };
        let answer = scene.answer(&attempt, &expected);
        if answer != expected {
            wrong.push(format!(
                "{listener:?}, 64 KiB: {answer:?}, not {expected:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_page_of_another_origin_has_no_use_of_a_cookie() {
    let scene = Scene::start();
    for listener in LISTENERS {
        if listener.framing().is_some() {
            continue;
        }
        for (origin, denial) in [
            ("https://evil.example", None),
            ("https://evil.pages.example", Some(Denial::CookieOrigin)),
            ("null", None),
        ] {
            let attempt = Attempt {
                origin,
                ..Attempt::new(listener, Place::Cookie, Fault::None)
            };
            let expected = Answer::Status(403, denial);
            let answer = scene.answer(&attempt, &expected);
            assert_eq!(answer, expected, "{listener:?} {origin}");
        }
    }
}
