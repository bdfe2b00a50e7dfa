//! Keys of identity that would leave everything open.

use crate::settings::tests::{load, read};

const ALONE: &str = "has no effect alone: every client could do everything; set a key for tokens";

#[test]
fn a_token_is_in_no_parameter_that_topics_have() {
    for name in ["key", "since", "last", "token"] {
        let problems = load(
            &format!("[auth]\ninsecure = true\nquery = {name:?}\n"),
            &[],
            &[],
        );
        assert_eq!(problems.is_empty(), name == "token", "{name}: {problems:?}");
    }
}

#[test]
fn keys_come_encrypted_or_from_this_host() {
    let load =
        |url: &str, more: &str| load(&format!("[auth]\njwks_url = {url:?}\n{more}"), &[], &[]);
    for right in [
        "https://login.example.com/keys?tenant=1",
        "http://127.0.0.1:8080/keys",
        "http://[::1]/keys",
        "http://localhost/keys",
    ] {
        assert_eq!(load(right, ""), [""; 0], "{right}");
    }
    for (wrong, what) in [
        ("http://login.example.com/keys", "is not encrypted"),
        ("http://127.0.0.1.example.com/", "is not encrypted"),
        (
            "https://ann:hunter2@example.com/",
            "has a user or a password",
        ),
        ("http://127.0.0.1@example.com/", "has a user or a password"),
        ("ftp://example.com/", "is no address of HTTP"),
        ("example.com/keys", "is not a URL"),
        ("https://exa mple.com", "is not a URL"),
    ] {
        let problems = load(wrong, "");
        let expected = format!("c.toml:2: auth.jwks_url: {what}");
        assert!(
            problems.len() == 1 && problems[0].starts_with(&expected),
            "{problems:?}"
        );
        assert!(!problems[0].contains("hunter2"), "{problems:?}");
    }
    assert_eq!(
        load("http://login.example.com/keys", "insecure = true\n"),
        [""; 0]
    );
}

#[test]
fn a_key_that_asks_no_client_for_its_identity_is_reported() {
    let check = |problems: Vec<String>, place: &str| {
        let expected = format!("{place}: {ALONE}");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&expected), "{problems:?}");
    };
    for line in [
        "issuers = [\"us\"]",
        "audiences = [\"here\"]",
        "cookie = \"token\"",
        "leeway = \"1s\"",
    ] {
        let key = line.split(' ').next().unwrap();
        let problems = load(&format!("[auth]\n{line}\n"), &[], &[]);
        check(problems, &format!("c.toml:2: auth.{key}"));
    }
    let secret = "x".repeat(32);
    let previous = [("CORECAST_AUTH_HMAC_PREVIOUS_SECRET", &*secret)];
    let place = "CORECAST_AUTH_HMAC_PREVIOUS_SECRET: auth.hmac_previous_secret";
    check(load("", &previous, &[]), place);
    for (name, key) in [("HMAC_SECRET", "hmac_secret"), ("JWKS_URL", "jwks_url")] {
        let variable = format!("CORECAST_AUTH_{name}");
        let problems = load("", &[(&variable, "")], &[]);
        check(problems, &format!("{variable}: auth.{key}"));
    }
    let listener = "[[listener]]\nprotocol = \"line\"\naddress = \"127.0.0.1:1\"\ntoken = true\n";
    check(load(listener, &[], &[]), "c.toml:4: listener.0.token");

    // Clients are identified, or the operator says that all is open.
    let token = ("CORECAST_LISTENER_1_TOKEN", "true");
    for (name, value) in [("HMAC_SECRET", &*secret), ("INSECURE", "true")] {
        let given = format!("CORECAST_AUTH_{name}");
        let env = [(&*given, value), token, ("CORECAST_AUTH_COOKIE", "a")];
        assert!(read("", &env, &[]).is_ok(), "{name}");
    }
    assert!(read("", &[], &[("--insecure", "false")]).is_ok());
    // A wrong key is enough: what it should have been is not known.
    let wrong = load("[auth]\ncookie = \"a\"\nrules = [\"a\"]\n", &[], &[]);
    assert!(wrong.len() == 1 && wrong[0].starts_with("c.toml:3: auth.rules"));
}
