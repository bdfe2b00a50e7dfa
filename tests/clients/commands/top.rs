//! `corecast top`: in a terminal, and without one.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use corecast::Kind;
use serde_json::Value;

use super::{corecast, fail, run};
use crate::support::program::Program;
use crate::support::server::{Running, builder, serve_admin, serve_admin_as};
use crate::support::tools::tool;
use crate::support::ws::Ws;
use crate::tools::script;

/// The command in a terminal, which does one step after the other.
struct Terminal {
    child: Child,
    steps: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Terminal {
    fn start(admin: SocketAddr) -> Option<Self> {
        let mut command = tool("python3")?;
        command.arg(script("python_top.py"));
        command.args([env!("CARGO_BIN_EXE_corecast"), "top", "--admin"]);
        command.args([&admin.to_string(), "--interval", "100ms"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let steps = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Self {
            child,
            steps,
            answers,
        })
    }

    fn step(&mut self, step: &str) {
        writeln!(self.steps, "{step}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "ok\n", "{step}");
    }

    /// Waits until the screen shows this.
    fn wait(&mut self, text: &str) {
        self.step(&format!("wait {text}"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_terminal_shows_the_server_and_is_given_back_as_it_was() {
    let server = Running::start(builder(2));
    let admin = serve_admin(&server);
    let _clients: Vec<Ws> = (0..3)
        .map(|_| Ws::connect(server.http(), "/ws/lobby"))
        .collect();
    let Some(mut top) = Terminal::start(admin) else {
        return;
    };
    top.wait("3 connections (");
    top.wait("TOPICS BY MESSAGES/S");
    top.wait("every client keeps up");
    top.wait("lobby");
    server.publish("lobby", Kind::Text, b"hello");
    top.wait("q: quit   s: topics by subscribers");
    top.step("key s");
    top.wait("TOPICS BY SUBSCRIBERS");
    for (height, rows) in [(12, 12), (40, 15), (1, 1)] {
        top.step(&format!("size 90 {height}"));
        top.step(&format!("rows {rows}"));
    }
    top.step("key q");
    top.step("end");
}

#[test]
fn signals_end_it_as_keys_do() {
    let server = Running::start(builder(1));
    let admin = serve_admin(&server);
    for step in ["key \\x03", "kill SIGTERM"] {
        let Some(mut top) = Terminal::start(admin) else {
            return;
        };
        top.wait("0 connections (");
        top.step(step);
        top.step("end");
    }
}

#[test]
fn it_follows_a_restart_of_the_server() {
    let serve = |admin: &str| Program::serve(&["--admin", admin, "--shards", "1"]);
    let (first, _, _) = serve("127.0.0.1:0");
    let admin = first.logged("listening admin ").unwrap();
    let Some(mut top) = Terminal::start(admin.parse().unwrap()) else {
        return;
    };
    top.wait("0 connections (");
    drop(first);
    top.wait("asking again");
    let (_second, http, _) = serve(&admin);
    let _client = Ws::connect(http, "/ws/lobby");
    top.wait("1 connections (");
    top.wait("lobby");
    top.step("key q");
    top.step("end");
}

#[test]
fn without_a_terminal_it_prints_lines() {
    let server = Running::start(builder(2));
    let token = "0123456789abcdef";
    let admin = serve_admin_as(&server, |admin| admin.token(token)).to_string();
    let _client = Ws::connect(server.http(), "/ws/lobby");
    let flags = ["top", "--admin", &admin, "--interval", "100ms"];
    let print = |more: &[&str]| {
        let output = run(&[&flags, more].concat(), b"");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = print(&["--once", "--token", token]);
    for part in ["1 connections (", "SHARD", "TOPICS BY MESSAGES/S", "lobby"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains('\x1b'), "{text}");
    let json: Value =
        serde_json::from_str(&print(&["--once", "--json", "--token", token])).unwrap();
    assert_eq!(json["connections"], 1);
    assert_eq!(json["shards"].as_array().unwrap().len(), 2);
    assert!(json["rates"]["messages_out"].is_number(), "{json}");
    assert_eq!(json["topics"][0]["topic"], "lobby");

    // A line for each look; it ends with its reader.
    let mut child = corecast(&flags);
    let mut child = child.env("CORECAST_ADMIN_TOKEN", token).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<String> = lines.take(3).map(Result::unwrap).collect();
    assert!(lines[0].contains("connections"), "{lines:?}");
    assert!(lines[2].trim_start().starts_with("1 "), "{lines:?}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let server = Running::start(builder(1));
    let admin = serve_admin_as(&server, |admin| admin.token("0123456789abcdef")).to_string();
    let http = server.http().to_string();
    for (flags, code, words) in [
        (&["--admin", &admin][..], 1, "CORECAST_ADMIN_TOKEN"),
        (&["--admin", &http], 1, "is --admin right?"),
        (&["--admin", "ftp://host"], 2, "write HOST:PORT"),
        (&["--admin", &admin, "--interval", "1ms"], 2, "100ms to 1h"),
        (
            &["--admin", "127.0.0.1:1"],
            1,
            "is the server running with --admin",
        ),
    ] {
        let (found, told) = fail(&[&["top"], flags].concat());
        assert_eq!(found, Some(code), "{flags:?}: {told}");
        assert!(told.contains(words), "{flags:?}: {told}");
    }
}
