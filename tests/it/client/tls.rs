//! The client inside TLS, with the server's own TLS at the other end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use corecast::client::{
    BuildError, Client, ClientBuilder, Event, Reason, TimeoutKind, TlsFault, UrlError,
};
use corecast::tls::ClientAuth;
use corecast::{CloseReason, Kind, Listener, Server};

use crate::client::{SHORT, check_order, check_return, greeted, message, next, reason, to};
use crate::support::server::{ANY, Running};
use crate::support::tls::Authority;
use crate::support::wait::{in_a_while, now, wait_until};
use crate::tls::served::Scene;

fn wss(scene: &Scene, path: &str) -> ClientBuilder {
    let port = scene.https().port();
    to(&format!("wss://localhost:{port}{path}")).tls_ca(scene.authority.path("ca.pem"))
}

fn tcps(scene: &Scene) -> ClientBuilder {
    let port = scene.tcps().port();
    to(&format!("tcps://localhost:{port}")).tls_ca(scene.authority.path("ca.pem"))
}

#[test]
fn messages_of_every_length_go_both_ways_and_are_closed_behind() {
    let scene = Scene::new();
    let (mut web, mut device) = (greeted(wss(&scene, "/ws/lobby")), greeted(tcps(&scene)));
    for len in [0, 1, 125, 16_384, 16_385, 70_000, 1 << 20] {
        let payload: Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
        web.send(Kind::Binary, &payload, in_a_while()).unwrap();
        assert!(
            message(&mut web) == (Kind::Binary, payload.clone()),
            "{len}"
        );
        if len == 0 {
            // An empty frame is no message.
            continue;
        }
        assert!(message(&mut device).1 == payload, "{len}");
        device.send(Kind::Binary, &payload, in_a_while()).unwrap();
        assert!(message(&mut web).1 == payload, "{len}");
        assert!(message(&mut device).1 == payload, "{len}");
    }
    assert_eq!(web.close(in_a_while()), Ok(()));
    assert_eq!(device.close(in_a_while()), Ok(()));
    let closed = |reason: CloseReason| scene.server.counters().closed[reason.index()];
    wait_until("it has said goodbye", || closed(CloseReason::Client) == 1);
    // Over TCP the end of one side is not that of the other; until something is sent.
    wait_until("both are gone", || {
        scene.server.publish("lobby", Kind::Binary, b"to nobody");
        scene.server.counters().connections == 0
    });
}

#[test]
fn a_stream_of_messages_keeps_its_order() {
    const MESSAGES: u32 = 5_000;
    let scene = Scene::new();
    let at = greeted(tcps(&scene));
    let mut from = greeted(wss(&scene, "/pub/lobby"));
    check_order(&mut from, at, MESSAGES);
}

fn fault(builder: ClientBuilder) -> TlsFault {
    let mut client = builder.connect().unwrap();
    let (why, retry_in) = reason(&mut client);
    assert!(retry_in.is_some(), "a certificate may be renewed: {why}");
    match why {
        Reason::Tls(fault) => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn a_server_with_another_certificate_gets_nothing() {
    let scene = Scene::new();
    let other = Authority::new("other");
    let port = scene.https().port();
    let url = format!("wss://localhost:{port}/ws/lobby");
    let stranger = to(&url).tls_ca(other.path("ca.pem"));
    assert_eq!(fault(stranger), TlsFault::Authority);
    let by_address = to(&format!("wss://127.0.0.1:{port}/ws/lobby"));
    let by_address = by_address.tls_ca(scene.authority.path("ca.pem"));
    assert_eq!(fault(by_address), TlsFault::Name);
    // Several authorities add up.
    greeted(wss(&scene, "/ws/lobby").tls_ca(other.path("ca.pem")));
    wait_until("one is counted", || scene.server.counters().opened == 1);
}

#[test]
fn the_platforms_authorities_do_not_include_that_of_a_test() {
    let scene = Scene::new();
    let port = scene.https().port();
    match to(&format!("wss://localhost:{port}/")).connect() {
        Ok(mut client) => {
            let (why, _) = reason(&mut client);
            assert!(matches!(why, Reason::Tls(TlsFault::Authority)), "{why}");
        }
        // A host without any says how to get some.
        Err(BuildError::Tls(none)) => assert!(none.to_string().contains("ca-certificates")),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn an_expired_certificate_is_reported() {
    let authority = Authority::new("authority");
    for (years, expected) in [
        ((1990, 2000), TlsFault::Expired),
        ((2990, 3000), TlsFault::Early),
    ] {
        authority.sign_between("host", &["localhost"], years);
        let tls = authority.settings("host");
        let builder = Server::builder().shards(1).pin(false);
        let server = Running::start(builder.listen(Listener::http(ANY).tls(tls)));
        let client = to(&format!("wss://localhost:{}/", server.http().port()));
        assert_eq!(fault(client.tls_ca(authority.path("ca.pem"))), expected);
    }
}

#[test]
fn a_client_sends_its_certificate_if_one_is_required() {
    let authority = Authority::new("authority");
    authority.sign("host", "host", &["localhost"]);
    authority.sign("device", "device-7", &[]);
    let authorities = authority.path("ca.pem");
    let tls = authority.settings("host");
    let tls = tls.client_auth(ClientAuth::Required { authorities });
    let builder = Server::builder().shards(1).pin(false);
    let server = Running::start(builder.listen(Listener::http(ANY).tls(tls)));
    let url = format!("wss://localhost:{}/echo", server.http().port());
    let client = || to(&url).tls_ca(authority.path("ca.pem"));
    assert_eq!(fault(client()), TlsFault::Anonymous);
    let [chain, key] = ["device.pem", "device.key"].map(|file| authority.path(file));
    let mut shown = greeted(client().tls_client_cert(chain, key));
    shown.send(Kind::Text, b"me", in_a_while()).unwrap();
    assert_eq!(message(&mut shown).1, b"me");
}

#[test]
fn a_client_reconnects_to_another_server_on_the_same_address() {
    let scene = Scene::new();
    let (https, tcps_addr) = (scene.https(), scene.tcps());
    let clients = [greeted(wss(&scene, "/ws/lobby")), greeted(tcps(&scene))];
    let tls = scene.authority.settings("host");
    check_return(clients, scene.server, || {
        let http = Listener::http(https).tls(tls.clone());
        let tcp = Listener::tcp(tcps_addr, "lobby").tls(tls.clone());
        let server = Server::builder().shards(2).pin(false);
        server.listen(http).listen(tcp)
    });
}

#[test]
fn a_client_reconnects_with_its_ticket() {
    let scene = Scene::new();
    let mut client = greeted(wss(&scene, "/sub/room").retry_refusals(true));
    client.send(Kind::Text, b"not here", in_a_while()).unwrap();
    let (why, retry_in) = reason(&mut client);
    assert!(retry_in.is_some(), "{why}");
    assert!(matches!(next(&mut client), Event::Connected { .. }));
    wait_until("counted", || scene.server.counters().tls_handshakes == 2);
    assert_eq!(scene.server.counters().tls_resumptions, 1);
}

#[test]
fn a_drained_server_says_so_and_is_answered() {
    let scene = Scene::new();
    let mut client = greeted(wss(&scene, "/ws"));
    scene.server.handle().drain();
    let (why, retry_in) = reason(&mut client);
    let code = Some(1001);
    assert!(
        matches!(why, Reason::Closed { code: it, .. } if it == code),
        "{why}"
    );
    assert!(retry_in.is_some());
    scene.server.join();
}

/// A server that takes one connection, says `word` and nothing more until the other side ends.
fn mute(word: &'static [u8]) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind(ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(word).unwrap();
        let _ended = stream.read_to_end(&mut Vec::new());
    });
    (addr, server)
}

#[test]
fn the_handshake_has_a_timeout_and_a_port_without_tls_is_reported() {
    let authority = Authority::new("authority");
    let dial = |addr: SocketAddr| {
        let builder = to(&format!("tcps://{addr}")).tls_ca(authority.path("ca.pem"));
        builder.reconnect(false)
    };
    let (addr, server) = mute(b"");
    let mut client = dial(addr).handshake_timeout(SHORT).connect().unwrap();
    let (why, _) = reason(&mut client);
    assert!(
        matches!(why, Reason::Timeout(TimeoutKind::Handshake)),
        "{why}"
    );
    drop(client);
    server.join().unwrap();

    let (addr, server) = mute(&[0; 4]);
    let mut client = dial(addr).connect().unwrap();
    let (why, _) = reason(&mut client);
    assert!(matches!(why, Reason::Tls(TlsFault::Nonsense)), "{why}");
    drop(client);
    server.join().unwrap();

    // A call has its own deadline, whatever the handshake waits for.
    let (addr, server) = mute(b"");
    let mut client = dial(addr).connect().unwrap();
    assert!(client.recv(now() + SHORT).is_err());
    assert!(client.send(Kind::Binary, b"x", now() + SHORT).is_err());
    drop(client);
    server.join().unwrap();
}

#[test]
fn what_cannot_be_used_is_said_before_the_first_attempt() {
    let authority = Authority::new("authority");
    let refused = |builder: ClientBuilder| match builder.connect() {
        Err(BuildError::Tls(why)) => why.to_string(),
        other => panic!("{other:?}"),
    };
    let none = authority.path("none.pem");
    let why = refused(to("wss://a").tls_ca(none.clone()));
    assert!(why.contains("none.pem"), "{why}");
    let ca = authority.path("ca.pem");
    let why = refused(to("wss://a").tls_ca(ca.clone()).tls_client_cert(&ca, &ca));
    assert!(why.contains("no private key"), "{why}");
    let why = refused(to("tcps://a..b:1").tls_ca(ca));
    assert!(why.contains("a..b"), "{why}");
    // Without TLS they are not read.
    assert!(to("ws://a").tls_ca(none).connect().is_ok());
    assert_eq!(Client::builder("tcps://a").unwrap_err(), UrlError::Port);
}
