//! The client of this package over real sockets: with its own server, and with servers that are
//! silent, gone, or something else.

mod ends;
mod messages;
mod positions;
mod tls;
#[cfg(feature = "auth")]
mod token;

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use corecast::client::{Client, ClientBuilder, Event, Reason};
use corecast::{Kind, ServerBuilder};

use crate::support::server::{Running, try_start};
use crate::support::wait::{in_a_while, wait_until};

pub(crate) const SHORT: Duration = Duration::from_millis(20);

pub(crate) fn to(url: &str) -> ClientBuilder {
    Client::builder(url).unwrap().backoff(SHORT, SHORT)
}

pub(crate) fn ws(addr: SocketAddr, path: &str) -> Client {
    greeted(to(&format!("ws://{addr}{path}")))
}

pub(crate) fn tcp(addr: SocketAddr) -> Client {
    greeted(to(&format!("tcp://{addr}")))
}

pub(crate) fn greeted(builder: ClientBuilder) -> Client {
    let mut client = builder.connect().unwrap();
    match next(&mut client) {
        Event::Connected { attempts: 1, .. } => client,
        other => panic!("not connected: {other:?}"),
    }
}

pub(crate) fn next(client: &mut Client) -> Event {
    client.recv(in_a_while()).expect("an event")
}

pub(crate) fn message(client: &mut Client) -> (Kind, Vec<u8>) {
    match next(client) {
        Event::Message { kind, payload, .. } => (kind, payload),
        other => panic!("not a message: {other:?}"),
    }
}

/// One client sends so many messages, and another has them in order.
pub(crate) fn check_order(from: &mut Client, mut at: Client, messages: u32) {
    let receiver = thread::spawn(move || {
        for n in 0..messages {
            assert_eq!(message(&mut at).1, n.to_be_bytes());
        }
    });
    for n in 0..messages {
        let payload = n.to_be_bytes();
        from.send(Kind::Binary, &payload, in_a_while()).unwrap();
    }
    receiver.join().unwrap();
}

/// A web client and a device lose their server, and come back to another in its place.
pub(crate) fn check_return(
    mut clients: [Client; 2],
    server: Running,
    again: impl Fn() -> ServerBuilder,
) {
    drop(server);
    for client in &mut clients {
        let (why, retry_in) = reason(client);
        assert!(retry_in.is_some(), "{why}");
    }
    // Their attempts meanwhile must not keep the port busy.
    let mut another = None;
    wait_until("the ports are free", || {
        another = try_start(again()).ok();
        another.is_some()
    });
    let another = another.expect("it has started");
    for client in &mut clients {
        let attempts = loop {
            match next(client) {
                Event::Connected { attempts, .. } => break attempts,
                Event::Disconnected { retry_in, .. } => assert!(retry_in.is_some()),
                other => panic!("{other:?}"),
            }
        };
        assert!(1 <= attempts);
    }
    let [web, device] = &mut clients;
    web.send(Kind::Text, b"again", in_a_while()).unwrap();
    assert_eq!(message(device).1, b"again");
    another.handle().stop();
    another.join().unwrap();
}

/// Why it is not connected, which must be next.
pub(crate) fn reason(client: &mut Client) -> (Reason, Option<Duration>) {
    match next(client) {
        Event::Disconnected { reason, retry_in } => (reason, retry_in),
        other => panic!("not disconnected: {other:?}"),
    }
}
