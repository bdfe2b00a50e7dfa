//! Behind proxies: the PROXY protocol, `X-Forwarded-For`, and limits of clients.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use corecast::{Config, Framing, Listener, Server, ServerBuilder};

use crate::support::framed::{Framed, frame};
use crate::support::http::read_answer;
use crate::support::server::{ANY, Running};
use crate::support::socket::{dial, read_to_the_end, send_with_end};
use crate::support::wait::wait_until;
use crate::support::whence::{PeerInfo, dial_from};

/// Trusted by these servers.
const PROXY: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Not trusted.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.9 4711 80\r\n";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn config() -> Config {
    Config {
        trusted_proxies: [format!("{PROXY}/32").parse().unwrap()]
            .into_iter()
            .collect(),
        ..Config::default()
    }
}

/// A server with the PROXY protocol on its listeners: HTTP, length-prefixed, lines.
fn builder() -> ServerBuilder {
    let lines = Listener::tcp(ANY, "lobby").framing(Framing::Line);
    Server::builder()
        .shards(2)
        .pin(false)
        .listen(Listener::http(ANY).proxy_protocol(true))
        .listen(Listener::tcp(ANY, "lobby").proxy_protocol(true))
        .listen(lines.proxy_protocol(true))
}

fn start(config: Config) -> Running {
    Running::with(builder().config(config), |_| PeerInfo)
}

fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let len = u16::try_from(block.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &len, block].concat()
}

fn ask(mut stream: TcpStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).unwrap();
    read_answer(&mut stream).body.trim_end().to_owned()
}

#[test]
fn a_request_comes_from_the_client_that_the_proxy_names() {
    let server = start(config());
    let v6 = [
        &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..],
        &[0; 16],
        &[0x12, 0x67, 0, 80],
        // An extension without a meaning.
        &[0x04, 0, 1, b'x'],
    ];
    let v4 = [192, 0, 2, 8, 198, 51, 100, 9, 0x12, 0x67, 0, 80];
    for (header, expected) in [
        (LINE.to_vec(), "192.0.2.7:4711"),
        (binary(0x21, 0x11, &v4), "192.0.2.8:4711"),
        (binary(0x21, 0x21, &v6.concat()), "[2001:db8::1]:4711"),
    ] {
        let whence = ask(dial(server.http()), &[&header, GET].concat());
        assert_eq!(whence, expected);
        let stream = dial(server.tcp());
        (&stream).write_all(&header).unwrap();
        let mut device = Framed::over(stream, Framing::LengthPrefix);
        assert_eq!(device.next(), b"", "the first frame is empty");
        assert_eq!(device.next(), expected.as_bytes());
    }
}

#[test]
fn a_proxy_without_a_client_or_with_an_unnamed_client_has_its_own_address() {
    let server = start(config());
    for (header, is_believed) in [
        (binary(0x20, 0, &[]), true),
        (b"PROXY UNKNOWN\r\n".to_vec(), false),
        (binary(0x21, 0, &[]), false),
    ] {
        let own = |request: &[u8]| {
            let stream = dial(server.http());
            let own = stream.local_addr().unwrap().to_string();
            ask(stream, &[&header, request].concat()) == own
        };
        assert!(own(GET), "{header:?}");
        // Of a proxy, or of a client that may write anything.
        let forwarded = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n";
        assert_eq!(own(forwarded), !is_believed, "{header:?}");
    }
}

#[test]
fn a_header_may_come_in_any_pieces_and_with_what_follows() {
    let server = start(config());
    let whole = [LINE, &frame(Framing::LengthPrefix, b"hello")].concat();
    for cut in 1..whole.len() {
        let mut stream = dial(server.tcp());
        stream.write_all(&whole[..cut]).unwrap();
        if cut == LINE.len() {
            wait_until("open", || 0 < server.counters().opened);
        }
        send_with_end(&mut stream, &whole[cut..]);
        let mut device = Framed::greeted(stream, Framing::LengthPrefix);
        assert_eq!(device.next(), b"192.0.2.7:4711", "cut at {cut}");
        assert_eq!(device.next(), b"hello", "cut at {cut}");
    }
}

#[test]
fn a_proxy_without_a_header_is_cut_off() {
    let server = start(config());
    for bytes in [GET, b"PROXY nonsense\r\n", b"\0\0\0\0", b"PROXY TCP4 1.2.3"] {
        for addr in [server.http(), server.tcp()] {
            let mut stream = dial(addr);
            send_with_end(&mut stream, bytes);
            assert_eq!(read_to_the_end(&mut stream), b"", "{bytes:?}");
        }
    }
    assert_eq!(server.counters().opened, 0);
    wait_until("all gone", || server.counters().connections == 0);
}

#[test]
fn a_proxy_that_says_nothing_is_cut_off_in_time() {
    let server = start(Config {
        handshake_timeout: Duration::from_millis(200),
        ..config()
    });
    let mut stream = dial(server.tcp());
    stream.write_all(b"PROXY").unwrap();
    assert_eq!(read_to_the_end(&mut stream), b"");
}

#[test]
fn a_client_that_is_no_proxy_is_served_and_must_not_send_a_header() {
    let server = start(config());
    let [first, lines] = *server.tcp_addrs() else {
        panic!("two listeners");
    };
    let stranger = |addr: SocketAddr| dial_from(STRANGER, addr);
    let whence = ask(stranger(server.http()), GET);
    assert!(whence.starts_with(&format!("{STRANGER}:")), "{whence}");
    for addr in [server.http(), first, lines] {
        for header in [LINE.to_vec(), binary(0x20, 0, &[])] {
            for cut in [1, 5, 6, header.len()] {
                let mut stream = stranger(addr);
                stream.write_all(&header[..cut]).unwrap();
                send_with_end(&mut stream, &[&header[cut..], GET].concat());
                let came = read_to_the_end(&mut stream);
                let came = String::from_utf8_lossy(&came);
                assert!(!came.contains("192.0.2.7"), "{came}");
                assert!(
                    !came.contains("200 OK") && !came.contains("PROXY"),
                    "{came}"
                );
            }
        }
    }
    let mut device = Framed::greeted(stranger(lines), Framing::Line);
    device.next();
    device.send(b"PROSE is no header");
    assert_eq!(device.next(), b"PROSE is no header");
}

#[test]
fn forwarded_addresses_are_believed_of_proxies_alone() {
    let server = Running::with(
        Server::builder()
            .shards(1)
            .pin(false)
            .http(ANY)
            .config(config()),
        |_| PeerInfo,
    );
    let get = |fields: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let forwarded = get("X-Forwarded-For: 203.0.113.5, 192.0.2.9, 127.0.0.1\r\n");
    let whence = ask(dial(server.http()), forwarded.as_bytes());
    assert_eq!(whence, "192.0.2.9:0");
    let stranger = dial_from(STRANGER, server.http());
    let own = stranger.local_addr().unwrap().to_string();
    assert_eq!(ask(stranger, forwarded.as_bytes()), own);
    let stream = dial(server.http());
    let own = stream.local_addr().unwrap().to_string();
    assert_eq!(ask(stream, get("").as_bytes()), own);
}
