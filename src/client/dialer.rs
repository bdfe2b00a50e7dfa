//! From a host's name to a connected socket, without waiting.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use std::vec;

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use mio::net::TcpStream;
use mio::{Interest, Registry, Waker};
use socket2::{SockRef, TcpKeepalive};

use crate::client::core::event::Reason;
use crate::client::shell::SOCKET;
use crate::limits::{KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES};

/// Connects to one of a host's addresses, one after the other.
#[derive(Debug)]
pub(crate) struct Dialer {
    host: String,
    port: u16,
    /// Sent bytes that are not acknowledged for this long end the connection.
    user_timeout: Duration,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Idle,
    /// A thread asks the resolver, which may take longer than one attempt.
    Resolving(Receiver<io::Result<Vec<SocketAddr>>>),
    Connecting(Attempt),
}

#[derive(Debug)]
struct Attempt {
    stream: TcpStream,
    others: vec::IntoIter<SocketAddr>,
    /// The time at which the next address is tried.
    give_up: Instant,
}

impl Dialer {
    pub(crate) fn new(host: String, port: u16, user_timeout: Duration) -> Self {
        Self {
            host,
            port,
            user_timeout,
            stage: Stage::Idle,
        }
    }

    /// Begins an attempt. An attempt that still waits for the resolver continues, because the
    /// question is the same.
    pub(crate) fn begin(&mut self, waker: &Arc<Waker>) -> Result<(), Reason> {
        if let Stage::Resolving(_) = self.stage {
            return Ok(());
        }
        let (answer, answers) = bounded(1);
        self.stage = Stage::Resolving(answers);
        let port = self.port;
        let sent = match self.host.parse::<IpAddr>() {
            Ok(ip) => answer.send(Ok(vec![SocketAddr::new(ip, port)])).is_ok(),
            Err(_) => {
                let (host, waker) = (self.host.clone(), Arc::clone(waker));
                let resolve = move || {
                    let found = (&*host, port).to_socket_addrs();
                    // The client may have been dropped meanwhile.
                    let _sent = answer.send(found.map(Iterator::collect));
                    let _woken = waker.wake();
                };
                let thread = thread::Builder::new().name("corecast-resolve".to_owned());
                drop(thread.spawn(resolve).map_err(Reason::Resolve)?);
                true
            }
        };
        debug_assert!(sent, "there is space for one answer");
        Ok(())
    }

    /// Stops connecting.
    pub(crate) fn stop(&mut self) {
        if let Stage::Connecting(_) = self.stage {
            self.stage = Stage::Idle;
        }
    }

    /// The next time at which [`go_on`](Self::go_on) has something to do without an event.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Connecting(attempt) => Some(attempt.give_up),
            _ => None,
        }
    }

    /// Continues the attempt; returns a connected and registered socket when there is one.
    ///
    /// The remaining addresses share the time until `deadline`.
    pub(crate) fn go_on(
        &mut self,
        registry: &Registry,
        now: Instant,
        deadline: Instant,
    ) -> Result<Option<TcpStream>, Reason> {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => Ok(None),
            Stage::Resolving(answers) => match answers.try_recv() {
                Ok(Ok(addrs)) => {
                    let none = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                    self.try_next(addrs.into_iter(), none, registry, now, deadline)?;
                    Ok(None)
                }
                Ok(Err(err)) => Err(Reason::Resolve(err)),
                Err(TryRecvError::Empty) => {
                    self.stage = Stage::Resolving(answers);
                    Ok(None)
                }
                Err(TryRecvError::Disconnected) => Err(Reason::Resolve(io::Error::other(
                    "the resolver's thread has ended",
                ))),
            },
            Stage::Connecting(attempt) => match is_connected(&attempt.stream) {
                Ok(true) => Ok(Some(attempt.stream)),
                Ok(false) if now < attempt.give_up => {
                    self.stage = Stage::Connecting(attempt);
                    Ok(None)
                }
                Ok(false) => {
                    let late = io::ErrorKind::TimedOut.into();
                    self.try_next(attempt.others, late, registry, now, deadline)?;
                    Ok(None)
                }
                Err(err) => {
                    self.try_next(attempt.others, err, registry, now, deadline)?;
                    Ok(None)
                }
            },
        }
    }

    /// Begins to connect to the next address; if there is none, returns `err`.
    fn try_next(
        &mut self,
        mut addrs: vec::IntoIter<SocketAddr>,
        mut err: io::Error,
        registry: &Registry,
        now: Instant,
        deadline: Instant,
    ) -> Result<(), Reason> {
        while let Some(addr) = addrs.next() {
            match self.connect(addr, registry) {
                Ok(stream) => {
                    let left = u32::try_from(addrs.len()).unwrap_or(u32::MAX);
                    let share = deadline.saturating_duration_since(now) / left.saturating_add(1);
                    self.stage = Stage::Connecting(Attempt {
                        stream,
                        others: addrs,
                        give_up: now + share,
                    });
                    return Ok(());
                }
                Err(failed) => err = failed,
            }
        }
        Err(Reason::Connect(err))
    }

    fn connect(&self, addr: SocketAddr, registry: &Registry) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_IDLE)
            .with_interval(KEEPALIVE_INTERVAL)
            .with_retries(KEEPALIVE_PROBES);
        socket.set_tcp_keepalive(&keepalive)?;
        socket.set_tcp_user_timeout(Some(self.user_timeout))?;
        // Edge-triggered: each kind of event arrives once and stays noted until the kernel returns
        // `EAGAIN`.
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, SOCKET, interest)?;
        Ok(stream)
    }
}

/// Whether a connecting socket is connected (connect(2), `EINPROGRESS`).
fn is_connected(stream: &TcpStream) -> io::Result<bool> {
    if let Some(err) = stream.take_error()? {
        return Err(err);
    }
    match stream.peer_addr() {
        // A port without a listener may be the one that the kernel chose for this side. Then the
        // socket is connected to itself, and would keep the port from the server.
        Ok(addr) if stream.local_addr()? == addr => Err(io::ErrorKind::ConnectionRefused.into()),
        Ok(_) => Ok(true),
        Err(err) if err.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(err) => Err(err),
    }
}
