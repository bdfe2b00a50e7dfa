//! The API of the admin port: what operators see and do.

mod access;
mod acts;
mod docs;
mod lists;
mod program;
mod trace;

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::http::{Answer, ask};

/// Asks with these header fields and this body.
pub(crate) fn call_with(
    addr: SocketAddr,
    method: &str,
    path: &str,
    fields: &str,
    body: &str,
) -> Answer {
    let len = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Length: {len}\r\n{fields}\r\n{body}"
    );
    ask(addr, request)
}

/// Asks as `curl` with JSON would.
pub(crate) fn call(addr: SocketAddr, method: &str, path: &str, body: &str) -> (u16, Value) {
    let fields = "Content-Type: application/json\r\n";
    let answer = call_with(addr, method, path, fields, body);
    let json = serde_json::from_str(&answer.body);
    (answer.status, json.unwrap_or_else(|_| panic!("{answer:?}")))
}

/// What is at a path.
pub(crate) fn see(addr: SocketAddr, path: &str) -> Value {
    let (status, json) = call(addr, "GET", path, "");
    assert_eq!(status, 200, "{path}: {json}");
    json
}

/// The text of an error.
fn error(addr: SocketAddr, method: &str, path: &str, body: &str, expected: u16) -> String {
    let (status, json) = call(addr, method, path, body);
    assert_eq!(status, expected, "{path}: {json}");
    assert_eq!(json["error"]["code"], expected);
    json["error"]["message"].as_str().unwrap().to_owned()
}

/// The rows of a list.
fn rows<'v>(json: &'v Value, list: &str) -> &'v Vec<Value> {
    json[list].as_array().unwrap_or_else(|| panic!("{json}"))
}
