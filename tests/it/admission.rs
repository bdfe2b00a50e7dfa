//! Limits of connections, and rates of connections and messages.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

use corecast::{BeyondRate, CloseReason, Config, Framing, Limit, Rate};

use crate::support::framed::{Framed, frame};
use crate::support::http::{read_answer, upgrade_request};
use crate::support::raw_ws::{FIN, RawWs, TEXT, masked};
use crate::support::server::{Running, builder};
use crate::support::socket::{dial, read_to_the_end, reset};
use crate::support::wait::wait_until;
use crate::support::whence::dial_from;

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

pub(crate) fn two_of_each() -> Config {
    Config {
        connections_per_address_max: Some(2),
        ..Config::default()
    }
}

pub(crate) fn refused(addr: SocketAddr, request: &str) -> u16 {
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
fn refused_connections_do_not_take_the_places_of_others() {
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
