use serde_json::json;

use super::*;

const NOW: u64 = 1_900_000_000;

fn expected() -> Expected {
    Expected::default()
}

fn check_by(claims: Value, expected: &Expected) -> Result<Principal, Denial> {
    let Value::Object(claims) = claims else {
        panic!("claims are an object");
    };
    check(claims, expected, NOW)
}

fn denial(claims: Value) -> Option<Denial> {
    check_by(claims, &expected()).err()
}

#[test]
fn times_have_leeway_and_no_end() {
    let leeway = expected().leeway;
    for (claims, denied) in [
        (json!({}), None),
        (json!({"exp": NOW + 1}), None),
        (json!({"exp": NOW - leeway + 1}), None),
        (json!({"exp": NOW - leeway}), Some(Denial::Expired)),
        (json!({"exp": 0}), Some(Denial::Expired)),
        (json!({"exp": 1_u64 << 63}), None),
        (json!({"exp": u64::MAX}), None),
        (json!({"exp": 1e300}), None),
        (json!({"exp": 1.9e9 + 0.5}), None),
        (json!({"exp": -1}), Some(Denial::Claims)),
        (json!({"exp": "1900000000"}), Some(Denial::Claims)),
        (json!({"exp": null}), Some(Denial::Claims)),
        (json!({"nbf": NOW + leeway}), None),
        (json!({"nbf": NOW + leeway + 1}), Some(Denial::NotYetValid)),
        (json!({"nbf": u64::MAX}), Some(Denial::NotYetValid)),
        (json!({"iat": NOW + leeway + 1}), Some(Denial::NotYetValid)),
        (json!({"iat": NOW, "nbf": NOW}), None),
    ] {
        assert_eq!(denial(claims.clone()), denied, "{claims}");
    }
}

#[test]
fn a_token_may_have_to_expire_and_not_be_old() {
    let (exp, iat) = (NOW + 100, NOW - 50);
    let strict = |requires_expiry, age_max| Expected {
        requires_expiry,
        age_max,
        leeway: 10,
        ..Expected::default()
    };
    for (claims, expected, end) in [
        (json!({}), strict(true, None), Err(Denial::Claims)),
        (json!({"exp": exp}), strict(true, None), Ok(exp)),
        (
            json!({"exp": exp}),
            strict(false, Some(70)),
            Err(Denial::Claims),
        ),
        (
            json!({"exp": exp, "iat": iat}),
            strict(true, Some(70)),
            Ok(iat + 70),
        ),
        (
            json!({"exp": exp, "iat": iat}),
            strict(true, Some(1000)),
            Ok(exp),
        ),
        (json!({"iat": iat}), strict(false, Some(70)), Ok(iat + 70)),
        (json!({"iat": iat}), strict(false, Some(41)), Ok(iat + 41)),
        (
            json!({"iat": iat}),
            strict(false, Some(40)),
            Err(Denial::Expired),
        ),
        (
            json!({"iat": 0}),
            strict(false, Some(u64::MAX)),
            Ok(u64::MAX),
        ),
    ] {
        let checked = check_by(claims.clone(), &expected).map(|client| client.expires_at);
        assert_eq!(checked, end.map(Some), "{claims}");
    }
}

#[test]
fn an_expected_issuer_and_audience_must_be_there() {
    let expected = Expected {
        issuers: vec!["us".to_owned(), "them".to_owned()],
        audiences: vec!["here".to_owned()],
        ..Expected::default()
    };
    for (claims, denied) in [
        (json!({"iss": "us", "aud": "here"}), None),
        (json!({"iss": "them", "aud": ["there", "here"]}), None),
        (json!({"aud": "here"}), Some(Denial::Issuer)),
        (json!({"iss": "you", "aud": "here"}), Some(Denial::Issuer)),
        (json!({"iss": ["us"], "aud": "here"}), Some(Denial::Issuer)),
        (json!({"iss": "us"}), Some(Denial::Audience)),
        (json!({"iss": "us", "aud": "there"}), Some(Denial::Audience)),
        (json!({"iss": "us", "aud": []}), Some(Denial::Audience)),
        (
            json!({"iss": "us", "aud": [["here"]]}),
            Some(Denial::Audience),
        ),
    ] {
        assert_eq!(
            check_by(claims.clone(), &expected).err(),
            denied,
            "{claims}"
        );
    }
    assert_eq!(denial(json!({"iss": "any", "aud": ["any"]})), None);
}

#[test]
fn the_user_comes_from_the_configured_claim() {
    let of = |claims: Value, claim: &str| {
        let expected = Expected {
            user_claim: claim.to_owned(),
            ..Expected::default()
        };
        check_by(claims, &expected).map(|principal| principal.identity)
    };
    let user = |name: &str| Ok(Identity::User(name.to_owned()));
    assert_eq!(of(json!({"sub": "ann"}), "sub"), user("ann"));
    assert_eq!(of(json!({"sub": "ann", "uid": 7}), "uid"), user("7"));
    assert_eq!(of(json!({"uid": 7}), "sub"), user(""));
    for bad in [
        json!(["ann"]),
        json!(null),
        json!(-1),
        json!("a\nb"),
        json!("x".repeat(256)),
    ] {
        assert_eq!(of(json!({"sub": bad}), "sub"), Err(Denial::Claims));
    }
}

#[test]
fn the_end_of_a_connection_is_that_of_its_token_or_its_own() {
    let end = |claims| check_by(claims, &expected()).unwrap().expires_at;
    assert_eq!(end(json!({})), None);
    assert_eq!(end(json!({"exp": NOW + 9})), Some(NOW + 9));
    assert_eq!(end(json!({"exp": NOW + 9, "expire_at": 0})), None);
    assert_eq!(
        end(json!({"exp": NOW + 9, "expire_at": NOW + 99})),
        Some(NOW + 99)
    );
    let leeway = expected().leeway;
    for (end, denied) in [
        (NOW - leeway + 1, None),
        (NOW - leeway, Some(Denial::Expired)),
        (1, Some(Denial::Expired)),
    ] {
        let claims = json!({"exp": NOW + 9, "expire_at": end});
        assert_eq!(denial(claims), denied, "{end}");
    }
}

#[test]
fn a_host_without_a_clock_accepts_only_tokens_without_times() {
    let at_zero = |claims: Value| check(claims.as_object().unwrap().clone(), &expected(), 0);
    for name in ["exp", "nbf", "iat", "expire_at"] {
        assert!(at_zero(json!({name: NOW})).is_err(), "{name}");
    }
    assert!(at_zero(json!({"sub": "ann", "expire_at": 0})).is_ok());
}

#[test]
fn claims_give_rights() {
    let claims = json!({
        "channels": ["news"],
        "subs": {"room": {"info": {"a": 1}}},
        "caps": [
            {"channels": ["chat"], "allow": ["pub", "hst"]},
            {"channels": ["user_*"], "match": "wildcard", "allow": ["sub", "prs"]},
        ],
    });
    let rights = check_by(claims, &expected()).unwrap().rights;
    let all = |topic: &str| Action::ALL.map(|action| rights.allow(action, topic));
    assert_eq!(all("news"), [true, false, false, false]);
    assert_eq!(all("room"), [true, false, false, false]);
    assert_eq!(all("chat"), [false, true, false, true]);
    assert_eq!(all("user_7"), [true, false, true, false]);
    assert_eq!(all("other"), [false; 4]);
}

#[test]
fn claims_of_the_wrong_type_are_refused() {
    let many = vec!["a"; TOKEN_CAP_TOPICS_MAX + 1];
    for claims in [
        json!({"channels": "news"}),
        json!({"channels": [1]}),
        json!({"caps": [{"channels": many, "allow": ["sub"]}]}),
        json!({"channels": ["x".repeat(TOPIC_BYTES_MAX + 1)]}),
        json!({"subs": ["news"]}),
        json!({"caps": {}}),
        json!({"caps": [1]}),
        json!({"caps": [{"allow": ["sub"]}]}),
        json!({"caps": [{"channels": ["a"]}]}),
        json!({"caps": [{"channels": ["a"], "allow": ["all"]}]}),
        json!({"caps": [{"channels": ["a"], "match": "regex", "allow": ["sub"]}]}),
        json!({"caps": vec![json!({"channels": [], "allow": []}); TOKEN_CAPS_MAX + 1]}),
        json!({"channel": "news"}),
        json!({"jti": 1}),
        json!({"b64info": {}}),
        json!({"expire_at": "never"}),
    ] {
        assert_eq!(denial(claims.clone()), Some(Denial::Claims), "{claims}");
    }
}
