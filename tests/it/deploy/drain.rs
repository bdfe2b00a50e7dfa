//! The stop of the program: every client is told, and it ends in time.

use std::io::Write;
use std::iter;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use corecast::proto::ws::close::retry_after;
use rustix::process::Signal;
use tungstenite::Message;

use crate::deploy::count;
use crate::support::http::read_head;
use crate::support::length_prefix::LengthPrefix;
use crate::support::program::Program;
use crate::support::socket::{dial, read_to_the_end};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

/// Clients that receive what is published to one topic, by each protocol.
struct Crowd {
    websockets: Vec<Ws>,
    events: Vec<TcpStream>,
    devices: Vec<LengthPrefix<TcpStream>>,
    sessions: Vec<Ws>,
}

impl Crowd {
    fn connect(http: SocketAddr, tcp: SocketAddr) -> Self {
        let few = || 0..FEW;
        let session = |_| {
            let mut ws = Ws::connect(http, "/connection/websocket");
            ws.send_text(r#"{"id":1,"connect":{}}"#);
            assert!(ws.next_text().contains("connect"));
            ws
        };
        let stream = |_| {
            let mut stream = dial(http);
            let accept = "Host: a\r\nAccept: text/event-stream";
            write!(stream, "GET /sse/load HTTP/1.1\r\n{accept}\r\n\r\n").unwrap();
            assert_eq!(read_head(&mut stream).status, 200);
            stream
        };
        Self {
            websockets: (0..count())
                .map(|_| Ws::connect(http, "/sub/load"))
                .collect(),
            events: few().map(stream).collect(),
            devices: few().map(|_| LengthPrefix::connect(tcp)).collect(),
            sessions: few().map(session).collect(),
        }
    }
}

/// Publishes until it is told to go, and says how many messages have come back.
fn publish(http: SocketAddr, published: &AtomicU32) {
    let mut ws = Ws::connect(http, "/ws/load");
    for number in 1.. {
        ws.send_text(&number.to_string());
        match ws.next() {
            Message::Text(text) => assert_eq!(text.as_str(), number.to_string()),
            end => return assert!(matches!(end, Message::Close(_)), "{end:?}"),
        }
        published.store(number, Ordering::Relaxed);
    }
}

/// The messages of a client from the first on, and what it was told after them.
fn heard(client: &mut Ws) -> (u32, u16, String) {
    for number in 1.. {
        match client.next() {
            Message::Text(text) => assert_eq!(text.as_str(), number.to_string(), "none is lost"),
            Message::Close(Some(close)) => {
                return (
                    number - 1,
                    close.code.into(),
                    close.reason.as_str().to_owned(),
                );
            }
            other => panic!("{other:?}"),
        }
    }
    unreachable!("it ends")
}

#[test]
fn every_client_is_told_to_come_back_and_when_and_no_message_is_lost() {
    let (mut program, http, tcp) = Program::serve(&["--shards", "2", "--tcp-topic", "load"]);
    let mut crowd = Crowd::connect(http, tcp);
    let published = AtomicU32::new(0);
    let before = thread::scope(|scope| {
        scope.spawn(|| publish(http, &published));
        wait_until("some are published", || {
            10 < published.load(Ordering::Relaxed)
        });
        let before = published.load(Ordering::Relaxed);
        program.signal(Signal::TERM);
        program.wait_for("draining");
        before
    });
    // No second waits for many more clients than a server opens in one.
    let mut seconds = vec![0; 62];
    for client in &mut crowd.websockets {
        let (last, code, reason) = heard(client);
        let after = retry_after(&reason).unwrap_or_else(|| panic!("{code}: {reason}"));
        assert_eq!(code, 1001);
        assert!(before <= last, "{last} of {before}");
        seconds[usize::try_from(after.as_secs()).unwrap()] += 1;
    }
    assert!(seconds.iter().all(|count| *count <= 5_000), "{seconds:?}");
    for stream in &mut crowd.events {
        let told = String::from_utf8(read_to_the_end(stream)).unwrap();
        let mut retries = told.lines().filter_map(|line| line.strip_prefix("retry: "));
        let last = retries.next_back().unwrap().parse::<u64>().unwrap();
        assert!((1_000..=61_000).contains(&last), "{told}");
        assert!(told.contains(&format!("data: {before}\n")), "{told}");
    }
    for device in &mut crowd.devices {
        let last = iter::from_fn(|| device.next_or_end()).count();
        assert!(
            usize::try_from(before).unwrap() <= last,
            "{last} of {before}"
        );
    }
    for session in &mut crowd.sessions {
        assert_eq!(session.expect_close(), (3001, "shutdown".to_owned()));
    }
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

/// Connections of each protocol beside those that are many.
const FEW: usize = 5;

#[test]
fn a_client_that_reads_nothing_does_not_keep_a_program_beyond_its_deadline() {
    let limits = [("CORECAST_TIMEOUTS_DRAIN", "1s")];
    let (mut program, http, _) = Program::serve_limited_by(1024, &["--shards", "2"], &limits);
    let (mut ws, _slow) = Ws::with_slow(http);
    program.signal(Signal::TERM);
    program.wait_for("draining");
    assert_eq!(ws.expect_close().0, 1001);
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn connections_that_have_lived_their_time_are_told_to_connect_again() {
    let lifetime = [("CORECAST_TIMEOUTS_MAX_LIFETIME", "1s")];
    let (_program, http, _) = Program::serve_limited_by(1024, &["--shards", "2"], &lifetime);
    let mut clients = [(); 3].map(|()| Ws::connect(http, "/ws/a"));
    for client in &mut clients {
        let (code, reason) = client.expect_close();
        assert_eq!(code, 1001);
        assert_eq!(reason, "the connection has lived its time; connect again");
        assert_eq!(retry_after(&reason), None::<Duration>);
    }
}
