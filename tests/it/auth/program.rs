//! The program with an identity: where it starts, what it logs, and keys from a provider.

use std::io::Write;
use std::net::SocketAddr;
use std::process::Command;

use rustix::process::Signal;

use super::provider::{Pair, Provider, Reply, set};
use crate::support::http::{ask, read_head, upgrade_request};
use crate::support::program::Program;
use crate::support::socket::dial;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn serve(env: &[(&str, &str)], args: &[&str]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.args(["--tcp", "127.0.0.1:0"]).args(args);
    command.envs(env.iter().copied());
    Program::spawn(command)
}

pub(super) fn upgrade(http: SocketAddr, path: &str, token: &str) -> u16 {
    let field = format!("\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut stream = dial(http);
    let request = upgrade_request(path).replace("\r\n\r\n", &field);
    stream.write_all(request.as_bytes()).unwrap();
    read_head(&mut stream).status
}

#[test]
fn an_address_that_others_reach_needs_an_identity_or_to_be_insecure() {
    let everywhere = ["--http", "0.0.0.0:0"];
    let (status, log) = serve(&[], &everywhere).wait();
    assert_eq!(status.code(), Some(2), "{log}");
    let expected = "--http: listener.0.address: other hosts reach this address, and every client \
        could do everything; configure the identity of clients ([auth], see docs/AUTH.md), or let \
        all of them do everything with --insecure (auth.insecure = true)";
    assert!(log.contains(expected), "{log}");

    let mut insecure = serve(&[], &[&everywhere[..], &["--insecure"]].concat());
    insecure.wait_for("auth.insecure: every client may do everything");
    insecure.wait_for("ready: ");

    let mut with_rules = serve(&[("CORECAST_AUTH_RULES", "anyone all #")], &everywhere);
    with_rules.wait_for("ready: ");
}

#[test]
fn a_token_in_a_query_is_in_no_log() {
    let env = [
        ("CORECAST_AUTH_HMAC_SECRET", SECRET),
        ("CORECAST_AUTH_QUERY", "access_token"),
        ("CORECAST_AUTH_RULES", "users subscribe room"),
        ("CORECAST_LOG_LEVEL", "debug"),
    ];
    let mut program = serve(&env, &["--http", "127.0.0.1:0"]);
    let http: SocketAddr = program.wait_for("listening http ").parse().unwrap();
    program.wait_for("ready: ");
    let made = Command::new(env!("CARGO_BIN_EXE_corecast"))
        .args(["token", "create", "--user", "ann"])
        .envs(env)
        .output()
        .unwrap();
    let token = String::from_utf8(made.stdout).unwrap();
    let token = token.trim();
    let forged = format!("{token}A");
    for (token, topic, expected) in [
        (token, "room", 101),
        (token, "other", 403),
        (&*forged, "room", 401),
    ] {
        let path = format!("/sub/{topic}?access_token={token}");
        assert_eq!(
            ask(http, upgrade_request(&path)).status,
            expected,
            "{topic}"
        );
    }
    let denied = program.wait_for("denied: ");
    assert!(denied.contains("from 127.0.0.1:"), "{denied}");
    program.signal(Signal::TERM);
    let (_, log) = program.wait();
    let payload = token.split('.').nth(1).unwrap();
    assert!(
        !log.contains(payload) && !log.contains("access_token"),
        "{log}"
    );
}

#[test]
fn a_connection_waits_for_the_keys_of_its_token_and_others_do_not() {
    let key = Pair::new("key");
    let provider = Provider::start(vec![Reply::Silence, set(&[&key])]);
    let url = provider.url();
    let env = [
        ("CORECAST_AUTH_JWKS_URL", url.as_str()),
        // A proxy could give keys of its own.
        ("ALL_PROXY", "http://127.0.0.1:9"),
        ("CORECAST_AUTH_RULES", "users all #"),
    ];
    let mut program = serve(&env, &["--http", "127.0.0.1:0"]);
    program.wait_for("auth.audiences (by default): tokens for other applications");
    let http: SocketAddr = program.wait_for("listening http ").parse().unwrap();
    program.wait_for("ready: ");
    // Its token waits for a provider that says nothing; others are served meanwhile.
    let field = format!("\r\nAuthorization: Bearer {}\r\n\r\n", key.token());
    let request = upgrade_request("/ws/room").replace("\r\n\r\n", &field);
    let mut waits = dial(http);
    waits.write_all(request.as_bytes()).unwrap();
    assert_eq!(ask(http, upgrade_request("/ws/room")).status, 401);
    assert_eq!(
        ask(http, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").status,
        200
    );
    provider.turn_to(1);
    let status = read_head(&mut waits).status;
    assert!([101, 503].contains(&status), "{status}");
    // A later one has its keys, perhaps after another try.
    crate::support::wait::wait_until("the keys are there", || {
        upgrade(http, "/ws/room", &key.token()) == 101
    });
    assert_eq!(upgrade(http, "/ws/room", &Pair::new("other").token()), 401);
}
