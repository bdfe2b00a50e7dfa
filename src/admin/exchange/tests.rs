use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::*;

fn date() -> Date {
    Date::since_1970(Duration::ZERO)
}

fn pair() -> (UnixStream, UnixStream) {
    let (stream, client) = UnixStream::pair().unwrap();
    stream.set_nonblocking(true).unwrap();
    (stream, client)
}

fn echo(request: &Request<'_>) -> Response {
    Response::text(200, &format!("{} {}", request.method, request.path))
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let (mut stream, mut client) = pair();
    let mut exchange = Exchange::default();
    let request = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    for (at, byte) in request.iter().enumerate() {
        assert_eq!(
            exchange.advance(&mut stream, date(), echo),
            Step::Asking,
            "{at}"
        );
        client.write_all(&[*byte]).unwrap();
    }
    assert_eq!(exchange.advance(&mut stream, date(), echo), Step::Lingering);
    drop(stream);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nGET /livez\n"), "{answer}");
}

#[test]
fn an_answer_waits_for_a_slow_reader() {
    let (mut stream, mut client) = pair();
    let mut exchange = Exchange::default();
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let long = |_: &Request<'_>| Response::text(200, &"x".repeat(4 << 20));
    assert_eq!(exchange.advance(&mut stream, date(), long), Step::Answering);
    assert_eq!(exchange.advance(&mut stream, date(), long), Step::Answering);
    let reader = std::thread::spawn(move || {
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        answer.len()
    });
    while exchange.advance(&mut stream, date(), long) == Step::Answering {
        std::thread::yield_now();
    }
    assert_eq!(exchange.step(), Step::Lingering);
    drop(stream);
    assert!((4 << 20) < reader.join().unwrap());
}

#[test]
fn the_end_of_the_stream_is_the_end() {
    let (mut stream, client) = pair();
    let mut exchange = Exchange::default();
    assert_eq!(exchange.advance(&mut stream, date(), echo), Step::Asking);
    drop(client);
    assert_eq!(exchange.advance(&mut stream, date(), echo), Step::Over);
}

#[test]
fn what_follows_the_answer_has_an_end() {
    let (mut stream, mut client) = pair();
    let mut exchange = Exchange::default();
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(exchange.advance(&mut stream, date(), echo), Step::Lingering);
    let mut sent = 0;
    while exchange.advance(&mut stream, date(), echo) == Step::Lingering {
        sent += client.write(&[b'x'; 1024]).unwrap();
    }
    assert_eq!(exchange.step(), Step::Over);
    assert!(sent <= 2 * HEAD_BYTES_MAX, "{sent}");
}
