//! The admin port: metrics and health, by threads of its own that may wait.
//!
//! It shares nothing with the shards but the copies of their counters. One that asks slowly, or
//! never, holds up one of a few threads for a few seconds.

mod answer;
mod format;
mod metrics;

use core::net::SocketAddr;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::admin::answer::answer;
use crate::handle::Handle;
use crate::limits::{ADMIN_THREADS, ADMIN_TIMEOUT, HEAD_BYTES_MAX, LINGER_MOMENT};
use crate::net::{listener, remedy};
use crate::proto::http::{Date, Head, Manner, NO_HEADERS, Response, parse_head};
use crate::sys::signals;
use crate::sys::startup::while_starting;
use crate::sys::time_of_day::since_1970;

/// A port for operators: `/metrics` in the text format of Prometheus or of OpenMetrics, whichever
/// `Accept` prefers, `/livez`, and `/readyz`, which is 503 from the beginning of a drain.
///
/// Nobody is asked who they are: bind it to an address that only operators reach.
///
/// ```
/// use corecast::{Admin, Relay, Server};
///
/// let admin = Admin::bind("127.0.0.1:0".parse()?)?;
/// println!("http://{}/metrics", admin.addr());
/// let server = Server::builder().shards(1).start(|_shard| Relay::default())?;
/// admin.serve(server.handle().clone())?;
///
/// server.handle().drain();
/// server.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    addr: SocketAddr,
}

impl Admin {
    /// Takes the port; 0 takes a free one. Who connects before [`serve`](Self::serve) waits.
    ///
    /// # Errors
    ///
    /// The address is in use, is another host's, or may not be bound; the message names it.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        let failed = |err: io::Error| {
            io::Error::new(
                err.kind(),
                format!(
                    "cannot listen on {addr} (admin): {err}{}",
                    remedy(addr, &err)
                ),
            )
        };
        let listener = listener::bind_blocking(addr, ADMIN_LOOK_UP).map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, addr })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers, on threads of its own, until a moment after the server has stopped.
    ///
    /// # Errors
    ///
    /// Out of threads.
    pub fn serve(self, handle: Handle) -> io::Result<()> {
        let listener = Arc::new(self.listener);
        for _ in 0..ADMIN_THREADS {
            let listener = Arc::clone(&listener);
            let handle = handle.clone();
            let thread = thread::Builder::new().name("admin".to_owned());
            let started = thread.spawn(move || {
                // They are for whoever has asked for them.
                signals::block_all();
                serve_all(&listener, &handle);
            });
            let what = "cannot start a thread of the admin port";
            started.map_err(|err| while_starting(what, &err))?;
        }
        Ok(())
    }
}

fn serve_all(listener: &TcpListener, handle: &Handle) {
    while !handle.is_stopped() {
        match listener.accept() {
            // What a client did wrong is between it and its connection.
            Ok((stream, _)) => drop(serve_one(stream, handle)),
            Err(err) if is_over(&err) => {}
            // Out of descriptors, for instance: others may get some back meanwhile.
            Err(_) => thread::park_timeout(ADMIN_LOOK_UP),
        }
    }
}

/// Reads one request and answers it.
fn serve_one(mut stream: TcpStream, handle: &Handle) -> io::Result<()> {
    let deadline = now() + ADMIN_TIMEOUT;
    let mut input = Vec::new();
    let mut out = Vec::new();
    loop {
        let mut headers = NO_HEADERS;
        match parse_head(&input, &mut headers) {
            Ok(Head::Complete { request, .. }) => {
                let response = answer(&request, handle);
                let manner = Manner {
                    head_only: request.method == "HEAD",
                    date: Some(date()),
                    ..Manner::default()
                };
                response.encode_as(&mut out, &manner);
                break;
            }
            Ok(Head::Incomplete) => {}
            Err(err) => {
                let manner = Manner {
                    date: Some(date()),
                    ..Manner::default()
                };
                Response::from(err).encode_as(&mut out, &manner);
                break;
            }
        }
        if receive(&mut stream, &mut input, deadline)? == 0 {
            return Ok(());
        }
    }
    send(&mut stream, &out, now() + ADMIN_TIMEOUT)?;
    // Closed with unread input it would be reset, and the answer lost.
    stream.shutdown(Shutdown::Write)?;
    let deadline = now() + LINGER_MOMENT;
    while input.len() < 2 * HEAD_BYTES_MAX && 0 < receive(&mut stream, &mut input, deadline)? {}
    Ok(())
}

/// Receives what has come, and waits for it until the deadline.
fn receive(stream: &mut TcpStream, input: &mut Vec<u8>, deadline: Instant) -> io::Result<usize> {
    let mut room = [0; 1024];
    loop {
        stream.set_read_timeout(Some(time_left(deadline)?))?;
        match stream.read(&mut room) {
            Err(err) if is_over(&err) => {}
            Ok(n) => {
                input.extend_from_slice(&room[..n]);
                return Ok(n);
            }
            Err(err) => return Err(err),
        }
    }
}

/// Sends all, and waits for one who reads slowly until the deadline.
fn send(stream: &mut TcpStream, mut out: &[u8], deadline: Instant) -> io::Result<()> {
    while !out.is_empty() {
        stream.set_write_timeout(Some(time_left(deadline)?))?;
        match stream.write(out) {
            Err(err) if is_over(&err) => {}
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => out = &out[n..],
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

/// What is left until a deadline, which is not zero.
fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// Whether a wait has ended without anything.
fn is_over(err: &io::Error) -> bool {
    let kinds = [
        ErrorKind::WouldBlock,
        ErrorKind::TimedOut,
        ErrorKind::Interrupted,
    ];
    kinds.contains(&err.kind())
}

fn now() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "these threads wait for clients, with a limit"
    )]
    Instant::now()
}

fn date() -> Date {
    Date::since_1970(since_1970())
}

/// How often a thread without a client looks whether the server has stopped.
const ADMIN_LOOK_UP: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_writes_of_an_answer_have_one_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let late = send(&mut stream, b"late", now()).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        send(&mut stream, b"in time", now() + ADMIN_TIMEOUT).unwrap();
        drop(stream);
        let mut got = String::new();
        reader.read_to_string(&mut got).unwrap();
        assert_eq!(got, "in time");
    }
}
