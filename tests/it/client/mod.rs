//! The client of this package over real sockets: with its own server, and with servers that are
//! silent, gone, or something else.

mod ends;
mod messages;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use corecast::Kind;
use corecast::client::{Client, ClientBuilder, Event, Reason};

use crate::support::wait::in_a_while;

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
        Event::Message { kind, payload } => (kind, payload),
        other => panic!("not a message: {other:?}"),
    }
}

/// Why it is not connected, which must be next.
pub(crate) fn reason(client: &mut Client) -> (Reason, Option<Duration>) {
    match next(client) {
        Event::Disconnected { reason, retry_in } => (reason, retry_in),
        other => panic!("not disconnected: {other:?}"),
    }
}
