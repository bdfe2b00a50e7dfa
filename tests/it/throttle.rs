//! Clients that open connections too often.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use corecast::auth::Denial;
use corecast::{CloseReason, Config, Framing, Listener, Networks, Rate, Server};

use crate::support::framed::Framed;
use crate::support::http::{read_head, upgrade_request};
use crate::support::raw_ws::RawWs;
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::dial;
use crate::support::tls::{Authority, EACH, client};
use crate::support::wait::wait_until;
use crate::support::whence::dial_from;

const EVENTS: &str = "GET /sse/a HTTP/1.1\r\nHost: test\r\n\r\n";
/// More than a burst, and more than a second gives back.
const MANY: usize = 100;

/// Each address may open two connections at once, and one more each second.
fn throttled() -> Config {
    let two = NonZeroU32::new(2).unwrap();
    Config {
        open_rate_per_address: Rate::per_second(1).map(|rate| Rate { burst: two, ..rate }),
        ..Config::default()
    }
}

fn denied(server: &Running) -> u64 {
    server.counters().denied[Denial::Throttled.index()]
}

/// The status of a request on a connection of its own, and its `Retry-After`.
fn status(addr: SocketAddr, request: &str) -> (u16, Option<u64>) {
    let mut stream = dial(addr);
    stream.write_all(request.as_bytes()).unwrap();
    let answer = read_head(&mut stream);
    let wait = answer.field("retry-after");
    (answer.status, wait.map(|secs| secs.parse().unwrap()))
}

/// Opens until that is refused; some were opened before.
fn refused(open: impl Fn() -> bool) {
    let opened = (0..MANY).take_while(|_| open()).count();
    assert!((1..MANY).contains(&opened), "{opened}");
}

#[test]
fn an_address_that_opens_too_often_is_told_when_to_come_back() {
    for (request, opened) in [(&*upgrade_request("/ws"), 101), (EVENTS, 200)] {
        let server = Running::start(builder(2).config(throttled()));
        refused(|| match status(server.http(), request) {
            (429, Some(secs)) => {
                assert!((1..=5).contains(&secs), "{secs}");
                false
            }
            answer => {
                assert_eq!(answer, (opened, None));
                true
            }
        });
        wait_until("counted", || denied(&server) == 1);
        // Others open, and requests that open nothing are answered.
        let mut other = dial_from([127, 0, 0, 2].into(), server.http());
        other.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_head(&mut other).status, opened);
        for _ in 0..5 {
            let page = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
            assert_eq!(status(server.http(), page).0, 200);
        }
    }
}

#[test]
fn a_device_that_connects_too_often_is_closed() {
    let server = Running::start(builder(2).config(throttled()));
    refused(|| {
        let greeting = dial(server.tcp()).read_exact(&mut [0; 4]);
        greeting.is_ok()
    });
    let _other = Framed::greeted(
        dial_from([127, 0, 0, 2].into(), server.tcp()),
        Framing::LengthPrefix,
    );
    let closed = || server.counters().closed[CloseReason::Throttled.index()];
    wait_until("counted", || closed() == 1 && denied(&server) == 1);
}

#[test]
fn over_tls_devices_are_closed_before_the_handshake_and_others_answered_after_it() {
    let authority = Authority::new("throttle");
    authority.sign("host", "host", &["localhost"]);
    let tls = authority.settings("host");
    let server = Server::builder()
        .shards(2)
        .pin(false)
        .listen(Listener::http(ANY).tls(tls.clone()))
        .listen(Listener::tcp(ANY, "lobby").tls(tls))
        .config(throttled());
    let server = Running::start(server);
    let config = Arc::new(authority.trusting(EACH[0], None));
    refused(|| {
        let mut stream = dial(server.tcp());
        let mut session = client(&config, "localhost");
        let opened = session.complete_io(&mut stream).is_ok();
        if !opened {
            // No byte of a handshake.
            assert!(session.is_handshaking());
            assert!(session.peer_certificates().is_none());
        }
        opened
    });
    let shaken = server.counters().tls_handshakes;
    let mut answers = (0..MANY).map(|_| {
        let mut stream = dial(server.http());
        let mut session = client(&config, "localhost");
        let mut stream = rustls::Stream::new(&mut session, &mut stream);
        stream.write_all(EVENTS.as_bytes()).unwrap();
        read_head(&mut stream).status
    });
    assert!(answers.any(|status| status == 429));
    wait_until("shaken", || shaken < server.counters().tls_handshakes);
}

#[test]
fn behind_a_proxy_the_client_that_it_names_is_throttled() {
    let trusted: Networks = ["127.0.0.1/32".parse().unwrap()].into_iter().collect();
    let server = Running::start(builder(2).config(Config {
        trusted_proxies: trusted,
        ..throttled()
    }));
    let request = |client: &str| {
        let field = format!("Host: test\r\nX-Forwarded-For: {client}\r\n");
        upgrade_request("/ws").replacen("Host: test\r\n", &field, 1)
    };
    refused(|| status(server.http(), &request("2001:db8:0:1::1")).0 == 101);
    // An IPv6 client has all addresses of its network, and another network is another client.
    let mut neighbours = (0..MANY).map(|_| status(server.http(), &request("2001:db8:0:1::2")).0);
    assert!(neighbours.any(|status| status == 429));
    assert_eq!(status(server.http(), &request("2001:db8:0:2::1")).0, 101);
    // The proxy itself has no rate.
    let _own: Vec<RawWs> = (0..10)
        .map(|_| RawWs::connect(server.http(), "/ws"))
        .collect();
    // Another peer cannot choose its address.
    refused(|| {
        let mut stream = dial_from([127, 0, 0, 2].into(), server.http());
        let forged = request(&format!(
            "192.0.2.{}",
            stream.local_addr().unwrap().port() % 250
        ));
        stream.write_all(forged.as_bytes()).unwrap();
        read_head(&mut stream).status == 101
    });
}
