//! Identity that is loaded again while the program runs.

use std::fs;
use std::net::SocketAddr;

use corecast::auth::create;
use rustix::process::Signal;

use super::program::upgrade;
use crate::config::File;
use crate::support::program::Program;
use crate::support::raw_ws::{FIN, RawWs, TEXT};
use crate::support::socket::dial;
use crate::support::wait::wait_until;

const OLD: &str = "0123456789abcdef0123456789abcdef";
const NEW: &str = "fedcba9876543210fedcba9876543210";

fn config(auth: &str) -> String {
    format!(
        "shards = 2\npin = false\n[auth]\n{auth}\n[[listener]]\nprotocol = \"http\"\n\
         address = \"127.0.0.1:0\"\n"
    )
}

fn token(secret: &str, user: &str) -> String {
    let claims = format!(r#"{{"sub":"{user}","iat":1700000000}}"#);
    create(secret.as_bytes(), &claims).unwrap()
}

/// The same on both shards, by chance.
fn wait_for(http: SocketAddr, token: &str, topic: &str, status: u16) {
    let path = format!("/ws/{topic}");
    wait_until("the identity is loaded", || {
        (0..8).all(|_| upgrade(http, &path, token) == status)
    });
}

#[test]
fn sighup_loads_secrets_rules_and_revocations_and_connections_stay() {
    let old = config(&format!(
        "hmac_secret = {OLD:?}\nrules = [\"users all old\"]"
    ));
    let file = File::new("identity", &old);
    let mut program = Program::run(&["serve", "--config", file.path()]);
    let http: SocketAddr = program.wait_for("listening http ").parse().unwrap();
    program.wait_for("ready: 2 shards");
    let field = format!("Authorization: Bearer {}\r\n", token(OLD, "ann"));
    let mut stays = RawWs::with_fields(dial(http), "/ws/old", &field);
    assert_eq!(upgrade(http, "/ws/new", &token(OLD, "ann")), 403);
    let new = config(&format!(
        "hmac_secret = {NEW:?}\nrules = [\"users all new\"]\n\
         revoked_users = [\"bob 2026-01-01T00:00:00Z\"]"
    ));
    fs::write(file.path(), new).unwrap();
    program.signal(Signal::HUP);
    program.wait_for("configuration reloaded");
    wait_for(http, &token(OLD, "ann"), "new", 401);
    wait_for(http, &token(NEW, "ann"), "new", 101);
    wait_for(http, &token(NEW, "ann"), "old", 403);
    wait_for(http, &token(NEW, "bob"), "new", 401);
    stays.send(FIN | TEXT, b"I stay");
    assert_eq!(stays.next().1, b"I stay");
}

#[test]
fn an_invalid_configuration_changes_nothing_and_all_its_errors_are_logged() {
    let file = File::new(
        "wrong-rules",
        &config(&format!("hmac_secret = {OLD:?}\nrules = [\"users all a\"]")),
    );
    let mut program = Program::run(&["serve", "--config", file.path()]);
    let http: SocketAddr = program.wait_for("listening http ").parse().unwrap();
    program.wait_for("ready: 2 shards");
    let refused = "configuration not reloaded, the old one stays in use: ";
    let wrong =
        "hmac_secret = \"short\"\nrules = [\"users sing a\"]\npublic_keys = [\"/none.pem\"]";
    fs::write(file.path(), config(wrong)).unwrap();
    program.signal(Signal::HUP);
    let problems = [0; 2].map(|_| program.wait_for(refused));
    for key in ["auth.hmac_secret", "auth.rules"] {
        assert!(
            problems.iter().any(|problem| problem.contains(key)),
            "{problems:?}"
        );
    }
    // Without an identity everyone could do everything.
    fs::write(file.path(), config("")).unwrap();
    program.signal(Signal::HUP);
    let problem = program.wait_for(refused);
    assert!(problem.contains("not configured any more"), "{problem}");
    assert_eq!(upgrade(http, "/ws/a", &token(OLD, "ann")), 101);
    assert_eq!(upgrade(http, "/ws/a", &token(NEW, "ann")), 401);
}
