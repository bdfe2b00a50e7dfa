//! The limit of connections per address, behind proxies.

use std::io::Write;
use std::net::TcpStream;

use corecast::{Config, Framing, Listener, Networks, Server, ServerBuilder};

use crate::admission::{refused, two_of_each};
use crate::support::framed::Framed;
use crate::support::http::{read_answer, upgrade_request};
use crate::support::raw_ws::RawWs;
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::wait::wait_until;

#[test]
fn a_proxy_has_no_limit_but_its_clients_have() {
    let server: ServerBuilder = Server::builder().shards(2).pin(false).http(ANY);
    let server = Running::start(server.config(behind_proxies()));
    let request = |client: &str| {
        let request = upgrade_request("/ws");
        let field = format!("X-Forwarded-For: {client}\r\n\r\n");
        request.replacen("\r\n\r\n", &format!("\r\n{field}"), 1)
    };
    let open = |client: &str| {
        let mut stream = dial(server.http());
        stream.write_all(request(client).as_bytes()).unwrap();
        RawWs::upgraded(stream)
    };
    let _open: Vec<RawWs> = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"]
        .map(open)
        .into();
    let _its_own = [0; 5].map(|_| RawWs::connect(server.http(), "/ws"));
    assert_eq!(refused(server.http(), &request("192.0.2.1")), 429);
    assert_eq!(refused(server.http(), &request("192.0.2.2")), 429);
    let _third = open("192.0.2.3");
}

/// Trusts all of this host, and lets each address have two connections.
fn behind_proxies() -> Config {
    let trusted: Networks = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
    Config {
        trusted_proxies: trusted,
        ..two_of_each()
    }
}

fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn status(stream: &mut TcpStream, request: &str) -> u16 {
    stream.write_all(request.as_bytes()).unwrap();
    read_answer(stream).status
}

#[test]
fn a_client_has_one_limit_in_every_form_that_proxies_write() {
    let server = Running::start(builder(1).http(ANY).config(behind_proxies()));
    let upgrade = |field: &str| {
        let fields = format!("\r\n{field}\r\n\r\n");
        upgrade_request("/ws").replacen("\r\n\r\n", &fields, 1)
    };
    let open = |field: &str| {
        let mut stream = dial(server.http());
        stream.write_all(upgrade(field).as_bytes()).unwrap();
        RawWs::upgraded(stream)
    };
    for forms in [
        &[
            "X-Forwarded-For: [2001:db8::1]",
            "X-Forwarded-For: \"[2001:db8::2]:4711\"",
            "X-Forwarded-For: 2001:db8::3%eth0",
            "X-Forwarded-For: 2001:db8::4,",
            "Forwarded: for=\"[2001:db8::5]:_http\";proto=https",
        ][..],
        &[
            "X-Forwarded-For: 192.0.2.1",
            "X-Forwarded-For: ::ffff:192.0.2.1",
            "X-Forwarded-For: \"192.0.2.1:80\"",
            "Forwarded: proto=http;For=192.0.2.1",
        ],
        // For all of these only the proxy can have a limit.
        &[
            "X-Forwarded-For: unknown",
            "X-Forwarded-For: _hidden",
            "X-Forwarded-For: ,",
            "X-Forwarded-For:",
            "Forwarded: for=unknown",
            "Forwarded: proto=https",
        ],
    ] {
        let _two = [open(forms[0]), open(forms[1])];
        for form in forms {
            assert_eq!(refused(server.http(), &upgrade(form)), 429, "{form}");
        }
    }
    // It asks for itself, and has none.
    let _own = [0; 3].map(|_| RawWs::connect(server.http(), "/ws"));
}

#[test]
fn a_connection_that_a_proxy_keeps_counts_for_the_request_in_hand_alone() {
    let server = Running::start(builder(1).http(ANY).config(behind_proxies()));
    let of = |client: u8| get(&format!("X-Forwarded-For: 192.0.2.{client}\r\n"));
    let mut pool: Vec<TcpStream> = (0..4).map(|_| dial(server.http())).collect();
    for stream in &mut pool {
        assert_eq!(status(stream, &of(1)), 200);
    }
    for client in [2, 1, 3, 1] {
        let unnamed = get("X-Forwarded-For: unknown\r\n");
        for stream in &mut pool {
            assert_eq!(status(stream, &of(client)), 200);
            assert_eq!(status(stream, &unnamed), 200);
        }
    }
    // Two that stay are two that count, over connections that others have had.
    let upgrade = upgrade_request("/ws").replacen("\r\n", "\r\nX-Forwarded-For: 192.0.2.1\r\n", 1);
    let _two = [0; 2].map(|_| {
        let mut stream = pool.pop().unwrap();
        stream.write_all(upgrade.as_bytes()).unwrap();
        RawWs::upgraded(stream)
    });
    assert_eq!(status(&mut pool[0], &of(1)), 429);
    assert_eq!(status(&mut pool[1], &of(2)), 200);
}

#[test]
fn what_a_proxy_header_does_not_name_counts_for_the_proxy() {
    let listener = Listener::tcp(ANY, "lobby").proxy_protocol(true);
    let server = Running::start(builder(1).listen(listener).config(behind_proxies()));
    let addr = server.tcp_addrs()[1];
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let unix = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8"[..], &[b'/'; 216]].concat();
    let open = |header: &[u8]| {
        let mut stream = dial(addr);
        stream.write_all(header).unwrap();
        stream
    };
    let greeted = |header: &[u8]| Framed::greeted(open(header), Framing::LengthPrefix);
    let _two = [greeted(b"PROXY UNKNOWN\r\n"), greeted(&unix)];
    assert_eq!(read_to_the_end(&mut open(&unix)), b"");
    assert_eq!(read_to_the_end(&mut open(b"PROXY UNKNOWN\r\n")), b"");
    let _own = [0; 3].map(|_| greeted(local));
}

#[test]
fn a_client_without_a_name_counts_for_the_proxy_as_long_as_its_connection_lasts() {
    let listener = Listener::http(ANY).proxy_protocol(true);
    let server = Server::builder().shards(1).pin(false).listen(listener);
    let server = Running::start(server.config(behind_proxies()));
    let unix = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8"[..], &[b'/'; 216]].concat();
    let open = |header: &[u8]| {
        let mut stream = dial(server.http());
        stream.write_all(header).unwrap();
        stream
    };
    let [mut kept, mut upgraded] = [b"PROXY UNKNOWN\r\n", &unix[..]].map(open);
    let asks = || status(&mut open(&unix), &get(""));
    // It may write any field.
    let names = get("X-Forwarded-For: 192.0.2.1\r\n");
    for request in [get(""), names.clone(), get(""), names] {
        assert_eq!(status(&mut kept, &request), 200);
        assert_eq!(status(&mut upgraded, &request), 200);
        assert_eq!(asks(), 429, "after {request}");
    }
    upgraded
        .write_all(upgrade_request("/ws").as_bytes())
        .unwrap();
    let _upgraded = RawWs::upgraded(upgraded);
    assert_eq!(asks(), 429);
    drop(kept);
    wait_until("one is gone", || server.counters().connections == 1);
    assert_eq!(asks(), 200);
}
