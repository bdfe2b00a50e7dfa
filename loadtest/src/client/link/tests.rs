//! The client's side of a connection, cut at every byte.

use super::*;
use crate::client::inflate::OFFER;
use crate::client::request::{Ask, upgrade_request};
use crate::url::Target;

const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn opening(protocol: Protocol) -> Link {
    Link {
        state: State::Opening,
        ..Link::new(protocol, None)
    }
}

fn structured() -> Link {
    Link {
        wire: Some(Wire::Json),
        ..opening(Protocol::WebSocket)
    }
}

/// Feeds `pieces` as a worker would and writes down what happened.
fn feed(link: &mut Link, pieces: &[&[u8]]) -> Result<String, Ended> {
    let mut seen = String::new();
    let mut buf = vec![0; 16 << 10];
    for piece in pieces {
        let kept = link.take_partial(&mut buf);
        buf[kept..kept + piece.len()].copy_from_slice(piece);
        let bytes = &buf[..kept + piece.len()];
        link.handle_bytes(bytes, 100, None, |event| match event {
            Event::Live => seen.push_str("live "),
            Event::Message(payload) => seen.push_str(&format!("{payload:?} ")),
            Event::Ping(_) | Event::CommandPing(_) => seen.push_str("ping "),
            Event::Upgraded(_) => seen.push_str("upgraded "),
            Event::Standing(_) | Event::Offset(_) => {}
        })?;
    }
    Ok(seen)
}

#[test]
fn an_upgrade_and_its_first_frames_may_be_cut_anywhere() {
    let wire = [HEAD, &[0x82, 1, 5, 0x89, 0, 0x81, 2, 6, 7]].concat();
    for cut in 0..=wire.len() {
        let mut link = opening(Protocol::WebSocket);
        let seen = feed(&mut link, &[&wire[..cut], &wire[cut..]]).unwrap();
        assert_eq!(seen, "live [5] ping [6, 7] ", "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = wire.chunks(1).collect();
    let seen = feed(&mut opening(Protocol::WebSocket), &bytes).unwrap();
    assert_eq!(seen, "live [5] ping [6, 7] ");
}

#[test]
fn a_subscription_is_live_with_its_answer() {
    let lines = b"{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{}}\n\
        {\"push\":{\"channel\":\"a\",\"pub\":{\"data\":\"BQ==\"}}}";
    let len = u8::try_from(lines.len()).unwrap();
    let wire = [HEAD, &[0x81, len], lines, &[0x81, 2], b"{}"].concat();
    for cut in 0..=wire.len() {
        let mut link = structured();
        let seen = feed(&mut link, &[&wire[..cut], &wire[cut..]]).unwrap();
        assert_eq!(seen, "upgraded live [5] ping ", "cut at {cut}");
    }
    let wrong = [HEAD, &[0x81, 1, b'x']].concat();
    let ended = feed(&mut structured(), &[&wrong]);
    assert_eq!(ended, Err(Ended::NotStructured));
}

#[test]
fn the_first_empty_frame_makes_a_tcp_connection_live() {
    let wire = [0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0];
    for cut in 0..=wire.len() {
        let mut link = opening(Protocol::LengthPrefix);
        let seen = feed(&mut link, &[&wire[..cut], &wire[cut..]]).unwrap();
        assert_eq!(seen, "live [9] ", "cut at {cut}");
    }
}

#[test]
fn refusals_and_closes_say_why() {
    let ended = |bytes: &[u8]| feed(&mut opening(Protocol::WebSocket), &[bytes]).unwrap_err();
    assert_eq!(ended(b"HTTP/1.1 503 Busy\r\n\r\n"), Ended::Status(503));
    assert_eq!(ended(b"SSH-2.0\r\n\r\n"), Ended::Status(0));
    assert_eq!(ended(b"HTTP/1.1 101 Ok\r\n\r\n"), Ended::AcceptKey);
    let endless = [b"HTTP/1.1 101 Ok\r\na: ", &[b'x'; 9000][..]].concat();
    assert_eq!(ended(&endless), Ended::Status(0));
    let closed = |frame: &[u8]| ended(&[HEAD, frame].concat());
    assert_eq!(closed(&[0x88, 2, 0x03, 0xf0]), Ended::Close(1008));
    assert_eq!(closed(&[0x88, 0]), Ended::Close(1005));
}

#[test]
fn a_connection_is_small() {
    assert!(size_of::<Link>() <= 32, "{}", size_of::<Link>());
}

#[test]
fn compression_is_asked_for_and_insisted_on() {
    let target = Target::parse("ws://127.0.0.1:1/sub/a", "").unwrap();
    let ask = Ask {
        token: Some("a.b"),
        deflate: true,
        ..Ask::default()
    };
    let request = String::from_utf8(upgrade_request(&target, ask)).unwrap();
    assert!(request.contains("\r\nAuthorization: Bearer a.b\r\n"));
    assert!(request.contains(&format!("\r\nSec-WebSocket-Extensions: {OFFER}\r\n\r\n")));

    let mut inflater = Inflater::new();
    let mut messages = Vec::new();
    let agreed = b"\r\nSec-WebSocket-Extensions: permessage-deflate; x\r\n\r\n";
    let hello = [0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let wire = [&HEAD[..HEAD.len() - 4], agreed, &hello, &[0x81, 1, b'!']].concat();
    let mut link = opening(Protocol::WebSocket);
    let result = link.handle_bytes(&wire, 100, Some(&mut inflater), |event| {
        if let Event::Message(payload) = event {
            messages.extend_from_slice(payload);
        }
    });
    assert_eq!((result, &messages[..]), (Ok(()), &b"Hello!"[..]));

    let mut link = opening(Protocol::WebSocket);
    let result = link.handle_bytes(HEAD, 100, Some(&mut inflater), |_| {});
    assert_eq!(result, Err(Ended::NotCompressed));
}
