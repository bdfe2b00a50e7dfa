//! Who is let in, and how fast what they send is taken.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};

use corecast::{
    Balance, BeyondRate, CloseReason, Config, Framing, Kind, Limit, Listener, Networks, Rate,
    Server, ServerBuilder,
};

use crate::support::framed::{Framed, frame};
use crate::support::http::{read_answer, upgrade_request};
use crate::support::raw_ws::{FIN, RawWs, TEXT, masked};
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::{dial, read_to_the_end, reset, send_with_end};
use crate::support::wait::wait_until;
use crate::support::whence::dial_from;

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn two_of_each() -> Config {
    Config {
        connections_per_address_max: Some(2),
        ..Config::default()
    }
}

fn refused(addr: SocketAddr, request: &str) -> u16 {
    let mut stream = dial(addr);
    // One too many may be answered and closed before it asks.
    let _cut = stream.write_all(request.as_bytes());
    read_answer(&mut stream).status
}

#[test]
fn an_address_has_so_many_connections_and_others_have_theirs() {
    let server = Running::start(builder(2).config(two_of_each()));
    let first = RawWs::connect(server.http(), "/ws");
    let device = Framed::connect(server.tcp(), Framing::LengthPrefix);
    // The end of its side is not that of a device: it has to break off.
    let leave = |device: Framed| reset(device.into_stream());
    assert_eq!(refused(server.http(), &upgrade_request("/ws")), 429);
    assert_eq!(read_to_the_end(&mut dial(server.tcp())), b"");
    for _ in 0..2 {
        let elsewhere = dial_from(ELSEWHERE, server.tcp());
        leave(Framed::greeted(elsewhere, Framing::LengthPrefix));
    }
    leave(device);
    drop(first);
    wait_until("all gone", || server.counters().connections == 0);
    let _first = RawWs::connect(server.http(), "/ws");
    let _second = RawWs::connect(server.http(), "/ws");
    assert_eq!(refused(server.http(), &upgrade_request("/ws")), 429);
    let crowded = || server.counters().closed[CloseReason::Crowded.index()];
    wait_until("counted", || crowded() == 3);
}

#[test]
fn those_turned_away_do_not_take_the_places_of_others() {
    let server = builder(1).connections_max(4).config(two_of_each());
    let server = Running::start(server);
    let _two = [0; 2].map(|_| RawWs::connect(server.http(), "/ws"));
    for _ in 0..100 {
        assert_eq!(read_to_the_end(&mut dial(server.tcp())), b"");
    }
    let _others = [0; 2].map(|_| {
        let elsewhere = dial_from(ELSEWHERE, server.tcp());
        Framed::greeted(elsewhere, Framing::LengthPrefix)
    });
}

#[test]
fn a_proxy_has_no_limit_but_those_have_for_whom_it_speaks() {
    let trusted: Networks = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
    let config = Config {
        trusted_proxies: trusted,
        ..two_of_each()
    };
    let server: ServerBuilder = Server::builder().shards(2).pin(false).http(ANY);
    let server = Running::start(server.config(config));
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
    format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
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
        // For all of these nobody but the proxy can have a limit.
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

fn rate(per_second: u32, burst: u32) -> Option<Rate> {
    let burst = burst.try_into().unwrap();
    Rate::per_second(per_second).map(|rate| Rate { burst, ..rate })
}

fn limited(server: &Running, limit: Limit) -> u64 {
    server.counters().limited[limit.index()]
}

fn with(config: Config) -> Running {
    Running::start(builder(2).config(config))
}

fn messages(names: &[&str]) -> Vec<u8> {
    let frames = names
        .iter()
        .map(|name| frame(Framing::LengthPrefix, name.as_bytes()));
    frames.collect::<Vec<_>>().concat()
}

#[test]
fn beyond_its_rate_a_publisher_waits_and_loses_nothing() {
    let server = with(Config {
        message_rate: rate(50, 2),
        ..Config::default()
    });
    let mut device = Framed::connect(server.tcp(), Framing::LengthPrefix);
    device.send_bytes(&messages(&["a", "b", "c", "d", "e", "f"]));
    for name in ["a", "b", "c", "d", "e", "f"] {
        assert_eq!(device.next(), name.as_bytes());
    }
    wait_until("counted", || 1 <= limited(&server, Limit::RateWait));
}

#[test]
fn beyond_its_rate_a_message_is_dropped_where_that_is_the_rule() {
    for (message_rate, byte_rate) in [(rate(1, 2), None), (None, rate(1, 2))] {
        let server = with(Config {
            message_rate,
            byte_rate,
            beyond_rate: BeyondRate::Drop,
            ..Config::default()
        });
        let mut device = Framed::connect(server.tcp(), Framing::LengthPrefix);
        let mut other = Framed::connect(server.tcp(), Framing::LengthPrefix);
        device.send_bytes(&messages(&["a", "b", "c", "d", "e"]));
        wait_until("counted", || limited(&server, Limit::RateDrop) == 3);
        other.send(b"z");
        for name in ["a", "b", "z"] {
            assert_eq!(device.next(), name.as_bytes());
        }
    }
}

#[test]
fn beyond_its_rate_a_connection_is_closed_where_that_is_the_rule() {
    let server = with(Config {
        byte_rate: rate(10, 100),
        beyond_rate: BeyondRate::Close,
        ..Config::default()
    });
    let mut client = RawWs::connect(server.http(), "/pub/a");
    let fine = masked(FIN | TEXT, &[b'x'; 100]);
    client.send_bytes(&[&fine[..], &fine].concat());
    let (code, _) = client.expect_close();
    assert_eq!(code, 1008);
    let mut device = Framed::connect(server.tcp(), Framing::LengthPrefix);
    device.send(&[b'x'; 100]);
    assert_eq!(device.next(), [b'x'; 100]);
    device.send(&[b'x'; 100]);
    assert_eq!(device.next_or_end(), None);
    let closed = || server.counters().closed[CloseReason::RateLimit.index()];
    wait_until("counted", || closed() == 2);
}

#[test]
fn connections_beyond_the_rate_are_accepted_later() {
    let config = Config {
        accept_rate: rate(5, 1),
        ..Config::default()
    };
    let server = Running::start(builder(1).config(config));
    // Before any of them is accepted.
    let streams: Vec<_> = (0..4)
        .map(|at| dial([server.tcp(), server.http()][at % 2]))
        .collect();
    for (at, mut stream) in streams.into_iter().enumerate() {
        if at % 2 == 0 {
            Framed::greeted(stream, Framing::LengthPrefix);
        } else {
            stream.write_all(upgrade_request("/ws").as_bytes()).unwrap();
            RawWs::upgraded(stream);
        }
    }
    assert!(1 <= limited(&server, Limit::AcceptRate));
}

#[test]
fn connections_that_are_over_do_not_count_for_the_rate() {
    for balance in [Balance::Hash, Balance::Even] {
        let server = Running::start(
            Server::builder()
                .shards(1)
                .pin(false)
                .listen(Listener::http(ANY).balance(balance))
                .listen(Listener::tcp(ANY, "lobby").balance(balance))
                .config(Config {
                    accept_rate: rate(1, 2),
                    ..Config::default()
                }),
        );
        // Each of them would take a second, and so longer than a test waits.
        for _ in 0..150 {
            reset(dial(server.http()));
            drop(dial(server.http()));
            reset(dial(server.tcp()));
        }
        let mut asking = dial(server.http());
        assert_eq!(status(&mut asking, &get("")), 200);
        // The end of its side is not that of a subscriber.
        let mut subscriber = dial(server.tcp());
        send_with_end(&mut subscriber, &frame(Framing::LengthPrefix, b"x"));
        let mut subscriber = Framed::greeted(subscriber, Framing::LengthPrefix);
        assert_eq!(subscriber.next(), b"x");
        reset(subscriber.into_stream());
        let mut again = dial(server.http());
        assert_eq!(status(&mut again, &get("")), 200);
    }
}

#[test]
fn one_that_waits_for_the_rate_and_goes_does_not_count() {
    let server = with(Config {
        accept_rate: rate(1, 1),
        ..Config::default()
    });
    let _first = RawWs::connect(server.http(), "/ws");
    // They are held, one on each shard and listener, and leave others behind them.
    let waiting: Vec<TcpStream> = (0..100).map(|_| dial(server.http())).collect();
    wait_until("some wait", || 1 <= limited(&server, Limit::AcceptRate));
    waiting.into_iter().for_each(reset);
    assert_eq!(status(&mut dial(server.http()), &get("")), 200);
}

#[test]
fn a_connection_that_is_reset_while_it_waits_is_gone() {
    let server = with(Config {
        message_rate: rate(1, 1),
        ..Config::default()
    });
    let messages = messages(&["message"; 100]);
    for waits_before in [true, false] {
        let mut clients: Vec<TcpStream> = (0..4).map(|_| dial(server.tcp())).collect();
        let mut pages: Vec<TcpStream> = (0..4).map(|_| dial(server.http())).collect();
        for client in &mut clients {
            client.write_all(&messages).unwrap();
        }
        for page in &mut pages {
            page.write_all(upgrade_request("/ws").as_bytes()).unwrap();
            page.write_all(&masked(FIN | TEXT, b"x").repeat(100))
                .unwrap();
        }
        if waits_before {
            wait_until("all wait", || server.counters().paused == 8);
        }
        clients.into_iter().chain(pages).for_each(reset);
        wait_until("gone", || {
            let counters = server.counters();
            counters.connections == 0 && counters.paused == 0
        });
    }
    // None of them was at its end.
    assert!(server.counters().published < 8 * 2 * 50);
}

#[test]
fn a_device_that_has_closed_its_socket_is_gone_soon() {
    let server = Running::start(builder(2));
    let [listening, closing] = [0; 2].map(|_| Framed::connect(server.tcp(), Framing::LengthPrefix));
    // To the server both are the same at first: the end of a stream, and no reset.
    drop(closing);
    let stream = listening.into_stream();
    stream.shutdown(Shutdown::Write).unwrap();
    wait_until("it is gone", || server.counters().connections == 1);
    let mut listening = Framed::over(stream, Framing::LengthPrefix);
    // It is asked by heartbeats, and has what is published as before.
    assert_eq!(listening.next(), b"");
    server.publish("lobby", Kind::Text, b"hello");
    loop {
        match &*listening.next() {
            b"" => {}
            message => break assert_eq!(message, b"hello"),
        }
    }
    assert_eq!(server.counters().connections, 1);
}
