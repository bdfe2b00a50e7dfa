//! Client sockets: with a limit on every wait, and with the tricks that misbehaviour needs.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::support::wait::PATIENCE;

/// Connects; reads and writes give up when nothing moves for long.
pub(crate) fn dial(addr: SocketAddr) -> TcpStream {
    try_dial(addr, None).unwrap()
}

/// The same with a server that may not be there, and with a receive buffer of the caller's.
pub(crate) fn try_dial(addr: SocketAddr, buffer: Option<usize>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    if let Some(buffer) = buffer {
        // Before the handshake, which announces the window.
        socket.set_recv_buffer_size(buffer)?;
    }
    socket.connect(&addr.into())?;
    Ok(limit(socket.into()))
}

/// Connects to a path. The kernel takes the same calls for the descriptor of either family, so that
/// every client here can use it.
pub(crate) fn dial_path(path: &Path) -> TcpStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    TcpStream::from(OwnedFd::from(stream))
}

/// Connects with a receive buffer of a few KiB: a reader that stops is soon behind.
pub(crate) fn dial_small(addr: SocketAddr) -> TcpStream {
    try_dial(addr, Some(SMALL)).unwrap()
}

/// A receive buffer that is soon full.
pub(crate) const SMALL: usize = 4 << 10;

/// Has reads and writes give up when nothing moves for long.
pub(crate) fn limit(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends `bytes` and the end of the stream in one segment.
pub(crate) fn send_with_end(stream: &mut TcpStream, bytes: &[u8]) {
    // The kernel keeps what is corked until the end goes out with it (tcp(7)).
    SockRef::from(&*stream).set_tcp_cork(true).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
}

/// Closes so that the peer gets a reset (socket(7), `SO_LINGER`).
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(stream);
}

/// Repeats calls that a signal has interrupted. The kernel does not where there is a timeout
/// (signal(7)), and a child that ends is a signal if the thread that started it blocks signals.
#[derive(Debug)]
pub(crate) struct RetryStream<S>(pub(crate) S);

impl<S> RetryStream<S> {
    fn again<T>(&mut self, mut call: impl FnMut(&mut S) -> io::Result<T>) -> io::Result<T> {
        loop {
            match call(&mut self.0) {
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

impl<S: Read> Read for RetryStream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.again(|stream| stream.read(buffer))
    }
}

impl<S: Write> Write for RetryStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.again(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What comes until the peer closes or resets the connection.
pub(crate) fn read_to_the_end(stream: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    // It keeps what has come before an error.
    if let Err(err) = stream.read_to_end(&mut all) {
        assert!(is_reset(&err), "still open: {err}");
    }
    all
}

/// Whether the connection was reset: whatever was in flight had no reader any more.
pub(crate) fn is_reset(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}
