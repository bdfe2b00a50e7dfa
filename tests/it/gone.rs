//! Connections that are over: they hold no place, and hold up no other.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use corecast::{Balance, Config, Framing, Kind, Limit, Listener, Rate, Server};

use crate::support::framed::{Framed, frame};
use crate::support::http::{read_answer, upgrade_request};
use crate::support::raw_ws::{FIN, RawWs, TEXT, masked};
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::{dial, reset, send_with_end};
use crate::support::wait::wait_until;

fn with(config: Config) -> Running {
    Running::start(builder(2).config(config))
}

fn rate(per_second: u32, burst: u32) -> Option<Rate> {
    let burst = burst.try_into().unwrap();
    Rate::per_second(per_second).map(|rate| Rate { burst, ..rate })
}

fn is_served(stream: &mut TcpStream) -> bool {
    let request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request).unwrap();
    read_answer(stream).status == 200
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
        assert!(is_served(&mut asking));
        // The end of its side is not that of a subscriber.
        let mut subscriber = dial(server.tcp());
        send_with_end(&mut subscriber, &frame(Framing::LengthPrefix, b"x"));
        let mut subscriber = Framed::greeted(subscriber, Framing::LengthPrefix);
        assert_eq!(subscriber.next(), b"x");
        reset(subscriber.into_stream());
        let mut again = dial(server.http());
        assert!(is_served(&mut again));
    }
}

#[test]
fn a_connection_that_ends_while_it_waits_for_the_rate_does_not_count() {
    let server = with(Config {
        accept_rate: rate(1, 1),
        ..Config::default()
    });
    let _first = RawWs::connect(server.http(), "/ws");
    // They are held, one on each shard and listener, and leave others behind them.
    let waiting: Vec<TcpStream> = (0..100).map(|_| dial(server.http())).collect();
    wait_until("some wait", || {
        1 <= server.counters().limited[Limit::AcceptRate.index()]
    });
    waiting.into_iter().for_each(reset);
    assert!(is_served(&mut dial(server.http())));
}

#[test]
fn a_connection_that_is_reset_while_it_waits_is_gone() {
    let server = with(Config {
        message_rate: rate(1, 1),
        ..Config::default()
    });
    let messages = frame(Framing::LengthPrefix, b"message").repeat(100);
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
    // Each shard tells its count after the turn that greets.
    wait_until("both are counted", || server.counters().connections == 2);
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
