//! Listeners with TLS over real sockets: what goes through is what goes through without.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use corecast::{CloseReason, Config, Kind, Listener, ServerBuilder, SlowConsumer};
use rustls::ClientConfig;

use crate::support::http::{ask, read_answer};
use crate::support::length_prefix::LengthPrefix;
use crate::support::raw_ws::{BINARY, CLOSE, FIN, RawWs, TEXT};
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::{dial, dial_small, read_to_the_end};
use crate::support::tls::{Authority, EACH, Tls, shake};
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

    fn with(set: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let authority = Authority::new("authority");
        authority.sign("host", "host", &["localhost"]);
        let tls = authority.settings("host");
        let builder = builder(2)
            .listen(Listener::http(ANY).tls(tls.clone()))
            .listen(Listener::tcp(ANY, "lobby").tls(tls));
        Self {
            server: Running::start(set(builder)),
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

    fn dial(&self, addr: SocketAddr) -> Tls {
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
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
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
fn one_who_says_goodbye_is_answered_so() {
    let scene = Scene::new();
    let mut ws = RawWs::over(scene.dial(scene.https()), "/ws/lobby");
    ws.send(FIN | CLOSE, &1000_u16.to_be_bytes());
    assert_eq!(ws.expect_close().0, 1000);
    let mut tls = ws.into_stream();
    assert_eq!(tls.read(&mut [0]).unwrap(), 0, "a clean end");
    scene.wait_for_close(CloseReason::Client, 1);
}

#[test]
fn one_who_closes_its_side_still_gets_what_is_published() {
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
fn an_end_that_nobody_announced_counts_as_vanished() {
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
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).unwrap();
    let told = read_to_the_end(&mut stream);
    assert_eq!(told[..2], [21, 3], "an alert: {told:?}");
    scene.wait_for_close(CloseReason::Tls, 1);
}

#[test]
fn a_handshake_that_is_cut_off_leaves_nothing() {
    let scene = Scene::new();
    let mut client = crate::support::tls::client(&scene.config, "localhost");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
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
    let mut client = crate::support::tls::client(&scene.config, "localhost");
    client.write_tls(&mut hello).unwrap();
    halfway.write_all(&hello).unwrap();
    assert!(!read_to_the_end(&mut halfway).is_empty());
    for stream in &mut silent {
        assert!(read_to_the_end(stream).is_empty(), "no word outside TLS");
    }
    scene.wait_for_close(CloseReason::HandshakeTimeout, 3);
}

#[test]
fn a_subscriber_that_stops_reading_pays_alone() {
    const MANY: u32 = 4_000;
    for slow_consumer in [
        SlowConsumer::DropOldest,
        SlowConsumer::Latest,
        SlowConsumer::DropNewest,
        SlowConsumer::Disconnect,
    ] {
        let config = Config {
            slow_consumer,
            log_bytes_max: 256 << 10,
            ..Config::default()
        };
        let scene = Scene::with(|builder| builder.config(config));
        let mut healthy = LengthPrefix::greeted(scene.dial(scene.tcps()));
        let small = shake(dial_small(scene.https()), &scene.config, "localhost").unwrap();
        let mut stopped = RawWs::over(small, "/sub/lobby");
        let mut message = vec![b'.'; 1_000];
        for number in 0..MANY {
            message[..4].copy_from_slice(&number.to_be_bytes());
            scene.server.publish("lobby", Kind::Binary, &message);
            assert_eq!(healthy.next(), message);
        }
        let mut got = Vec::new();
        let last = loop {
            match stopped.next() {
                (first, payload) if first == FIN | BINARY => {
                    assert!(payload[4..].iter().all(|&byte| byte == b'.'), "torn");
                    got.push(u32::from_be_bytes(*payload.first_chunk().unwrap()));
                }
                (first, payload) => break (first, payload),
            }
            if got.last() == Some(&(MANY - 1)) {
                break (FIN | BINARY, Vec::new());
            }
            if slow_consumer == SlowConsumer::DropNewest
                && got.len() as u64 == u64::from(MANY) - scene.server.counters().skipped
            {
                break (FIN | BINARY, Vec::new());
            }
        };
        assert!(got.is_sorted_by(|one, next| one < next));
        assert_eq!(got[0], 0, "what the socket took");
        let skipped = scene.server.counters().skipped;
        if slow_consumer == SlowConsumer::Disconnect {
            assert_eq!(
                (last.0, &last.1[..2]),
                (FIN | CLOSE, &1013_u16.to_be_bytes()[..])
            );
            assert_eq!(skipped, 0);
        } else {
            assert!(0 < skipped, "{slow_consumer:?}");
            assert_eq!(
                skipped + got.len() as u64,
                u64::from(MANY),
                "{slow_consumer:?}"
            );
        }
    }
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
