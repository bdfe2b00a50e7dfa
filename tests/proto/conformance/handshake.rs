//! The opening handshake: their client asks us, and their server judges what we judge.

use corecast::proto::Kind;
use corecast::proto::http::{Head, HeadLimits, NO_HEADERS, Response, parse_head};
use corecast::proto::ws::frame::{Opcode, encode_header};
use corecast::proto::ws::handshake::{check_upgrade, encode_switching_protocols};
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::client::ClientHandshake;
use tungstenite::{ClientRequestBuilder, Error, Message, WebSocket};

use crate::conformance::MAX;
use crate::conformance::ends::{ours, read_all};
use crate::conformance::output::Output;
use crate::conformance::wire::Wire;

/// Shakes hands: tungstenite's client asks, we answer; returns its end of the connection.
fn shake_hands(protocols: &[&str], answer: Option<&str>) -> (WebSocket<Wire>, Wire) {
    let mut request = ClientRequestBuilder::new("ws://host.example/ws/room?x=1".parse().unwrap());
    for protocol in protocols {
        request = request.with_sub_protocol(*protocol);
    }
    let request = tungstenite::client::IntoClientRequest::into_client_request(request).unwrap();
    let wire = Wire::default();
    let begun = ClientHandshake::start(wire.clone(), request, None)
        .unwrap()
        .handshake();
    let Err(HandshakeError::Interrupted(waiting)) = begun else {
        panic!("the client did not wait for an answer");
    };

    let asked = wire.take_written();
    let mut headers = NO_HEADERS;
    let Ok(Head::Complete { request, taken }) =
        parse_head(&asked, &mut headers, HeadLimits::default())
    else {
        panic!("not understood: {}", String::from_utf8_lossy(&asked));
    };
    assert_eq!(
        (request.path, request.query, taken),
        ("/ws/room", Some("x=1"), asked.len())
    );
    let upgrade = check_upgrade(&request).unwrap();
    assert!(upgrade.protocols().eq(protocols.iter().copied()));
    let mut out = Vec::new();
    encode_switching_protocols(&mut out, &upgrade, answer, upgrade.deflate());
    wire.feed(&out);
    let Ok((socket, _)) = waiting.handshake() else {
        panic!("not understood: {}", String::from_utf8_lossy(&out));
    };
    (socket, wire)
}

#[test]
fn their_client_and_we_shake_hands_and_talk() {
    for protocols in [&[][..], &["chat"], &["v2.chat", "v1.chat"]] {
        let (mut socket, wire) = shake_hands(protocols, protocols.first().copied());
        socket.send(Message::text("hello")).unwrap();
        let expected = [Output::Message(Kind::Text, b"hello".to_vec())];
        assert_eq!(ours([&wire.take_written()[..]], MAX), expected);
        let mut out = Vec::new();
        encode_header(&mut out, Opcode::Data(Kind::Text), 5);
        out.extend_from_slice(b"hello");
        wire.feed(&out);
        assert_eq!(read_all(&mut socket), expected);
    }
}

const GOOD: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn what_their_server_refuses_we_refuse() {
    let mut refused_by_them = 0;
    for (old, new) in [
        ("Host", "Host"),
        ("GET", "POST"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("HTTP/1.1", "HTTP/2.0"),
        ("Upgrade: websocket\r\n", ""),
        ("websocket", "h2c"),
        ("Connection: Upgrade\r\n", ""),
        ("Connection: Upgrade", "Connection: close"),
        ("13", "12"),
        ("Sec-WebSocket-Version: 13\r\n", ""),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        ("dGhl", "dGh"),
    ] {
        let request = GOOD.replacen(old, new, 1);
        let wire = Wire::default();
        wire.feed(request.as_bytes());
        let they_agree = tungstenite::accept(wire).is_ok();
        let mut headers = NO_HEADERS;
        let we_agree = match parse_head(request.as_bytes(), &mut headers, HeadLimits::default()) {
            Ok(Head::Complete { request, .. }) => check_upgrade(&request).is_ok(),
            Ok(Head::Incomplete) => panic!("incomplete: {request}"),
            Err(_) => false,
        };
        assert_eq!(we_agree, old == new, "{request}");
        assert!(they_agree || !we_agree, "{request}");
        refused_by_them += usize::from(!they_agree);
    }
    assert!(8 <= refused_by_them, "{refused_by_them}");
}

#[test]
fn a_refusal_is_understood_by_their_client() {
    let request = tungstenite::client::IntoClientRequest::into_client_request("ws://a/").unwrap();
    let wire = Wire::default();
    let begun = ClientHandshake::start(wire.clone(), request, None)
        .unwrap()
        .handshake();
    let Err(HandshakeError::Interrupted(waiting)) = begun else {
        panic!("the client did not wait for an answer");
    };
    let mut out = Vec::new();
    Response::text(503, "draining").encode(&mut out, false);
    wire.feed(&out);
    let Err(HandshakeError::Failure(Error::Http(response))) = waiting.handshake() else {
        panic!("not understood: {}", String::from_utf8_lossy(&out));
    };
    assert_eq!(response.status(), 503);
    assert_eq!(response.body().as_deref(), Some(&b"draining\n"[..]));
}
