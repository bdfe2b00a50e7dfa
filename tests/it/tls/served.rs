//! Listeners with TLS over real sockets: what goes through is what goes through without.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use corecast::tls::TlsSettings;
use corecast::{CloseReason, Config, Handler, Kind, Listener, Relay, ServerBuilder, ShardId};
use rustls::ClientConfig;

use crate::support::http::{ask, read_answer};
use crate::support::length_prefix::LengthPrefix;
use crate::support::raw_ws::{BINARY, CLOSE, FIN, RawWs, TEXT};
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::tls::{Authority, EACH, Tls, client, shake};
use crate::support::wait::wait_until;

/// A server with plain ports and, second of their kind, the same with TLS.
pub(crate) struct Scene {
    pub(crate) server: Running,
    pub(crate) config: Arc<ClientConfig>,
    /// Its files are gone with it.
    pub(crate) authority: Authority,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(set: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self::with_tls(|builder, _| set(builder))
    }

    /// With the settings of its listeners for others.
    pub(crate) fn with_tls(set: impl FnOnce(ServerBuilder, TlsSettings) -> ServerBuilder) -> Self {
        Self::build(set, |_| Relay::default())
    }

    pub(crate) fn with_handler<H: Handler>(
        make: impl Fn(ShardId) -> H + Send + Clone + 'static,
    ) -> Self {
        Self::build(|builder, _| builder, make)
    }

    fn build<H: Handler>(
        set: impl FnOnce(ServerBuilder, TlsSettings) -> ServerBuilder,
        make: impl Fn(ShardId) -> H + Send + Clone + 'static,
    ) -> Self {
        let authority = Authority::new("authority");
        authority.sign("host", "host", &["localhost"]);
        let tls = authority.settings("host");
        let builder = builder(2)
            .listen(Listener::http(ANY).tls(tls.clone()))
            .listen(Listener::tcp(ANY, "lobby").tls(tls.clone()));
        Self {
            server: Running::with(set(builder, tls), make),
            config: Arc::new(authority.trusting(EACH[0], None)),
            authority,
        }
    }

    pub(crate) fn https(&self) -> SocketAddr {
        self.server.http_addrs()[1]
    }

    pub(crate) fn tcps(&self) -> SocketAddr {
        self.server.tcp_addrs()[1]
    }

    pub(crate) fn dial(&self, addr: SocketAddr) -> Tls {
        shake(dial(addr), &self.config, "localhost").unwrap()
    }

    fn wait_for_close(&self, reason: CloseReason, count: u64) {
        wait_until(reason.label(), || {
            self.server.counters().closed[reason.index()] == count
        });
    }
}

#[test]
fn messages_reach_every_listener_from_every_listener() {
    let mut scene = Scene::new();
    for versions in EACH {
        scene.config = Arc::new(scene.authority.trusting(versions, None));
        let mut plain = RawWs::connect(scene.server.http(), "/ws/lobby");
        let mut secure = RawWs::over(scene.dial(scene.https()), "/ws/lobby");
        let mut device = LengthPrefix::greeted(scene.dial(scene.tcps()));
        // A record, many records, and more than the sockets hold.
        for len in [1, 5_000, 16_384, 16_385, 70_000, 900_000] {
            let message: Vec<u8> = (0..len).map(|at: u32| at.to_le_bytes()[0]).collect();
            for sender in 0..3 {
                match sender {
                    0 => plain.send(FIN | BINARY, &message),
                    1 => secure.send(FIN | BINARY, &message),
                    _ => device.send(&message),
                }
                let expected = (FIN | BINARY, message.clone());
                assert!(plain.next() == expected, "{len} bytes from {sender}");
                assert!(secure.next() == expected, "{len} bytes from {sender}");
                assert!(device.next() == message, "{len} bytes from {sender}");
            }
        }
    }
    assert_eq!(scene.server.counters().tls_handshakes, 4);
}

#[test]
fn a_page_comes_whole_with_a_clean_end() {
    let scene = Scene::new();
    for path in ["/", "/healthz", "/nowhere"] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let expected = ask(scene.server.http(), &request);
        let mut tls = scene.dial(scene.https());
        tls.write_all(request.as_bytes()).unwrap();
        // An end without a close_notify would be an error here.
        let mut all = Vec::new();
        tls.read_to_end(&mut all).unwrap();
        let answer = read_answer(&mut &all[..]);
        assert_eq!(answer.head, expected.head);
        assert_eq!(answer.body, expected.body);
    }
}

#[test]
fn a_close_notify_is_answered() {
    let scene = Scene::new();
    let mut ws = RawWs::over(scene.dial(scene.https()), "/ws/lobby");
    ws.send(FIN | CLOSE, &1000_u16.to_be_bytes());
    assert_eq!(ws.expect_close().0, 1000);
    let mut tls = ws.into_stream();
    assert_eq!(tls.read(&mut [0]).unwrap(), 0, "a clean end");
    scene.wait_for_close(CloseReason::Client, 1);
}

#[test]
fn a_tls_client_that_closes_its_side_still_receives() {
    let scene = Scene::new();
    let mut device = LengthPrefix::greeted(scene.dial(scene.tcps()));
    device.send(b"the last of mine");
    assert_eq!(device.next(), b"the last of mine");
    let mut tls = device.into_stream();
    tls.conn.send_close_notify();
    tls.flush().unwrap();
    tls.sock.shutdown(Shutdown::Write).unwrap();
    scene.server.publish("lobby", Kind::Binary, b"one more");
    let mut device = LengthPrefix::over(tls);
    assert_eq!(device.next(), b"one more");
}

#[test]
fn before_tls_1_3_closing_one_side_closes_both() {
    let mut scene = Scene::new();
    scene.config = Arc::new(scene.authority.trusting(EACH[1], None));
    let device = LengthPrefix::greeted(scene.dial(scene.tcps()));
    let mut tls = device.into_stream();
    tls.conn.send_close_notify();
    tls.flush().unwrap();
    assert_eq!(tls.read(&mut [0]).unwrap(), 0, "a clean end");
    scene.wait_for_close(CloseReason::Client, 1);
}

#[test]
fn an_end_without_close_notify_counts_as_vanished() {
    let scene = Scene::new();
    let device = LengthPrefix::greeted(scene.dial(scene.tcps()));
    let tls = device.into_stream();
    tls.sock.shutdown(Shutdown::Write).unwrap();
    scene.wait_for_close(CloseReason::Vanished, 1);
}

#[test]
fn plain_http_on_a_tls_port_gets_an_alert() {
    let scene = Scene::new();
    let mut stream = dial(scene.https());
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let told = read_to_the_end(&mut stream);
    assert_eq!(told[..2], [21, 3], "an alert: {told:?}");
    scene.wait_for_close(CloseReason::Tls, 1);
}

#[test]
fn a_handshake_that_is_cut_off_leaves_nothing() {
    let scene = Scene::new();
    let mut tls = client(&scene.config, "localhost");
    let mut hello = Vec::new();
    tls.write_tls(&mut hello).unwrap();
    for len in [0, 1, 5, 100, hello.len() - 1, hello.len()] {
        let mut stream = dial(scene.https());
        stream.write_all(&hello[..len]).unwrap();
        drop(stream);
    }
    wait_until("all are gone", || {
        let counters = scene.server.counters();
        counters.connections == 0 && counters.closed.iter().sum::<u64>() == 6
    });
    // One of them had been answered, and that answer was not read.
    drop(scene.dial(scene.https()));
}

#[test]
fn a_handshake_has_its_time() {
    let config = Config {
        handshake_timeout: Duration::from_millis(200),
        ..Config::default()
    };
    let scene = Scene::with(|builder| builder.config(config));
    let mut silent = [dial(scene.https()), dial(scene.tcps())];
    let mut halfway = dial(scene.tcps());
    let mut hello = Vec::new();
    let mut tls = client(&scene.config, "localhost");
    tls.write_tls(&mut hello).unwrap();
    halfway.write_all(&hello).unwrap();
    assert!(!read_to_the_end(&mut halfway).is_empty());
    for stream in &mut silent {
        assert!(read_to_the_end(stream).is_empty(), "no word outside TLS");
    }
    scene.wait_for_close(CloseReason::HandshakeTimeout, 3);
}

#[test]
fn a_drain_says_goodbye() {
    let scene = Scene::new();
    let mut ws = RawWs::over(scene.dial(scene.https()), "/sub/lobby");
    let handshaking = dial(scene.https());
    scene.server.publish("lobby", Kind::Text, b"before");
    scene.server.handle().drain();
    assert_eq!(ws.next(), (FIN | TEXT, b"before".to_vec()));
    assert_eq!(ws.expect_close().0, 1001);
    let mut tls = ws.into_stream();
    assert_eq!(tls.read(&mut [0]).unwrap(), 0, "a clean end");
    drop((tls, handshaking));
    scene.server.join();
}
