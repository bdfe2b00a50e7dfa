//! Connections one after the other in the same places: none meets what another has left.

use std::io::Write;
use std::net::TcpStream;

use corecast::{Config, Listener};

use crate::support::raw_ws::{BINARY, FIN, RawWs};
use crate::support::server::ANY;
use crate::support::socket::{dial, dial_small, reset};
use crate::support::tls::{Tls, client, shake};
use crate::support::wait::wait_until;
use crate::tls::served::Scene;

/// On one shard, so that each takes the place of another; behind its own listeners one with the
/// PROXY protocol, whose connections have no session before they have said their header.
fn scene() -> Scene {
    Scene::with_tls(|builder, tls| {
        let proxied = Listener::http(ANY).tls(tls).proxy_protocol(true);
        builder.shards(1).listen(proxied).config(Config {
            trusted_proxies: ["127.0.0.0/8".parse().unwrap()].into_iter().collect(),
            ..Config::default()
        })
    })
}

const HEADER: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.9 4711 443\r\n";

/// Connections that end in the middle of something.
struct Tenants<'s> {
    scene: &'s Scene,
    hello: Vec<u8>,
}

impl Tenants<'_> {
    fn new(scene: &Scene) -> Tenants<'_> {
        let mut hello = Vec::new();
        client(&scene.config, "localhost")
            .write_tls(&mut hello)
            .unwrap();
        Tenants { scene, hello }
    }

    /// One of each kind, in turn.
    fn come(&self, number: usize) -> TcpStream {
        let (https, proxied) = (self.scene.https(), self.scene.server.http_addrs()[2]);
        let saying = |addr, bytes: &[u8]| {
            let mut stream = dial(addr);
            stream.write_all(bytes).unwrap();
            stream
        };
        match number % 7 {
            0 => saying(self.scene.server.http(), b"GET / HT"),
            1 => saying(https, &self.hello[..self.hello.len() / 2]),
            2 => saying(https, &self.hello),
            3 => saying(proxied, &HEADER[..20]),
            4 => saying(proxied, &[HEADER, &self.hello].concat()),
            5 => self.scene.dial(https).sock,
            // Has sealed bytes that its socket does not take.
            _ => {
                let stream = dial_small(https);
                let tls = shake(stream, &self.scene.config, "localhost").unwrap();
                let mut ws = RawWs::over(tls, "/echo");
                ws.send(FIN | BINARY, &vec![7; 900_000]);
                ws.into_stream().sock
            }
        }
    }
}

/// Sends a unique message, and receives it.
fn speak<S: std::io::Read + Write>(stream: S, number: usize) {
    let mut ws = RawWs::over(stream, "/echo");
    let said = number.to_be_bytes().repeat(1 + number % 5_000);
    ws.send(FIN | BINARY, &said);
    assert!(ws.next() == (FIN | BINARY, said), "newcomer {number}");
}

#[test]
fn a_newcomer_meets_nothing_of_the_tenant_before() {
    const PLACES: usize = 28;
    let scene = scene();
    let tenants = Tenants::new(&scene);
    let proxied = |bytes: &[u8]| -> Tls {
        let mut stream = dial(scene.server.http_addrs()[2]);
        stream.write_all(bytes).unwrap();
        shake(stream, &scene.config, "localhost").unwrap()
    };
    for round in 0..12 {
        let before: Vec<TcpStream> = (0..PLACES).map(|it| tenants.come(it + round)).collect();
        before.into_iter().for_each(reset);
        if round % 2 == 0 {
            // Otherwise some of them still wait for their turn.
            wait_until("all gone", || scene.server.counters().connections == 0);
        }
        for number in (0..PLACES).map(|place| 1 + round * PLACES + place) {
            match number % 3 {
                0 => speak(dial(scene.server.http()), number),
                1 => speak(scene.dial(scene.https()), number),
                _ => speak(proxied(HEADER), number),
            }
        }
    }
    wait_until("all gone", || scene.server.counters().connections == 0);
}
