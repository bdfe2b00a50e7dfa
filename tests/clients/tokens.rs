//! Tokens of PyJWT and of `jose` are accepted by the program, and the program's by them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
    RsaKeySize,
};
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

/// Lets a library check tokens of the program with each algorithm that both have.
fn give(folder: &Path, library: &impl Fn() -> Command) {
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let secret = folder.join("secret");
    fs::write(&secret, SECRET).unwrap();
    for (algorithm, pair) in [
        ("HS256", None),
        ("RS256", Some(&rsa)),
        ("RS512", Some(&rsa)),
        ("PS256", Some(&rsa)),
        ("PS384", Some(&rsa)),
        ("ES256", Some(&p256)),
        ("ES384", Some(&p384)),
        ("EdDSA", Some(&ed25519)),
    ] {
        let mut args = vec!["create", "--user", "ann", "--claim", "team=red"];
        args.extend(["--algorithm", algorithm]);
        let private = folder.join("private.pem");
        let mut key = secret.clone();
        if let Some(pair) = pair {
            fs::write(&private, pair.serialize_pem()).unwrap();
            args.extend(["--key", private.to_str().unwrap()]);
            key = folder.join("public.pem");
            fs::write(&key, pair.public_key_pem()).unwrap();
        }
        let own = token(folder, &args);
        assert!(own.status.success(), "{algorithm}: {own:?}");
        let own = String::from_utf8(own.stdout).unwrap();
        let check = ["check", algorithm, key.to_str().unwrap(), own.trim()];
        let claims: Value = serde_json::from_str(&run(library().args(check))).unwrap();
        let found = [&claims["sub"], &claims["team"]];
        assert_eq!(found, ["ann", "red"], "{algorithm}: {claims}");
    }
}

/// Lets a library make tokens of every algorithm and check those of the program.
fn exchange(name: &str, library: impl Fn() -> Command, count: usize) {
    // A folder of the test's own.
    let place = Authority::new(name);
    let keys = place.path("keys.json");
    let folder = keys.parent().unwrap();
    give(folder, &library);
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
