//! Keys of identity that would leave everything open.

use crate::settings::tests::{load, read};

const ALONE: &str = "has no effect alone: every client could do everything; set a key for tokens";

#[test]
fn a_key_of_identity_that_identifies_nobody_is_reported() {
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

    // Somebody is identified, or the operator says that all is open.
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
