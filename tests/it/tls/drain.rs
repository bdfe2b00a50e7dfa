//! Handshakes that are under way when the server goes.

use std::io::ErrorKind::UnexpectedEof;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use corecast::{CloseReason, Config, Listener};
use rustls::ClientConnection;

use crate::support::server::ANY;
use crate::support::socket::{dial, is_reset, read_to_the_end};
use crate::support::tls::{EACH, Tls, client};
use crate::support::wait::wait_until;
use crate::tls::served::Scene;

const HEADER: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.9 4711 443\r\n";

fn hello(scene: &Scene) -> Vec<u8> {
    let mut hello = Vec::new();
    client(&scene.config, "localhost")
        .write_tls(&mut hello)
        .unwrap();
    hello
}

/// Drains, and waits until no shard listens any more.
fn drain(scene: &Scene, addrs: &[SocketAddr]) {
    scene.server.handle().drain();
    for addr in addrs {
        wait_until("nobody listens", || TcpStream::connect(addr).is_err());
    }
}

#[test]
fn a_header_that_arrives_after_the_listener_has_closed_is_ignored() {
    let scene = Scene::with_tls(|builder, tls| {
        let trusted = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
        builder
            .listen(Listener::http(ANY).tls(tls.clone()).proxy_protocol(true))
            .listen(Listener::tcp(ANY, "lobby").proxy_protocol(true).tls(tls))
            .config(Config {
                trusted_proxies: trusted,
                ..Config::default()
            })
    });
    let addrs = [scene.server.http_addrs()[2], scene.server.tcp_addrs()[2]];
    let (front, rest) = HEADER.split_at(20);
    let said = [rest, &hello(&scene)].concat();
    let mut waiting = addrs.map(|addr| {
        let mut stream = dial(addr);
        stream.write_all(front).unwrap();
        stream
    });
    wait_until("accepted", || scene.server.counters().accepted == 2);
    drain(&scene, &addrs);
    for stream in &mut waiting {
        // It may be gone already.
        let _cut = stream.write_all(&said);
        assert_eq!(read_to_the_end(stream), b"", "no word outside TLS");
    }
    drop(waiting);
    scene.server.join();
}

/// What a request gets whose handshake was not over when the server began to go: an answer, or
/// the end of the stream.
fn finish(mut tls: ClientConnection, mut stream: TcpStream) -> io::Result<Vec<u8>> {
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)?;
    }
    let mut tls = Tls::new(tls, stream);
    tls.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut all = Vec::new();
    tls.read_to_end(&mut all)?;
    Ok(all)
}

#[test]
fn a_handshake_under_way_is_finished_or_cut_off() {
    for versions in EACH {
        let mut scene = Scene::new();
        scene.config = Arc::new(scene.authority.trusting(versions, None));
        let shaking: Vec<_> = (0..16)
            .map(|_| {
                let mut stream = dial(scene.https());
                let mut tls = client(&scene.config, "localhost");
                tls.write_tls(&mut stream).unwrap();
                tls.read_tls(&mut stream).unwrap();
                (tls, stream)
            })
            .collect();
        drain(&scene, &[scene.https()]);
        for (mut tls, stream) in shaking {
            let finished = tls.process_new_packets().map_err(io::Error::other);
            match finished.and_then(|_| finish(tls, stream)) {
                Ok(answer) => assert!(answer.starts_with(b"HTTP/1.1 "), "{answer:?}"),
                Err(err) => assert!(is_reset(&err) || err.kind() == UnexpectedEof, "{err}"),
            }
        }
        let closed = |reason: CloseReason| scene.server.counters().closed[reason.index()];
        wait_until("all gone", || scene.server.counters().connections == 0);
        assert_eq!(closed(CloseReason::Tls), 0);
        scene.server.join();
    }
}

#[test]
fn queued_connections_are_accepted_before_the_listener_closes() {
    const CROWD: u64 = 100;
    let scene = Scene::with(|builder| builder.shards(1));
    let hello = hello(&scene);
    let mut crowd: Vec<TcpStream> = (0..CROWD).map(|_| dial(scene.tcps())).collect();
    for stream in &mut crowd {
        stream.write_all(&hello).unwrap();
    }
    drain(&scene, &[]);
    wait_until("all are taken", || {
        CROWD <= scene.server.counters().accepted
    });
    for stream in &mut crowd {
        // An answer to the hello, or the end: those are the first bytes of a record.
        let told = read_to_the_end(stream);
        assert!(told.is_empty() || told.starts_with(&[22, 3, 3]), "{told:?}");
    }
    drop(crowd);
    scene.server.join();
}
