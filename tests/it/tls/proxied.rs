//! The PROXY protocol around TLS: the header comes first and in clear, then the handshake.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;

use corecast::{CloseReason, Config, Listener, Server};
use rustls::ClientConfig;

use crate::support::http::{Answer, read_answer};
use crate::support::length_prefix::LengthPrefix;
use crate::support::server::{ANY, Running};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::tls::{Authority, EACH, Tls, client, shake};
use crate::support::wait::wait_until;
use crate::support::whence::{PeerInfo, dial_from};

/// Not trusted.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.9 4711 443\r\n";
/// The same of port 4712 in binary.
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\
    \xc0\0\x02\x07\xc6\x33\x64\x09\x12\x68\x01\xbb";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A server with TLS and the PROXY protocol on both its listeners.
struct Scene {
    server: Running,
    config: Arc<ClientConfig>,
    authority: Authority,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new("authority");
        authority.sign("host", "host", &["localhost"]);
        let tls = authority.settings("host");
        let http = Listener::http(ANY).tls(tls.clone());
        let tcp = Listener::tcp(ANY, "lobby").tls(tls);
        let builder = Server::builder()
            .shards(2)
            .pin(false)
            .listen(http.proxy_protocol(true))
            .listen(tcp.proxy_protocol(true))
            .config(Config {
                trusted_proxies: ["127.0.0.1/32".parse().unwrap()].into_iter().collect(),
                connections_per_address_max: Some(2),
                ..Config::default()
            });
        Self {
            server: Running::with(builder, |_| PeerInfo),
            config: Arc::new(authority.trusting(EACH[0], None)),
            authority,
        }
    }

    /// Shakes hands behind what was sent.
    fn shake(&self, stream: TcpStream) -> Tls {
        shake(stream, &self.config, "localhost").unwrap()
    }

    fn closed(&self, reason: CloseReason) -> u64 {
        self.server.counters().closed[reason.index()]
    }
}

fn ask(tls: &mut Tls) -> Answer {
    tls.write_all(GET).unwrap();
    read_answer(tls)
}

#[test]
fn a_header_goes_before_the_handshake() {
    let mut scene = Scene::new();
    for versions in EACH {
        scene.config = Arc::new(scene.authority.trusting(versions, None));
        for (header, expected) in [(LINE, "192.0.2.7:4711"), (BINARY, "192.0.2.7:4712")] {
            let mut stream = dial(scene.server.http());
            stream.write_all(header).unwrap();
            let mut tls = scene.shake(stream);
            assert_eq!(ask(&mut tls).body.trim_end(), expected);
            let mut stream = dial(scene.server.tcp());
            stream.write_all(header).unwrap();
            let mut device = LengthPrefix::greeted(scene.shake(stream));
            assert_eq!(device.next(), expected.as_bytes());
            device.send(b"hello");
            assert_eq!(device.next(), b"hello");
            drop((tls, device));
            wait_until("its address has none", || {
                scene.server.counters().connections == 0
            });
        }
    }
}

#[test]
fn a_header_and_the_hello_may_be_cut_anywhere() {
    let scene = Scene::new();
    for header in [LINE, BINARY] {
        let len = header.len();
        // Within the header, at its end, within the record's header behind it, and not at all.
        for cut in [
            1,
            5,
            12,
            16,
            len - 1,
            len,
            len + 1,
            len + 5,
            len + 6,
            usize::MAX,
        ] {
            let mut tls = client(&scene.config, "localhost");
            let mut said = header.to_vec();
            tls.write_tls(&mut said).unwrap();
            let before = scene.server.counters().accepted;
            let mut stream = dial(scene.server.tcp());
            let (front, rest) = said.split_at(cut.min(said.len()));
            stream.write_all(front).unwrap();
            wait_until("it is looked at", || {
                before < scene.server.counters().accepted
            });
            stream.write_all(rest).unwrap();
            while tls.is_handshaking() {
                tls.complete_io(&mut stream).unwrap();
            }
            let mut device = LengthPrefix::greeted(Tls::new(tls, stream));
            assert!(device.next().starts_with(b"192.0.2.7:471"), "cut at {cut}");
            drop(device);
            // Its address may have two, and one may last a while.
            wait_until("it is gone", || scene.server.counters().connections == 0);
        }
    }
}

#[test]
fn the_address_that_counts_is_the_one_in_the_header() {
    let scene = Scene::new();
    let dial = |header: &[u8]| {
        let mut stream = dial(scene.server.tcp());
        stream.write_all(header).unwrap();
        stream
    };
    let _two = [LINE, BINARY].map(|header| LengthPrefix::greeted(scene.shake(dial(header))));
    assert_eq!(read_to_the_end(&mut dial(LINE)), b"", "no word outside TLS");
    wait_until("counted", || scene.closed(CloseReason::Crowded) == 1);
    let other = b"PROXY TCP4 192.0.2.8 198.51.100.9 4711 443\r\n";
    LengthPrefix::greeted(scene.shake(dial(other)));
}

#[test]
fn a_proxy_that_begins_with_tls_is_cut_off() {
    let scene = Scene::new();
    let mut tls = client(&scene.config, "localhost");
    let mut hello = Vec::new();
    tls.write_tls(&mut hello).unwrap();
    for addr in [scene.server.http(), scene.server.tcp()] {
        let mut stream = dial(addr);
        stream.write_all(&hello).unwrap();
        assert_eq!(read_to_the_end(&mut stream), b"");
    }
    wait_until("counted", || scene.closed(CloseReason::Proxy) == 2);
    assert_eq!(scene.server.counters().tls_handshakes, 0);
}

#[test]
fn a_tls_client_that_is_no_proxy_must_not_send_a_header() {
    let scene = Scene::new();
    let stranger = |addr: SocketAddr| dial_from(STRANGER, addr);
    let stream = stranger(scene.server.http());
    let own = stream.local_addr().unwrap().to_string();
    let mut first = scene.shake(stream);
    assert_eq!(ask(&mut first).body.trim_end(), own);

    // It is no ClientHello: what is told is an alert.
    for (done, header) in (1..).zip([LINE, BINARY]) {
        let mut stream = stranger(scene.server.tcp());
        let mut said = header.to_vec();
        let mut tls = client(&scene.config, "localhost");
        tls.write_tls(&mut said).unwrap();
        // A connection that is closed may not be able to send everything.
        let _cut = stream.write_all(&said);
        let told = read_to_the_end(&mut stream);
        assert!(told.is_empty() || told.starts_with(&[21, 3]), "{told:?}");
        wait_until("counted", || scene.closed(CloseReason::Tls) == done);
        wait_until("it is gone", || scene.server.counters().connections == 1);
    }

    // And it is its own address that has two connections, whatever it says.
    let second = LengthPrefix::greeted(scene.shake(stranger(scene.server.tcp())));
    let mut third = stranger(scene.server.tcp());
    let _cut = third.write_all(LINE);
    assert_eq!(read_to_the_end(&mut third), b"");
    wait_until("counted", || scene.closed(CloseReason::Crowded) == 1);
    let mut proxied = dial(scene.server.tcp());
    proxied.write_all(LINE).unwrap();
    let mut proxied = LengthPrefix::greeted(scene.shake(proxied));
    assert_eq!(proxied.next(), b"192.0.2.7:4711");
    drop((first, second));
}
