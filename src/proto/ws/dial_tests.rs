use super::{
    Agreement, HandshakeError, Offer, check_switching_protocols, encode_key, encode_upgrade,
};
use crate::proto::http::{
    AnswerHead, Head, HeadLimits, NO_ANSWER_HEADERS, NO_HEADERS, parse_answer, parse_head,
};
use crate::proto::ws::deflate::{Compression, Terms, Window};
use crate::proto::ws::handshake::{check_upgrade, encode_switching_protocols};

fn offer(protocols: &[&str]) -> Offer {
    Offer {
        host: "host.example:81".to_owned(),
        target: "/ws/room?x=1".to_owned(),
        protocols: protocols.iter().map(|&name| name.to_owned()).collect(),
        compression: None,
        headers: vec![("Authorization".to_owned(), "Bearer x".to_owned())],
    }
}

/// The key and the answer of RFC 6455 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: chat\r\n\r\n";

fn check(answer: &str) -> Result<Option<String>, HandshakeError> {
    let agreement = check_offer(answer, &offer(&["chat", "superchat"]))?;
    assert_eq!(agreement.deflate, None);
    Ok(agreement.protocol)
}

fn check_offer(answer: &str, offer: &Offer) -> Result<Agreement, HandshakeError> {
    let mut headers = NO_ANSWER_HEADERS;
    match parse_answer(answer.as_bytes(), &mut headers) {
        Ok(AnswerHead::Complete { answer, .. }) => check_switching_protocols(&answer, offer, KEY),
        other => panic!("{other:?}: {answer}"),
    }
}

#[test]
fn a_key_is_sixteen_bytes_in_base64() {
    assert_eq!(encode_key(*b"the sample nonce"), KEY);
    assert_eq!(encode_key([0; 16]), "AAAAAAAAAAAAAAAAAAAAAA==");
    assert_eq!(encode_key([0xff; 16]), "/////////////////////w==");
    assert_eq!(encode_key([0xfb; 16]), "+/v7+/v7+/v7+/v7+/v7+w==");
}

#[test]
fn what_we_ask_our_server_grants() {
    for (protocols, compression) in [
        (&[][..], None),
        (&["chat"], Some(Compression::default())),
        (&["v2.chat", "v1.chat"], None),
    ] {
        let mut offer = offer(protocols);
        offer.compression = compression;
        let mut asked = Vec::new();
        encode_upgrade(&mut asked, &offer, None, KEY);
        let mut headers = NO_HEADERS;
        let Ok(Head::Complete { request, taken }) =
            parse_head(&asked, &mut headers, HeadLimits::default())
        else {
            panic!("not understood: {}", String::from_utf8_lossy(&asked));
        };
        assert_eq!(taken, asked.len());
        assert_eq!((request.path, request.query), ("/ws/room", Some("x=1")));
        assert_eq!(request.header("host"), Some(&b"host.example:81"[..]));
        assert_eq!(request.header("authorization"), Some(&b"Bearer x"[..]));
        let upgrade = check_upgrade(&request).unwrap();
        assert!(upgrade.protocols().eq(protocols.iter().copied()));

        let mut out = Vec::new();
        let protocol = protocols.last().copied();
        encode_switching_protocols(&mut out, &upgrade, protocol, upgrade.deflate());
        let mut headers = NO_ANSWER_HEADERS;
        let Ok(AnswerHead::Complete { answer, taken }) = parse_answer(&out, &mut headers) else {
            panic!("not understood: {}", String::from_utf8_lossy(&out));
        };
        assert_eq!(taken, out.len());
        let agreed = check_switching_protocols(&answer, &offer, KEY);
        let protocol = protocol.map(str::to_owned);
        let window = Window::LARGEST;
        let deflate = compression.map(|_| Terms { window });
        assert_eq!(agreed, Ok(Agreement { protocol, deflate }));
    }
}

#[test]
fn an_extension_must_be_the_one_that_was_offered() {
    let with = |extensions: &str| {
        let field = format!("Sec-WebSocket-Extensions: {extensions}\r\n\r\n");
        GOOD.strip_suffix("\r\n").unwrap().to_owned() + &field
    };
    let granted = with("permessage-deflate; server_no_context_takeover");
    let mut offer = offer(&["chat"]);
    assert_eq!(
        check_offer(&granted, &offer),
        Err(HandshakeError::Extension)
    );
    offer.compression = Some(Compression::default());
    let window = Window::LARGEST;
    let agreement = check_offer(&granted, &offer).unwrap();
    assert_eq!(agreement.deflate, Some(Terms { window }));
    assert_eq!(check_offer(GOOD, &offer).unwrap().deflate, None);
    for extensions in ["permessage-deflate", "other", ";", "permessage-deflate; x"] {
        let refused = check_offer(&with(extensions), &offer);
        assert_eq!(refused, Err(HandshakeError::Extension), "{extensions}");
    }
}

#[test]
fn each_way_to_answer_wrongly_has_its_own_error() {
    assert_eq!(check(GOOD), Ok(Some("chat".to_owned())));
    for (old, new, expected) in [
        ("Upgrade: websocket\r\n", "", HandshakeError::Upgrade),
        ("websocket", "h2c", HandshakeError::Upgrade),
        ("Connection: Upgrade\r\n", "", HandshakeError::Connection),
        (
            "Connection: Upgrade",
            "Connection: close",
            HandshakeError::Connection,
        ),
        ("HTTP/1.1", "HTTP/1.0", HandshakeError::Connection),
        ("s3pPLM", "S3pPLM", HandshakeError::Accept),
        ("Sec-WebSocket-Accept", "X", HandshakeError::Accept),
        (
            "Sec-WebSocket-Protocol: chat",
            "Sec-WebSocket-Accept: x",
            HandshakeError::Accept,
        ),
        (
            "Sec-WebSocket-Protocol: chat",
            "Sec-WebSocket-Extensions: permessage-deflate",
            HandshakeError::Extension,
        ),
        ("chat", "Chat", HandshakeError::Protocol),
        ("chat", "other", HandshakeError::Protocol),
        ("chat", "chat, superchat", HandshakeError::Protocol),
        (
            "chat",
            "chat\r\nSec-WebSocket-Protocol: superchat",
            HandshakeError::Protocol,
        ),
    ] {
        let answer = GOOD.replacen(old, new, 1);
        assert_ne!(answer, GOOD);
        assert_eq!(check(&answer), Err(expected), "{answer}");
    }
}

#[test]
fn what_may_vary_in_an_answer_may_vary() {
    for (old, new) in [
        ("Upgrade: websocket", "upgrade: WebSocket"),
        ("Connection: Upgrade", "connection: keep-alive, upgrade"),
        ("101 Switching Protocols", "101"),
        ("chat\r\n", "superchat\r\nSec-WebSocket-Extensions:\r\n"),
    ] {
        let answer = GOOD.replacen(old, new, 1);
        assert_ne!(answer, GOOD);
        assert!(check(&answer).is_ok(), "{answer}");
    }
    let none = GOOD.replacen("Sec-WebSocket-Protocol: chat\r\n", "", 1);
    assert_eq!(check(&none), Ok(None));
}
