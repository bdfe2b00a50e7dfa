//! The structured protocol against Google's protobuf with the descriptors of the Python SDK, whose
//! messages are in `samples.txt` with their JSON.

use std::str::from_utf8;

use corecast::proto::centrifuge::{Command, CommandError, Reply, Wire};
use prost::Message as _;
use serde_json::Value;

/// The JSON of each message and its protobuf.
fn samples(kind: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut lines = include_str!("samples.txt").lines();
    let mut samples = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(json) = line.strip_prefix(kind) {
            let hex = lines.next().unwrap();
            let hex = hex.as_bytes().chunks_exact(2);
            let bytes = hex.map(|byte| u8::from_str_radix(from_utf8(byte).unwrap(), 16).unwrap());
            samples.push((json, bytes.collect()));
        }
    }
    assert!(10 < samples.len());
    samples
}

fn delimited(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encode_length_delimiter(message.len(), &mut out).unwrap();
    out.extend_from_slice(message);
    out
}

fn commands(wire: Wire, message: &[u8]) -> Result<Vec<Command>, CommandError> {
    wire.commands(message).collect()
}

#[test]
fn a_command_of_an_sdk_is_the_same_in_both_formats() {
    let (mut lines, mut all) = (String::new(), Vec::new());
    for (json, protobuf) in samples("Command ") {
        let protobuf = delimited(&protobuf);
        let read = commands(Wire::Protobuf, &protobuf);
        assert_eq!(read, commands(Wire::Json, json.as_bytes()), "{json}");
        assert_eq!(read.map(|commands| commands.len()), Ok(1), "{json}");
        lines += json;
        lines.push('\n');
        all.extend_from_slice(&protobuf);
    }
    let read = commands(Wire::Protobuf, &all);
    assert_eq!(read, commands(Wire::Json, lines.as_bytes()));
    assert_eq!(read.unwrap().len(), samples("Command ").len());
}

#[test]
fn a_reply_has_the_bytes_that_an_sdk_would_make() {
    for (json, protobuf) in samples("Reply ") {
        let reply = Reply::decode(&protobuf[..]).unwrap();
        let mut out = Vec::new();
        Wire::Protobuf.encode_reply(&mut out, &reply);
        assert_eq!(out, delimited(&protobuf), "{json}");
        out.clear();
        Wire::Json.encode_reply(&mut out, &reply);
        let expected: Value = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
    }
}
