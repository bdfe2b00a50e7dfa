//! Which certificate a client is shown, and what becomes of files that cannot be used.

use std::fs;
use std::sync::Arc;

use corecast::tls::{ClientAuth, Keys, TlsError, TlsFile, TlsSettings, TlsVersion};
use corecast::{Listener, Server};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, SignatureScheme};

use crate::support::server::{ANY, try_start};
use crate::support::tls::{Authority, EACH, client, keys, lenient};
use crate::tls::session::{Served, talk};

/// What a client that asks for `host` is shown.
fn shown(
    keys: &Keys,
    config: &Arc<ClientConfig>,
    host: &'static str,
) -> Option<CertificateDer<'static>> {
    let mut client = client(config, host);
    let mut served = Served::new(keys);
    // A client that does not find the name in it gives up.
    let _refused = talk(&mut client, &mut served, usize::MAX);
    let chain = client.peer_certificates()?;
    chain.first().map(|shown| shown.clone().into_owned())
}

#[test]
fn a_name_has_its_certificate_and_no_name_the_first() {
    let authority = Authority::new("names");
    authority.sign("first", "first", &["first.test"]);
    authority.sign("wild", "wild", &["*.wild.test", "other.test"]);
    authority.sign("exact", "exact", &["exact.wild.test"]);
    let settings = authority.settings("first");
    let settings = ["wild", "exact"].iter().fold(settings, |settings, file| {
        let path = |end| authority.path(&format!("{file}.{end}"));
        settings.certificate(path("pem"), path("key"))
    });
    let keys = keys(&settings);
    let mut config = authority.trusting(EACH[0], None);
    let expect = |config: &ClientConfig, host, file: &str| {
        let config = Arc::new(config.clone());
        let shown = shown(&keys, &config, host).unwrap();
        assert!(shown == authority.certificate(file), "{host}: not {file}");
    };
    expect(&config, "first.test", "first");
    expect(&config, "any.wild.test", "wild");
    expect(&config, "ANY.Wild.Test", "wild");
    expect(&config, "exact.wild.test", "exact");
    expect(&config, "other.test", "wild");
    // No certificate has the name, so the client refuses: but it has seen the first.
    config
        .dangerous()
        .set_certificate_verifier(lenient(|_| true));
    expect(&config, "wild.test", "first");
    expect(&config, "a.b.wild.test", "first");
    config.enable_sni = false;
    expect(&config, "exact.wild.test", "first");
}

#[test]
fn of_two_keys_a_client_gets_the_one_it_can_check() {
    let authority = Authority::new("algorithms");
    authority.sign_for("ed", "ed", &["host.test"], &rcgen::PKCS_ED25519);
    authority.sign("ec", "ec", &["host.test"]);
    let settings = authority
        .settings("ed")
        .certificate(authority.path("ec.pem"), authority.path("ec.key"));
    let keys = keys(&settings);
    let mut config = authority.trusting(EACH[0], None);
    let shown_to = |config: &ClientConfig| shown(&keys, &Arc::new(config.clone()), "host.test");
    assert_eq!(shown_to(&config), Some(authority.certificate("ed")));
    config
        .dangerous()
        .set_certificate_verifier(lenient(|scheme| scheme != SignatureScheme::ED25519));
    assert_eq!(shown_to(&config), Some(authority.certificate("ec")));
}

#[test]
fn a_version_below_the_lowest_is_refused() {
    let authority = Authority::new("versions");
    authority.sign("host", "host", &["localhost"]);
    let keys = keys(&authority.settings("host").min_version(TlsVersion::Tls13));
    for (versions, is_taken) in [(EACH[0], true), (EACH[1], false)] {
        let config = Arc::new(authority.trusting(versions, None));
        let shown = shown(&keys, &config, "localhost");
        assert_eq!(shown.is_some(), is_taken);
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let authority = Authority::new("files");
    authority.sign("host", "host", &["localhost"]);
    authority.sign("other", "other", &["localhost"]);
    fs::write(authority.path("empty.pem"), "").unwrap();
    fs::write(
        authority.path("garbage.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let path = |file| authority.path(file);
    let wrong = |chain, key| Keys::load(&TlsSettings::new(path(chain), path(key)), &[], None);
    let check = |result: Result<Keys, TlsError>, file: &str, problem: &str| {
        let text = result.expect_err("cannot be used").to_string();
        assert!(text.contains(&format!("/{file}: ")), "{text}");
        assert!(text.contains(problem), "{text}");
    };
    check(wrong("none.pem", "host.key"), "none.pem", "No such file");
    check(wrong("host.pem", "none.key"), "none.key", "No such file");
    check(
        wrong("empty.pem", "host.key"),
        "empty.pem",
        "no certificate",
    );
    check(wrong("host.key", "host.key"), "host.key", "no certificate");
    check(wrong("host.pem", "host.pem"), "host.pem", "no private key");
    check(wrong("garbage.pem", "host.key"), "garbage.pem", "");
    check(
        wrong("host.pem", "other.key"),
        "other.key",
        "is not the key of the first certificate in ",
    );
    // What `openssl x509 -req` makes without extensions.
    fs::write(path("old.pem"), include_str!("version1.pem")).unwrap();
    fs::write(path("old.key"), include_str!("version1.key")).unwrap();
    check(wrong("old.pem", "old.key"), "old.pem", "X.509 version 1");
    let faults = TlsSettings::new(path("old.pem"), path("none.key")).faults();
    let files: Vec<TlsFile> = faults.iter().map(|(file, _)| *file).collect();
    assert_eq!(files, [TlsFile::Chain, TlsFile::Key], "{faults:?}");
    let authorities = path("empty.pem");
    let auth = ClientAuth::Required { authorities };
    let settings = authority.settings("host").client_auth(auth);
    let refused = Keys::load(&settings, &[], None);
    check(refused, "empty.pem", "no certificate");

    let listener = Listener::http(ANY).tls(TlsSettings::new(path("none.pem"), path("host.key")));
    let started = try_start(Server::builder().shards(1).listen(listener));
    let text = started.expect_err("it must not start").to_string();
    assert!(text.contains("/none.pem: "), "{text}");
}
