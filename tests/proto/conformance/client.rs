//! Our client against tungstenite's server, and our reading of a server's frames against theirs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use corecast::client::{Client, Event, Reason};
use corecast::proto::Kind;
use corecast::proto::ws::close::is_allowed;
use corecast::proto::ws::frame::{Opcode, encode_header};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{CloseFrame, Role};
use tungstenite::{Message, WebSocket};

use crate::conformance::bytes_of;
use crate::conformance::ends::{decode, frame, read_all, their_end};
use crate::conformance::output::{Output, Rule};
use crate::conformance::random::judge_alike;

/// An unmasked server frame with any first byte.
fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_header(&mut out, Opcode::Continuation, payload.len());
    out[0] = first;
    out.extend_from_slice(payload);
    out
}

/// What tungstenite's client makes of a server's bytes.
fn theirs(bytes: &[u8]) -> Vec<Output> {
    let (mut socket, wire) = their_end(Role::Client, 300);
    wire.feed(bytes);
    read_all(&mut socket)
}

#[test]
fn random_streams_of_a_server_are_judged_alike() {
    judge_alike(server_frame, |bytes| decode::<false>([bytes], 300), theirs);
}

#[test]
fn a_masked_frame_from_a_server_is_refused_by_both() {
    let bytes = frame(0x81, b"x");
    let expected = [Output::Error(Rule::Mask)];
    assert_eq!(decode::<false>([&bytes[..]], 300), expected);
    assert_eq!(theirs(&bytes), expected);
}

fn soon() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "tests wait with a limit")]
    let now = Instant::now();
    now + Duration::from_secs(30)
}

/// Runs tungstenite's server for one connection of our client.
fn with_their_server<T: Send + 'static>(
    serve: impl FnOnce(WebSocket<TcpStream>) -> T + Send + 'static,
) -> (Client, JoinHandle<T>) {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let addr = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        #[expect(clippy::result_large_err, reason = "their signature")]
        let choose = |request: &Request, mut response: Response| {
            assert_eq!(request.uri().path(), "/x");
            assert_eq!(request.headers()["X-Token"], "secret");
            assert_eq!(request.headers()["Sec-WebSocket-Protocol"], "b.v2, a.v1");
            let chosen = "a.v1".parse().unwrap();
            response
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", chosen);
            Ok(response)
        };
        serve(tungstenite::accept_hdr(stream, choose).unwrap())
    });
    let client = Client::builder(&format!("ws://{addr}/x?y=z")).unwrap();
    let client = client
        .header("X-Token", "secret")
        .protocol("b.v2")
        .protocol("a.v1");
    let mut client = client.reconnect(false).connect().unwrap();
    match client.recv(soon()).unwrap() {
        Event::Connected {
            protocol,
            attempts: 1,
        } => {
            assert_eq!(protocol.as_deref(), Some("a.v1"));
        }
        other => panic!("{other:?}"),
    }
    (client, server)
}

fn reason(client: &mut Client) -> Reason {
    match client.recv(soon()).unwrap() {
        Event::Disconnected {
            reason,
            retry_in: None,
        } => reason,
        other => panic!("{other:?}"),
    }
}

/// Payload lengths around every change of the header's length.
const LENGTHS: [usize; 7] = [0, 1, 125, 126, 65_535, 65_536, 300_000];

#[test]
fn messages_of_every_length_class_come_back_from_their_server() {
    let (mut client, server) = with_their_server(|mut socket| {
        while let Ok(message) = socket.read() {
            if message.is_text() || message.is_binary() {
                socket.send(message).unwrap();
            }
        }
    });
    for len in LENGTHS {
        for (kind, sent) in [
            (Kind::Text, "é".repeat(len / 2).into_bytes()),
            (Kind::Binary, bytes_of(len)),
        ] {
            client.send(kind, &sent, soon()).unwrap();
            match client.recv(soon()).unwrap() {
                Event::Message {
                    kind: came,
                    payload,
                    ..
                } => {
                    assert_eq!((came, payload == sent), (kind, true), "length {len}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    client.close(soon()).unwrap();
    server.join().unwrap();
}

#[test]
fn fragments_and_pings_of_their_server_are_understood_and_answered() {
    let (mut client, server) = with_their_server(|mut socket| {
        let fragment = |bytes: &[u8], data, fin| {
            Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(data), fin))
        };
        socket.send(fragment(b"fr\xc3", Data::Text, false)).unwrap();
        socket.send(Message::Ping("there?".into())).unwrap();
        socket
            .send(fragment(b"\xa4g", Data::Continue, false))
            .unwrap();
        socket.send(fragment(b"", Data::Continue, true)).unwrap();
        let pong = socket.read().unwrap();
        assert_eq!(pong, Message::Pong("there?".into()));
        assert_eq!(socket.read().unwrap(), Message::text("got it"));
        socket.close(None).unwrap();
        socket.read()
    });
    match client.recv(soon()).unwrap() {
        Event::Message {
            kind: Kind::Text,
            payload,
            ..
        } => assert_eq!(payload, "fräg".as_bytes()),
        other => panic!("{other:?}"),
    }
    client.send(Kind::Text, b"got it", soon()).unwrap();
    let why = reason(&mut client);
    assert!(matches!(why, Reason::Closed { code: None, .. }), "{why}");
    assert_eq!(server.join().unwrap().unwrap(), Message::Close(None));
}

#[test]
fn close_codes_of_their_server_arrive_and_are_answered() {
    for code in [1000, 1001, 1008, 1011, 1012, 1013, 3000, 3999, 4000, 4999] {
        assert!(is_allowed(code));
        let close = CloseFrame {
            code: code.into(),
            reason: "grüße".into(),
        };
        let (mut client, server) = with_their_server(move |mut socket| {
            socket.close(Some(close)).unwrap();
            socket.read()
        });
        match reason(&mut client) {
            Reason::Closed { code: came, text } => {
                assert_eq!((came, &*text), (Some(code), "grüße"));
            }
            other => panic!("{other}"),
        }
        match server.join().unwrap().unwrap() {
            Message::Close(Some(answer)) => assert_eq!(u16::from(answer.code), code),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn our_goodbye_is_understood_by_their_server() {
    let (client, server) = with_their_server(|mut socket| {
        let said = socket.read();
        // Only now is their answer sent.
        assert!(matches!(
            socket.flush(),
            Err(tungstenite::Error::ConnectionClosed)
        ));
        said
    });
    client.close(soon()).unwrap();
    match server.join().unwrap().unwrap() {
        Message::Close(Some(close)) => assert_eq!(u16::from(close.code), 1000),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_server_must_not_send_is_answered_with_its_code() {
    for (bytes, code) in [
        (frame(0x81, b"masked"), 1002),
        (server_frame(0xc1, b"x"), 1002),
        (server_frame(0x80, b"x"), 1002),
        (server_frame(0x88, b"\x03\xed"), 1002),
        (server_frame(0x81, b"\xff"), 1007),
        (server_frame(0x82, &[0; (1 << 20) + 1]), 1009),
    ] {
        let (mut client, server) = with_their_server(move |mut socket| {
            use std::io::Write;
            socket.get_mut().write_all(&bytes).unwrap();
            socket.read()
        });
        let why = reason(&mut client);
        assert!(
            matches!(why, Reason::Protocol(err) if err.close_code() == code),
            "{why}"
        );
        match server.join().unwrap().unwrap() {
            Message::Close(Some(answer)) => assert_eq!(u16::from(answer.code), code, "{why}"),
            other => panic!("{other:?}"),
        }
    }
}
