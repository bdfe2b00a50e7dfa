//! Traces: what happens in a topic or to a connection, as it happens.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use corecast::Kind;
use serde_json::{Value, json};

use crate::operators::{call, error, rows, see};
use crate::support::http::read_head;
use crate::support::server::{Running, builder, serve_admin};
use crate::support::socket::dial;
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

/// The lines of a trace.
struct Trace(BufReader<TcpStream>);

impl Trace {
    fn begin(addr: SocketAddr, query: &str) -> Self {
        let mut stream = dial(addr);
        let request = format!("GET /admin/trace?{query} HTTP/1.1\r\nHost: {addr}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let head = read_head(&mut stream);
        assert_eq!(head.status, 200, "{head:?}");
        assert_eq!(head.field("content-type"), Some("application/x-ndjson"));
        let mut trace = Self(BufReader::new(stream));
        assert_eq!(trace.next()["event"], "begin");
        trace
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }

    /// The next event of a kind, of one connection.
    fn wait_for(&mut self, event: &str) -> Value {
        loop {
            let line = self.next();
            assert_ne!(line["event"], "end", "before {event}");
            if line["event"] == event {
                return line;
            }
        }
    }

    fn assert_end(mut self, reason: &str) {
        loop {
            let line = self.next();
            if line["event"] == "end" {
                assert_eq!(line["reason"], reason, "{line}");
                break;
            }
        }
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

#[test]
fn a_topic_is_followed_on_all_shards() {
    let server = Running::start(builder(3));
    let addr = serve_admin(&server);
    let mut trace = Trace::begin(addr, "topic=lobby");
    let mut ws = Ws::connect(server.http(), "/ws/lobby");
    let mut other = Ws::connect(server.http(), "/ws/other");
    let id = trace.wait_for("subscribed")["connection"].clone();
    other.send_text("elsewhere");
    assert_eq!(other.next_text(), "elsewhere");
    ws.send_text("grüße");
    assert_eq!(ws.next_text(), "grüße");
    let came = trace.wait_for("in");
    assert_eq!(came["text"], "grüße", "of its own topic alone");
    assert_eq!(
        (&came["topic"], &came["bytes"]),
        (&json!("lobby"), &json!(7))
    );
    let out = trace.wait_for("out");
    assert_eq!(out["count"], 1);
    assert!(out["time"].as_f64().unwrap() > 1.7e9, "{out}");
    server.publish("lobby", Kind::Binary, &[0; 9]);
    let came = trace.wait_for("in");
    assert_eq!(came["bytes"], 9);
    assert!(came.get("text").is_none(), "{came}");
    drop(ws);
    assert_eq!(trace.wait_for("unsubscribed")["connection"], id);
}

#[test]
fn a_connection_is_followed_to_its_end() {
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    let mut ws = Ws::connect(server.http(), "/ws/lobby");
    let _other = Ws::connect(server.http(), "/ws/lobby");
    let found = see(addr, "/admin/connections?topic=lobby&limit=1");
    let id = rows(&found, "connections")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut trace = Trace::begin(addr, &format!("connection={id}"));
    wait_until("it follows", || {
        server.publish("lobby", Kind::Text, b"hello");
        assert_eq!(ws.next_text(), "hello");
        true
    });
    let out = trace.wait_for("out");
    assert_eq!(
        (&out["connection"], &out["topic"]),
        (&json!(id), &json!("lobby"))
    );
    let path = format!("/admin/connections/{id}/disconnect");
    assert_eq!(call(addr, "POST", &path, "").0, 202);
    let closed = trace.wait_for("closed");
    assert_eq!(closed["connection"], json!(id));
    assert!(closed["reason"].is_string(), "{closed}");
}

/// A session that has not connected, its trace, and its id.
fn traced_session() -> (Running, Ws, Trace, String) {
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    let ws = Ws::connect(server.http(), "/connection/websocket");
    let found = see(addr, "/admin/connections?protocol=websocket");
    let id = rows(&found, "connections")[0]["id"].as_str().unwrap();
    let trace = Trace::begin(addr, &format!("connection={id}"));
    (server, ws, trace, id.to_owned())
}

#[test]
fn the_commands_of_a_session_are_not_shown() {
    let (_server, mut ws, mut trace, _) = traced_session();
    let secret = r#"{"id":1,"connect":{"token":"eyJzZWNyZXQ"}}"#;
    ws.send_text(secret);
    let came = trace.wait_for("in");
    assert_eq!(came["bytes"], secret.len());
    assert!(came.get("text").is_none(), "{came}");
}

#[test]
fn a_session_is_opened_when_it_connects() {
    let (_server, mut ws, mut trace, id) = traced_session();
    ws.send_text(r#"{"id":1,"connect":{}}"#);
    assert_eq!(trace.wait_for("opened")["connection"], json!(id));
}

#[test]
fn a_trace_ends_after_its_lines_or_its_time() {
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    let trace = Trace::begin(addr, "topic=lobby&max=3");
    for _ in 0..10 {
        server.publish("lobby", Kind::Text, b"hello");
    }
    trace.assert_end("max");
    Trace::begin(addr, "topic=lobby&seconds=1").assert_end("seconds");
}

#[test]
fn what_cannot_be_followed_is_told() {
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    for (query, words) in [
        ("", "topic or connection"),
        ("topic=a&connection=0.0.1", "topic or connection"),
        ("connection=x", "3.17.2"),
        ("topic=a&seconds=601", "1 to 600"),
        ("topic=a&max=10001", "1 to 10000"),
    ] {
        let told = error(addr, "GET", &format!("/admin/trace?{query}"), "", 400);
        assert!(told.contains(words), "{query}: {told}");
    }
    let traces: Vec<_> = (0..4).map(|_| Trace::begin(addr, "topic=a")).collect();
    error(addr, "GET", "/admin/trace?topic=a", "", 503);
    drop(traces);
    // The places of clients that have gone are free again.
    wait_until("there is space", || {
        let mut stream = dial(addr);
        let request = format!("GET /admin/trace?topic=a HTTP/1.1\r\nHost: {addr}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        read_head(&mut stream).status == 200
    });
}
