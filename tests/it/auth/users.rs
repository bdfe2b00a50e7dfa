//! A user's connections are found, whatever listener they came to.

use std::io::{Read, Write};
use std::sync::{Arc, mpsc};

use corecast::auth::{ApiKeys, Auth, Key, Places, Rules, Verifier, create};
use corecast::tls::ClientAuth;
use corecast::{ConnectionInfo, Framing, Listener, Relay, Server, ServerBuilder};

use crate::support::length_prefix::{LengthPrefix, frame};
use crate::support::server::{ANY, Running};
use crate::support::socket::dial;
use crate::support::tls::{Authority, EACH, shake};
use crate::support::wait::PATIENCE;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// Of the API key "test", by `printf test | sha256sum`.
const HASH: &str = "ann sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn list(server: &Running, user: &str) -> Vec<ConnectionInfo> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let reply = move |list| sender.send(list).unwrap();
    server.handle().connections_of(user, reply).unwrap();
    receiver.recv_timeout(PATIENCE).unwrap()
}

/// What a client sends first, and with what the answer begins.
fn openings(token: &str) -> [(Vec<u8>, &'static [u8]); 5] {
    let fields = format!("Host: a\r\nAuthorization: Bearer {token}\r\n");
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    // As a varint it is one byte.
    let len = u8::try_from(token.len()).unwrap();
    assert!(len < 128);
    [
        (
            format!("GET /ws/room HTTP/1.1\r\n{fields}{upgrade}\r\n").into(),
            b"HTTP/1.1 101 ",
        ),
        (
            format!("GET /sse/room HTTP/1.1\r\n{fields}\r\n").into(),
            b"HTTP/1.1 200 ",
        ),
        (frame(token.as_bytes()), b"\0\0\0\0"),
        ([&[len], token.as_bytes()].concat(), b"\0"),
        (format!("{token}\n").into(), b"\n"),
    ]
}

#[test]
fn connections_of_a_user_are_found_on_every_listener_and_names_of_keys_are_no_users() {
    let authority = Authority::new("authority");
    authority.sign("host", "host", &["localhost"]);
    authority.sign("device", "ann", &[]);
    let authorities = authority.path("ca.pem");
    let shown = ClientAuth::Optional { authorities };
    let tls = authority.settings("host").client_auth(shown);
    let auth = Auth {
        verifier: Verifier::new(vec![Key::hmac(SECRET).unwrap()]),
        api_keys: ApiKeys::parse([HASH]).unwrap(),
        rules: Rules::parse(["anyone all room"]).unwrap(),
        anonymous: false,
        insecure: false,
    };
    let asking = |framing| Listener::tcp(ANY, "room").framing(framing).credential(true);
    let listeners = [
        Listener::http(ANY),
        asking(Framing::LengthPrefix),
        asking(Framing::Varint),
        asking(Framing::Line),
        Listener::tcp(ANY, "room").tls(tls),
    ];
    let builder = Server::builder().shards(2).pin(false);
    let builder = listeners.into_iter().fold(builder, ServerBuilder::listen);
    let server = Running::with(builder.auth(auth, Places::default()), |_| Relay::default());
    let [length_prefix, varint, line, secure] = *server.tcp_addrs() else {
        panic!("four listeners");
    };
    let open = |at, (first, expected): (Vec<u8>, &[u8])| {
        let mut stream = dial(at);
        stream.write_all(&first).unwrap();
        let mut answer = vec![0; expected.len()];
        let read = stream.read_exact(&mut answer);
        read.unwrap_or_else(|err| panic!("{}: {err}", first.escape_ascii()));
        assert_eq!(answer, expected, "{}", answer.escape_ascii());
        stream
    };
    let places = [server.http(), server.http(), length_prefix, varint, line];
    let token = |user: &str| create(SECRET, &format!(r#"{{"sub":"{user}"}}"#)).unwrap();
    let ann: Vec<_> = places.into_iter().zip(openings(&token("ann"))).collect();
    let _ann: Vec<_> = ann.into_iter().map(|(at, first)| open(at, first)).collect();
    let _bob = open(server.http(), openings(&token("bob"))[0].clone());
    // An API key and a certificate that are called like the user.
    let _key = open(length_prefix, (frame(b"apikey test"), b"\0\0\0\0"));
    let config = Arc::new(authority.trusting(EACH[0], Some("device")));
    let mut device = LengthPrefix::over(shake(dial(secure), &config, "localhost").unwrap());
    assert_eq!(device.next(), b"", "the greeting");
    let found = list(&server, "ann");
    let mut protocols: Vec<&str> = found.iter().map(|found| found.protocol).collect();
    protocols.sort_unstable();
    assert_eq!(protocols, ["sse", "tcp", "tcp", "tcp", "websocket"]);
    assert!(found.iter().all(|found| found.topics[0].name() == "room"));
    assert_eq!(list(&server, "bob").len(), 1);
    assert!(list(&server, "carol").is_empty());
}
