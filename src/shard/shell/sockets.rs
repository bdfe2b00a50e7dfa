//! The sockets of a shard: by the keys that the core has given their connections, read through one
//! buffer for all, and written by system calls.

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use socket2::SockRef;

use crate::handler::{ConnectionInfo, Handler};
use crate::id::ConnId;
use crate::limits::{NOTSENT_BYTES_OF_NEWEST, READ_BYTES};
use crate::shard::core::ShardCore;
use crate::shard::shell::accept::proxy_header::ProxyHeaders;
use crate::shard::shell::tls::Sessions;
use crate::shard::turn::{self, Received};
use crate::sys::{socket, tcp_info};
use crate::topic::sink::{Sink, Sock, WriteError};

/// What the shell has of one connection.
#[derive(Debug)]
pub(crate) struct Link {
    socket: OwnedFd,
}

/// What the shell has of all connections.
#[derive(Debug, Default)]
pub(crate) struct SocketTable(Vec<Option<Link>>);

const _: () = assert!(size_of::<Option<Link>>() == 4);

impl Link {
    /// The number of its descriptor.
    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Registers it for reading and writing, once and for all, edge-triggered.
    ///
    /// # Errors
    ///
    /// Out of memory for the registration.
    pub(crate) fn register(&self, id: ConnId, registry: &Registry) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&self.fd()), Token(id.pack()), interest)
    }

    /// Whether the socket has an error that no call has told of; takes it.
    pub(crate) fn has_failed(&self) -> bool {
        !matches!(SockRef::from(&self.socket).take_error(), Ok(None))
    }

    /// Bytes that were sent and that the peer's host has not confirmed; nothing where that cannot
    /// be told.
    pub(crate) fn unsent(&self) -> usize {
        socket::unsent(self.fd()).unwrap_or_default()
    }

    /// Says of a connection what the kernel knows of its socket.
    pub(crate) fn describe(&self, info: &mut ConnectionInfo) {
        let traffic = tcp_info::traffic(&self.socket).ok();
        info.bytes_in = traffic.map(|traffic| traffic.received);
        info.bytes_out = traffic.map(|traffic| traffic.confirmed);
        let local = SockRef::from(&self.socket).local_addr().ok();
        info.listener = local.and_then(|local| match local.as_socket() {
            Some(addr) => Some(addr.to_string()),
            None => Some(format!("unix:{}", local.as_pathname()?.display())),
        });
    }

    /// Says of a connection where it comes from, if only its socket knows.
    pub(crate) fn locate(&self, info: &mut ConnectionInfo) {
        let peer = || SockRef::from(&self.socket).peer_addr().ok()?.as_socket();
        info.addr = info.addr.or_else(peer);
    }

    /// Sends the end of the stream.
    pub(crate) fn shutdown_write(&self) {
        // An error means that the peer is gone; the next read says so.
        let _gone = socket::shutdown_write(self.fd());
    }
}

impl From<OwnedFd> for Link {
    fn from(socket: OwnedFd) -> Self {
        Self { socket }
    }
}

impl SocketTable {
    /// What there is of a connection.
    pub(crate) fn get(&self, id: ConnId) -> Option<&Link> {
        self.0.get(id.key.index())?.as_ref()
    }

    /// Keeps a new connection.
    pub(crate) fn insert(&mut self, id: ConnId, link: Link) {
        let key = id.key.index();
        if self.0.len() <= key {
            self.0.resize_with(key + 1, || None);
        }
        self.0[key] = Some(link);
    }

    /// Closes a connection.
    pub(crate) fn remove(&mut self, id: ConnId) {
        if let Some(link) = self.0.get_mut(id.key.index()) {
            *link = None;
        }
    }
}

/// Reads plain sockets.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Lent to one connection after the other.
    buffer: Box<[u8]>,
}

impl Reader {
    /// With space for one read.
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; READ_BYTES].into(),
        }
    }

    /// Reads from a connection for as long as the core wants its bytes and there are any.
    pub(crate) fn read<H: Handler>(
        &mut self,
        core: &mut ShardCore<H>,
        sockets: &SocketTable,
        headers: &mut ProxyHeaders,
        id: ConnId,
        to_the_end: bool,
    ) {
        let Some(link) = sockets.get(id) else {
            return;
        };
        turn::read(core, id, to_the_end, &mut self.buffer, |buffer| {
            loop {
                return match socket::recv(link.fd(), buffer) {
                    // After the end of the stream a reset reads like that end, and no later write
                    // may tell: the socket's own error does.
                    Ok(0) if link.has_failed() => Received::Reset,
                    Ok(0) => Received::End,
                    Ok(n) if headers.is_forbidden(id, &buffer[..n]) => Received::Forbidden,
                    Ok(n) => Received::Bytes(n),
                    Err(Errno::INTR) => continue,
                    Err(Errno::AGAIN) => Received::Nothing,
                    Err(_) => Received::Reset,
                };
            }
        });
    }
}

/// Writes to the sockets of the calling thread's descriptor table, and counts: a name that is no
/// descriptor's is that of a TLS session.
#[derive(Debug)]
pub(crate) struct SocketSink<'a> {
    sessions: &'a mut Sessions,
    pub(crate) sent: Sent,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Writes that took something.
    pub(crate) writes: u64,
    /// Bytes that were taken; of TLS, those inside.
    pub(crate) bytes: u64,
}

impl<'a> SocketSink<'a> {
    /// Nothing is written yet.
    pub(crate) fn new(sessions: &'a mut Sessions) -> Self {
        Self {
            sessions,
            sent: Sent::default(),
        }
    }

    #[expect(clippy::inline_always, reason = "part of send, which must not call")]
    #[inline(always)]
    fn count(&mut self, bytes: usize) -> usize {
        self.sent.writes += 1;
        self.sent.bytes += bytes as u64;
        bytes
    }
}

impl Sink for SocketSink<'_> {
    #[expect(
        clippy::inline_always,
        reason = "the system call belongs into the walk's own loop"
    )]
    #[inline(always)]
    fn send(&mut self, sock: Sock, bytes: &[u8]) -> Result<usize, WriteError> {
        let sent = if sock.0 < 0 {
            self.sessions.send(sock, bytes)?
        } else {
            socket::send(sock.0, bytes).map_err(judge)?
        };
        Ok(self.count(sent))
    }

    fn send_vectored(&mut self, sock: Sock, slices: &[IoSlice<'_>]) -> Result<usize, WriteError> {
        let sent = if sock.0 < 0 {
            self.sessions.send_vectored(sock, slices)?
        } else {
            socket::send_vectored(sock.0, slices).map_err(judge)?
        };
        Ok(self.count(sent))
    }

    fn holds(&mut self, sock: Sock) -> bool {
        sock.0 < 0 && self.sessions.holds(sock)
    }

    #[cold]
    fn keep_little(&mut self, sock: Sock) {
        let fd = if sock.0 < 0 {
            self.sessions.fd(sock)
        } else {
            Some(sock.0)
        };
        // No other socket than one of TCP can do so.
        if let Some(Ok(fd)) = fd.map(socket::borrow) {
            let _other = SockRef::from(&fd).set_tcp_notsent_lowat(NOTSENT_BYTES_OF_NEWEST);
        }
    }
}

/// `send(2)`: a full buffer passes; anything else is the end of the connection.
#[cold]
fn judge(errno: Errno) -> WriteError {
    match errno {
        // ENOBUFS and ENOMEM leave no mark by which epoll would tell of room again: the
        // connection would wait for ever.
        Errno::AGAIN => WriteError::Blocked,
        _ => WriteError::Broken,
    }
}
