//! Tokens of PyJWT and of `jose` are accepted by the program, and the program's by them.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::tls::Authority;
use crate::tools::{has, installed, is_missing, run, script};

const SECRET: &str = "a secret that both sides know, of 32 bytes and more";

/// `corecast token` with an audience and an issuer, and a key set in this folder.
fn token(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.arg("token").args(args);
    command.env("CORECAST_AUTH_HMAC_SECRET", SECRET);
    command.env("CORECAST_AUTH_ISSUERS", "python");
    command.env("CORECAST_AUTH_AUDIENCES", "corecast");
    let keys = folder.join("keys.json");
    if keys.exists() {
        command.env("CORECAST_AUTH_JWKS_FILE", keys);
    }
    command.output().unwrap()
}

/// Lets a library make tokens of every algorithm and check one of the program.
fn exchange(name: &str, library: impl Fn() -> Command, count: usize) {
    // A folder of the test's own.
    let place = Authority::new(name);
    let keys = place.path("keys.json");
    let folder = keys.parent().unwrap();
    let own = token(folder, &["create", "--user", "ann", "--claim", "team=red"]);
    assert!(own.status.success(), "{own:?}");
    let own = String::from_utf8(own.stdout).unwrap();
    let claims = run(library().args(["check", SECRET, own.trim()]));
    let claims: Value = serde_json::from_str(&claims).unwrap();
    assert_eq!(
        [&claims["sub"], &claims["team"]],
        ["ann", "red"],
        "{claims}"
    );

    let tokens = run(library().arg("make").arg(folder));
    let tokens: Value = serde_json::from_str(&tokens).unwrap();
    let tokens = tokens.as_object().unwrap();
    assert_eq!(tokens.len(), count, "{tokens:?}");
    for (algorithm, theirs) in tokens {
        let checked = token(folder, &["check", theirs.as_str().unwrap()]);
        let text = [checked.stdout, checked.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        let expected = algorithm != "ES512";
        assert_eq!(checked.status.success(), expected, "{algorithm}: {text}");
        let says = if expected {
            "user \"ann\""
        } else {
            "(algorithm, status 401)"
        };
        assert!(text.contains(says), "{algorithm}: {text}");
        assert_eq!(text.contains("Ann Øst"), expected, "{algorithm}: {text}");
    }
}

#[test]
fn pyjwt_and_the_program_accept_each_others_tokens() {
    let python = installed("python/bin/python");
    let site = Command::new(&python).args(["-c", "import jwt"]).output();
    let is_there = site.is_ok_and(|output| output.status.success());
    if is_missing("PyJWT, of .ci/clients", is_there) {
        return;
    }
    let library = || {
        let mut command = Command::new(&python);
        command.arg(script("python_jwt.py"));
        command
    };
    exchange("pyjwt", library, 13);
}

#[test]
fn jose_of_node_and_the_program_accept_each_others_tokens() {
    let packages = installed("node_modules");
    let is_there = has("node") && packages.join("jose").exists();
    if is_missing("Node and its jose, of .ci/clients", is_there) {
        return;
    }
    let library = || {
        let mut command = Command::new("node");
        command.arg(script("node_jose.mjs")).arg(&packages);
        command
    };
    exchange("jose", library, 8);
}
