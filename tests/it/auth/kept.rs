//! Revocations that outlive the program.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use corecast::auth::{ApiKeys, Auth, Places, Revocations, Rules, Verifier, create};
use corecast::{Relay, Server};
use rustix::process::Signal;
use serde_json::Value;

use super::program::upgrade;
use crate::config::File;
use crate::support::http::ask;
use crate::support::program::Program;
use crate::support::wait::wait_until;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn token(claims: &str) -> String {
    create(SECRET.as_bytes(), claims).unwrap()
}

#[test]
fn what_the_api_has_revoked_stays_revoked_after_a_restart() {
    let file = File::new("revocations", "");
    // The server makes it.
    fs::remove_file(file.path()).unwrap();
    let config = File::new(
        "keeps",
        &format!(
            "[api]\nkey = \"the-key\"\n[auth]\nhmac_secret = {SECRET:?}\n\
             rules = [\"users all room\"]\nrevocations_file = {:?}\n\
             [[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n",
            file.path()
        ),
    );
    let (ann, bob) = (token(r#"{"sub":"ann"}"#), token(r#"{"sub":"bob"}"#));
    let seven = token(r#"{"sub":"bob","jti":"7"}"#);
    let serve = || {
        let mut program = Program::run(&["serve", "--config", config.path()]);
        let http: SocketAddr = program.wait_for("listening http ").parse().unwrap();
        program.wait_for("ready: ");
        (program, http)
    };
    let statuses = |http| [&ann, &bob, &seven].map(|token| upgrade(http, "/ws/room", token));

    let (program, http) = serve();
    assert_eq!(statuses(http), [101; 3]);
    for (method, body) in [
        ("invalidate_user_tokens", r#"{"user":"ann"}"#),
        ("revoke_token", r#"{"uid":"7"}"#),
    ] {
        let len = body.len();
        let request = format!(
            "POST /api/{method} HTTP/1.1\r\nHost: a\r\nX-API-Key: the-key\r\n\
             Content-Length: {len}\r\n\r\n{body}"
        );
        assert_eq!(ask(http, request).body, r#"{"result":{}}"#);
    }
    assert_eq!(statuses(http), [401, 101, 401]);
    wait_until("both are written", || {
        let text = fs::read_to_string(file.path()).unwrap();
        text.contains("ann") && text.contains("\"7\"")
    });
    program.signal(Signal::KILL);
    program.wait();
    for (token, is_good) in [(&ann, false), (&bob, true), (&seven, false)] {
        let mut check = Command::new(env!("CARGO_BIN_EXE_corecast"));
        check.args(["token", "check", token, "--config", config.path()]);
        let status = check.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert_eq!(status.unwrap().success(), is_good);
    }

    let (_program, http) = serve();
    assert_eq!(statuses(http), [401, 101, 401]);
}

#[test]
fn a_server_that_has_stopped_has_written_what_was_revoked() {
    let file = File::new("stops", "");
    fs::remove_file(file.path()).unwrap();
    let table = Revocations::open(file.path()).unwrap();
    let auth = Auth {
        verifier: Verifier::new(Vec::new()).with_revocations(&table),
        api_keys: ApiKeys::default(),
        rules: Rules::default(),
        anonymous: true,
        insecure: false,
    };
    let server = Server::builder().shards(1).auth(auth, Places::new("", ""));
    let server = server.start(|_| Relay::default()).unwrap();
    let handle = server.handle().clone();
    handle.drain();
    // So many that writing them takes longer than the stop.
    for user in 0..9_000 {
        handle.revoke_user(&user.to_string(), 1).unwrap();
    }
    server.join().unwrap();
    let text = fs::read_to_string(file.path()).unwrap();
    let kept: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(kept["users"].as_object().unwrap().len(), 9_000);
}

#[test]
fn a_file_that_is_not_one_of_revocations_is_an_error_of_its_key() {
    let file = File::new("no-revocations", "ann");
    let config = File::new(
        "keeps-nothing",
        &format!(
            "[auth]\nanonymous = true\nrevocations_file = {:?}\n",
            file.path()
        ),
    );
    for command in [&["serve", "--config"], &["config", "check"]] {
        let [first, second] = *command;
        let (status, log) = Program::run(&[first, second, config.path()]).wait();
        assert_ne!(status.code(), Some(0), "{log}");
        assert!(log.contains("auth.revocations_file"), "{log}");
    }
    assert_eq!(fs::read(file.path()).unwrap(), b"ann");
}
