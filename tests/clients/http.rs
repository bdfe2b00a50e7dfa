//! curl reads a stream, and Python's `cent` publishes what it reads.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use corecast::{Kind, Relay, RelaySettings};

use crate::support::server::{Running, builder};

const KEY: &str = "a key";

/// Whether a test whose tool is not there is to be skipped; a failure if the environment says that
/// it must be there.
fn is_missing(tool: &str, is_there: bool) -> bool {
    let required = env::var_os("CORECAST_REQUIRE_TOOLS").is_some_and(|it| it == "1");
    assert!(is_there || !required, "{tool} is missing");
    if !is_there {
        #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
        {
            eprintln!("skipped: it needs {tool}");
        }
    }
    !is_there
}

/// A curl that reads a stream, and what it tells of it; killed when dropped.
struct Curl(
    Child,
    #[expect(dead_code, reason = "kept open")] BufReader<ChildStderr>,
);

impl Drop for Curl {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn has_curl() -> bool {
    Command::new("curl").arg("--version").output().is_ok()
}

fn start() -> Running {
    let relay = Relay::new(RelaySettings::default().with_api_key(KEY));
    Running::with(builder(2), move |_| relay.clone())
}

/// Starts `curl -N` on a topic and waits until it is subscribed.
fn curl(server: &Running, topic: &str) -> (Curl, impl Iterator<Item = String> + use<>) {
    let url = format!("http://{}/sse/{topic}", server.http());
    let mut command = Command::new("curl");
    command.args(["--no-buffer", "--silent", "--verbose", "--max-time", "60"]);
    command
        .arg(&url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The head's end says that the subscription is live.
    let mut head = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while line.trim_end() != "<" {
        line.clear();
        assert_ne!(head.read_line(&mut line).unwrap(), 0, "no stream");
    }
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (Curl(child, head), lines.map(|line| line.unwrap()))
}

#[test]
fn curl_shows_what_is_published() {
    if is_missing("curl", has_curl()) {
        return;
    }
    let server = start();
    let (_curl, mut lines) = curl(&server, "news");
    server.publish("news", Kind::Text, b"hello\nworld");
    server.publish("news", Kind::Binary, b"\0\xff");
    for expected in [
        "data: hello",
        "data: world",
        "",
        "event: binary",
        "data: AP8=",
        "",
    ] {
        assert_eq!(lines.next().as_deref(), Some(expected));
    }
}

#[test]
fn cent_publishes_and_understands_every_answer() {
    let root = env!("CARGO_MANIFEST_DIR");
    let python = Path::new(root).join("target/clients/python/bin/python");
    let is_there = python.exists() && has_curl();
    if is_missing("Python's cent, of .ci/clients, and curl", is_there) {
        return;
    }
    let server = start();
    let (_curl, lines) = curl(&server, "news");
    let script = Path::new(root).join("tests/clients/scripts/python_cent.py");
    let url = format!("http://{}/api", server.http());
    let output = Command::new(python).arg(script).args([&url, KEY]).output();
    let output = output.expect("runs");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let data = lines.filter(|line| line.starts_with("data: "));
    let got: Vec<String> = data.take(6).collect();
    let expected = [
        "{\"input\": \"hello\"}",
        "\"once\"",
        "AP8=",
        "[1, 2]",
        "\"first\"",
        "\"second\"",
    ];
    let expected = expected.map(|data| format!("data: {data}"));
    assert_eq!(got, expected);
}
