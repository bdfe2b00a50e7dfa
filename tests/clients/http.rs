//! curl reads a stream, and Python's `cent` publishes what it reads.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use corecast::{Kind, ListenAddr, Listener};

use crate::served::{KEY, Place, Served};
use crate::support::server::{Running, builder};
use crate::tools::{has, installed, is_missing, run, script};

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

/// A curl that trusts the port's certificate.
fn curl_for(place: &Place) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--max-time", "60"]);
    if let Some(authority) = &place.authority {
        command.arg("--cacert").arg(authority);
    }
    command
}

/// Starts `curl -N` on a topic and waits until it is subscribed.
fn curl(place: &Place, topic: &str) -> (Curl, impl Iterator<Item = String> + use<>) {
    let mut command = curl_for(place);
    command.args(["--no-buffer", "--verbose", "--http1.1"]);
    command.arg(place.url("http", &format!("/sse/{topic}")));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The head's end says that the subscription is live.
    let mut head = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while line.trim_end() != "<" {
        line.clear();
        assert_ne!(head.read_line(&mut line).unwrap(), 0, "no stream");
    }
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(|line| line.unwrap());
    // What every stream begins with.
    assert_eq!(lines.next().as_deref(), Some(":"));
    let retry = lines.next().unwrap();
    assert!(retry.starts_with("retry: "), "{retry}");
    assert_eq!(lines.next().as_deref(), Some(""));
    (Curl(child, head), lines)
}

#[test]
fn curl_shows_what_is_published() {
    if is_missing("curl", has("curl")) {
        return;
    }
    let served = Served::start();
    for place in served.places() {
        let (_curl, mut lines) = curl(&place, "news");
        served.server.publish("news", Kind::Text, b"hello\nworld");
        served.server.publish("news", Kind::Binary, b"\0\xff");
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
}

#[test]
fn curl_publishes_what_curl_reads() {
    if is_missing("curl", has("curl")) {
        return;
    }
    let served = Served::start();
    for place in served.places() {
        let (_curl, mut lines) = curl(&place, "news");
        let mut publish = curl_for(&place);
        publish.args(["--fail", "--header", &format!("X-API-Key: {KEY}")]);
        publish.args(["--data", "{\"channel\":\"news\",\"data\":{\"n\":1}}"]);
        let answer = run(publish.arg(place.url("http", "/api/publish")));
        assert_eq!(answer.trim_end(), "{\"result\":{}}");
        assert_eq!(lines.next().as_deref(), Some("data: {\"n\":1}"));
    }
}

#[test]
fn curl_asks_at_a_path() {
    if is_missing("curl", has("curl")) {
        return;
    }
    let name = format!("corecast-clients-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let listener = Listener::http(ListenAddr::Unix(path.clone()));
    let _server = Running::start(builder(2).listen(listener));
    let mut command = Command::new("curl");
    command.args(["--silent", "--fail", "--max-time", "60"]);
    command.arg("--unix-socket").arg(path);
    for _ in 0..4 {
        assert_eq!(
            run(command.arg("http://localhost/healthz")).lines().next(),
            Some("ok")
        );
    }
}

#[test]
fn curl_gets_the_reason_why_an_upgrade_is_refused() {
    if is_missing("curl", has("curl")) {
        return;
    }
    let served = Served::start();
    let upgrade = ["Connection: Upgrade", "Upgrade: websocket"];
    let version = "Sec-WebSocket-Version: 13";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let [connection, protocol] = upgrade;
    let cases: [(&[&str], &str, u16); 5] = [
        (&[], "Upgrade: websocket", 426),
        (&[protocol, version, key], "Connection", 400),
        (
            &[connection, protocol, key],
            "Sec-WebSocket-Version: 13",
            426,
        ),
        (&[connection, protocol, version], "Sec-WebSocket-Key", 400),
        (
            &[connection, protocol, version, "Sec-WebSocket-Key: short"],
            "16 bytes",
            400,
        ),
    ];
    for place in served.places() {
        for (headers, says, status) in cases {
            let mut command = curl_for(&place);
            command.args(["--http1.1", "--write-out", "%{http_code}"]);
            for header in headers {
                command.args(["--header", header]);
            }
            let told = run(command.arg(place.url("http", "/ws/news")));
            let (text, code) = told.rsplit_once('\n').unwrap();
            assert_eq!(code, status.to_string(), "{headers:?}: {told}");
            assert!(text.contains(says), "{headers:?}: {told}");
        }
    }
}

#[test]
fn cent_publishes_and_understands_every_answer() {
    let python = installed("python/bin/python");
    let is_there = python.exists() && has("curl");
    if is_missing("Python's cent, of .ci/clients, and curl", is_there) {
        return;
    }
    let served = Served::start();
    let [place, _] = served.places();
    let (_curl, lines) = curl(&place, "news");
    let url = place.url("http", "/api");
    run(Command::new(python)
        .arg(script("python_cent.py"))
        .args([&url, KEY]));
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
