//! `corecast token` and `corecast config explain`.

use std::process::{Command, Output};

use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
    RsaKeySize,
};

use serde_json::{Value, json};

use super::{File, config, text};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn token(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.arg("token").args(args).envs(env.iter().copied());
    command.output().unwrap()
}

#[test]
fn a_token_is_made_and_checked_by_one_configuration() {
    let file = File::new(
        "token",
        &format!(
            "[auth]\nhmac_secret = \"{SECRET}\"\nissuers = [\"us\"]\naudiences = [\"here\"]\n\
             user_claim = \"uid\"\n"
        ),
    );
    let flags = ["--config", file.path()];
    let create = [
        "create",
        "--user",
        "ann",
        "--expires",
        "15m",
        "--channel",
        "news",
    ];
    let claims = ["--claim", "level=3", "--claim", "name=x y"];
    let made = token(&[&create[..], &claims, &flags].concat(), &[]);
    assert!(made.status.success(), "{made:?}");
    let made = text(made.stdout);
    let checked = token(&[&["check", made.trim()], &flags[..]].concat(), &[]);
    assert!(checked.status.success(), "{checked:?}");
    let checked = text(checked.stdout);
    for part in [
        "user \"ann\"; the connection ends in ",
        "\"uid\": \"ann\"",
        "\"iss\": \"us\"",
        "\"aud\": \"here\"",
        "\"level\": 3",
        "\"name\": \"x y\"",
        "\"channels\": [",
    ] {
        assert!(checked.contains(part), "no {part}: {checked}");
    }
    let other = [(
        "CORECAST_AUTH_HMAC_SECRET",
        "another secret that has 32 bytes",
    )];
    let refused = token(&[&["check", made.trim()], &flags[..]].concat(), &other);
    assert_eq!(refused.status.code(), Some(2));
    let expected = "the signature of the token is wrong (signature, status 401)\n";
    assert_eq!(text(refused.stderr), expected);
    let old = token(&["create", "--expires", "0s"], &other);
    let old = token(&["check", text(old.stdout).trim()], &[other[0], LEEWAY]);
    assert_eq!(
        text(old.stderr),
        "the token has expired (expired, status 401)\n"
    );
}

#[test]
fn every_kind_of_key_signs_tokens_that_the_server_accepts() {
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let of = |kind| KeyPair::generate_for(kind).unwrap();
    for (pair, algorithm, flags) in [
        (&rsa, "RS256", &[][..]),
        (&rsa, "PS512", &["--algorithm", "PS512"]),
        (&of(&PKCS_ECDSA_P256_SHA256), "ES256", &[]),
        (&of(&PKCS_ECDSA_P384_SHA384), "ES384", &[]),
        (&of(&PKCS_ED25519), "EdDSA", &["--algorithm", "EdDSA"]),
    ] {
        let public = File::new(&format!("public-{algorithm}"), &pair.public_key_pem());
        let private = File::new(&format!("private-{algorithm}"), &pair.serialize_pem());
        let keys = [("CORECAST_AUTH_PUBLIC_KEYS", public.path())];
        let create = ["create", "--user", "ann", "--key", private.path()];
        let made = token(&[&create, flags].concat(), &[]);
        assert!(made.status.success(), "{algorithm}: {made:?}");
        let made = text(made.stdout);
        let checked = text(token(&["check", made.trim()], &keys).stdout);
        let line = format!("\nsigned with {algorithm}\n");
        assert!(checked.contains(&line), "{algorithm}: {checked}");
        let other = [("CORECAST_AUTH_HMAC_SECRET", SECRET)];
        let refused = text(token(&["check", made.trim()], &other).stderr);
        assert!(refused.contains("(algorithm, status 401)"), "{refused}");
    }
}

#[test]
fn flags_set_every_claim() {
    let secret = [("CORECAST_AUTH_HMAC_SECRET", SECRET)];
    let flags = [
        "create --user ann --issuer me --audience here --audience there --id t1 --kid k --not-before 0s",
        "--expires never --channels a --channel b --claim flag=true --claim name=x",
    ];
    let flags = flags.join(" ");
    let made = token(&flags.split(' ').collect::<Vec<_>>(), &secret);
    let checked = token(&["check", text(made.stdout).trim()], &secret);
    let checked = text(checked.stdout);
    let (line, rest) = checked.split_once('\n').unwrap();
    assert_eq!(line, "user \"ann\"; the connection has no end");
    let (line, claims) = rest.split_once('\n').unwrap();
    assert_eq!(line, "signed with HS256 by the key \"k\"");
    let mut claims: Value = serde_json::from_str(claims).unwrap();
    let claims = claims.as_object_mut().unwrap();
    assert_eq!(claims.remove("iat"), claims.remove("nbf"));
    let expected = json!({
        "sub": "ann", "iss": "me", "aud": ["here", "there"], "jti": "t1", "channels": ["a", "b"],
        "flag": true, "name": "x",
    });
    assert_eq!(Value::Object(claims.clone()), expected);
}

#[test]
fn tokens_of_many_users_are_one_on_each_line() {
    let secret = [("CORECAST_AUTH_HMAC_SECRET", SECRET)];
    let make = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        token(&words, &secret)
    };
    let made = text(make("create --user u{number} --id t{number} --count 3").stdout);
    let users: Vec<String> = made.lines().map(|line| check_of(line, &secret)).collect();
    for (at, checked) in users.iter().enumerate() {
        let number = at + 1;
        assert!(
            checked.starts_with(&format!("user \"u{number}\"; ")),
            "{checked}"
        );
        assert!(
            checked.contains(&format!("\"jti\": \"t{number}\"")),
            "{checked}"
        );
    }
    assert_eq!(users.len(), 3);
    for (words, why) in [
        ("create --user ann --count 2", "differ by {number}"),
        ("create --count 100001 --user {number}", "100001 is not in"),
        ("create --expires soon", "--expires is a time"),
        (
            "create --algorithm RS256",
            "RS256 is not an algorithm of this key",
        ),
        ("create --key /nowhere.pem", "/nowhere.pem"),
    ] {
        let refused = make(words);
        assert_eq!(refused.status.code(), Some(2), "{words}");
        let said = text(refused.stderr);
        assert!(said.contains(why), "{words}: {said}");
    }
}

fn check_of(made: &str, env: &[(&str, &str)]) -> String {
    text(token(&["check", made], env).stdout)
}

const LEEWAY: (&str, &str) = ("CORECAST_AUTH_LEEWAY", "0s");

#[test]
fn the_rule_that_decides_is_explained() {
    let file = File::new(
        "explain",
        &format!(
            "[auth]\nhmac_secret = \"{SECRET}\"\nrules = [\n\"deny users publish match:0\",\n\
             \"users subscribe+publish match:{{id}}\",\n\"key:back publish #\",\n]\n"
        ),
    );
    let explain = |args: &[&str]| {
        let all = [&["explain", "--config", file.path(), "--topic"], args].concat();
        let output = config(&all, &[]);
        assert!(output.status.success(), "{output:?}");
        text(output.stdout)
    };
    let expected = "user \"ann\", topic \"match:7\":\n\
        subscribe  allowed  rule 2, `users subscribe+publish match:{id}`\n\
        publish    allowed  rule 2, `users subscribe+publish match:{id}`\n\
        presence   denied   no rule\n\
        history    denied   no rule\n";
    let both = explain(&["match:7", "--user", "ann"]);
    assert!(both.ends_with(expected), "{both}");
    let denied = explain(&["match:0", "--user", "ann"]);
    let line = "publish    denied   rule 1, `deny users publish match:0`\n";
    assert!(denied.contains(line), "{denied}");
    let key = explain(&["match:0", "--key", "back"]);
    assert!(
        key.contains("publish    allowed  rule 3, `key:back publish #`\n"),
        "{key}"
    );
    let none = explain(&["match:7"]);
    assert!(
        none.ends_with("anonymous clients are not served (auth.anonymous)\n"),
        "{none}"
    );
    let made = token(
        &[
            "create",
            "--channel",
            "x",
            "--user",
            "bob",
            "--config",
            file.path(),
        ],
        &[],
    );
    let by_token = explain(&["x", "--token", text(made.stdout).trim()]);
    assert!(
        by_token.contains("subscribe  allowed  the token\n"),
        "{by_token}"
    );
    let nobody = explain(&["match:7", "--user", ""]);
    assert!(
        nobody.ends_with("anonymous clients are not served (auth.anonymous)\n"),
        "{nobody}"
    );
    // The rules need no keys, which perhaps cannot be fetched here.
    let url = [("CORECAST_AUTH_JWKS_URL", "http://127.0.0.1:9/")];
    let args = [
        "explain",
        "--config",
        file.path(),
        "--topic",
        "x",
        "--key",
        "back",
    ];
    let offline = config(&args, &url);
    assert!(offline.status.success(), "{offline:?}");
}

#[test]
fn without_identity_the_settings_of_a_topic_are_explained() {
    let open = config(&["explain", "--topic", "x"], &[]);
    let text = text(open.stdout);
    let topic = "topic \"x\" is in no namespace:\nslow_consumer = \"drop-oldest\" # default\n";
    assert!(text.starts_with(topic), "{text}");
    assert!(text.contains("\n\nno identity is configured"), "{text}");
}

#[test]
fn keys_that_cannot_be_used_are_reported_with_their_place() {
    let file = File::new(
        "auth-wrong",
        "[auth]\nhmac_secret = \"short\"\nrules = [\"users write x\"]\n\
         api_keys = [\"backend 1234\"]\n",
    );
    let output = config(&["check", file.path()], &[]);
    assert_eq!(output.status.code(), Some(2));
    let errors = text(output.stderr);
    for part in [
        ":2: auth.hmac_secret: has fewer than 32 bytes; `openssl rand -hex 32` makes one",
        ":3: auth.rules: cannot be [\"users write x\"]; \"write\" is no action; there are",
        ":4: auth.api_keys: cannot be [\"backend 1234\"]; an API key is its name and the SHA-256",
    ] {
        assert!(errors.contains(part), "no {part}: {errors}");
    }
    let short = "[auth]\nhmac_secret = \"short\"\nhmac_short_secrets = true\n";
    let file = File::new("auth-short", short);
    assert!(config(&["check", file.path()], &[]).status.success());
    let file = File::new("auth-files", "[auth]\npublic_keys = [\"/nowhere.pem\"]\n");
    let output = config(&["check", file.path()], &[]);
    let errors = text(output.stderr);
    assert!(
        errors.contains(":2: auth.public_keys: /nowhere.pem: No such file"),
        "{errors}"
    );
    let pem = File::new("key", &KeyPair::generate().unwrap().public_key_pem());
    let file = |count| {
        let paths = vec![pem.path(); count];
        File::new("auth-keys", &format!("[auth]\npublic_keys = {paths:?}\n"))
    };
    let check = |count| config(&["check", file(count).path()], &[]);
    assert!(check(8).status.success());
    let errors = text(check(9).stderr);
    assert!(
        errors.contains(":2: auth.public_keys: there are 9 keys without an id"),
        "{errors}"
    );
}
