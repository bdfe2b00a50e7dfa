use crate::settings::{Input, Settings};

/// A listener that says `more`, in two lines before it.
fn problems(more: &str) -> Vec<String> {
    let text = format!("[[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:1\"\n{more}");
    let file = Some(("c.toml", text.as_str()));
    let input = Input {
        file,
        ..Input::default()
    };
    let problems = Settings::load(&input).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

const CHAIN: &str = "tls_chain = [\"a.pem\"]\n";
const KEY: &str = "tls_key = [\"a.key\"]\n";

#[test]
fn missing_and_superfluous_tls_keys_are_reported() {
    let check = |more: &str, expected: &str| {
        let problems = problems(more);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(expected), "{problems:?}");
    };
    check(
        CHAIN,
        "c.toml:4: listener.0.tls_key: 0 keys for 1 certificates of listener.0.tls_chain; must be",
    );
    check(
        KEY,
        "c.toml:4: listener.0.tls_key: 1 keys for 0 certificates of listener.0.tls_chain; must be",
    );
    let both = format!("{CHAIN}{KEY}");
    assert_eq!(problems(&both), [""; 0]);
    check(
        &format!("{both}tls_client_auth = \"required\""),
        "c.toml:6: listener.0.tls_client_ca: is missing; must be a PEM file",
    );
    check(
        &format!("{both}tls_client_ca = \"ca.pem\""),
        "c.toml:6: listener.0.tls_client_ca: clients are not asked for certificates; leave it out",
    );
    check(
        "tls_min_version = \"1.3\"",
        "c.toml:4: listener.0.tls_chain: is missing, but other TLS keys are set; must",
    );
    check(
        &format!("tls_chain = \"a.pem\"\n{KEY}"),
        "c.toml:4: listener.0.tls_chain: cannot be \"a.pem\"; must be a list of paths, such as [",
    );
    check(
        &format!("tls_chain = [1]\n{KEY}"),
        "c.toml:4: listener.0.tls_chain: cannot be a value of the type array; must be a list",
    );
}
