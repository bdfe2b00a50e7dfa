//! How fast a shard accepts connections.

use core::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::sys::socket;
use crate::time::{Bucket, Now, Rate};

/// How fast a shard accepts connections.
///
/// The kernel does not say which connections of its backlog are over already. So the next one is
/// taken before its time and held until then: what is over does not count, and those behind it
/// need not wait for it.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// `None`: as fast as they come.
    rate: Option<Rate>,
    left: Bucket,
    /// When the next connection may be served, if one had to wait.
    until: Option<Now>,
    held: Option<Accepted>,
}

/// A connection that was taken from a listener.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) socket: OwnedFd,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) listener: u16,
}

/// The next connection has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// It did not before.
    FromNow,
    /// As before.
    On,
}

impl Pace {
    /// At most so fast.
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Self {
            rate,
            ..Self::default()
        }
    }

    /// From now on as fast as they come; what is held is next.
    pub(crate) fn lift(&mut self) {
        self.rate = None;
        self.until = None;
    }

    /// Whether there is a rate.
    pub(crate) fn is_limited(&self) -> bool {
        self.rate.is_some()
    }

    /// Counts a connection, if it may be served now.
    ///
    /// # Errors
    ///
    /// It has to wait.
    pub(crate) fn check(&mut self, now: Now) -> Result<(), Waits> {
        if self.until.is_some_and(|until| now < until) {
            return Err(Waits::On);
        }
        self.until = self
            .rate
            .and_then(|rate| self.left.take(rate, 1, now).err());
        self.until.map_or(Ok(()), |_| Err(Waits::FromNow))
    }

    /// Keeps a connection until it may be served.
    pub(crate) fn hold(&mut self, accepted: Accepted) {
        self.held = Some(accepted);
    }

    /// Takes the connection that is held.
    pub(crate) fn take_held(&mut self) -> Option<Accepted> {
        self.held.take()
    }

    /// Whether a connection is held, so that no other is taken before it is served.
    pub(crate) fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// When the connection that is held may be served.
    pub(crate) fn goes_on_at(&self) -> Now {
        self.until.unwrap_or_default()
    }
}

impl Accepted {
    /// Whether it is over before it was served: it was reset, or has ended and said nothing where
    /// a client is to speak first.
    pub(crate) fn is_over(&self, client_speaks_first: bool) -> bool {
        let fd = self.socket.as_raw_fd();
        socket::is_over(fd) || client_speaks_first && socket::peek(fd, &mut [0]) == Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::time::Duration;

    use socket2::SockRef;

    use super::*;

    #[test]
    fn connections_beyond_the_rate_wait() {
        let now = Now::from_millis(0);
        let mut pace = Pace::new(Rate::per_second(2));
        assert_eq!([pace.check(now), pace.check(now)], [Ok(()), Ok(())]);
        assert_eq!(pace.check(now), Err(Waits::FromNow));
        assert_eq!(pace.goes_on_at(), Now::from_millis(500));
        assert_eq!(pace.check(Now::from_millis(499)), Err(Waits::On));
        assert_eq!(pace.check(Now::from_millis(500)), Ok(()));
        assert_eq!(pace.check(Now::from_millis(500)), Err(Waits::FromNow));
        pace.lift();
        assert_eq!(pace.check(Now::from_millis(500)), Ok(()));
    }

    #[test]
    fn without_a_rate_all_may_come() {
        let mut pace = Pace::new(None);
        for _ in 0..1000 {
            assert_eq!(pace.check(Now::from_millis(0)), Ok(()));
        }
    }

    fn accepted(listener: &TcpListener) -> (Accepted, TcpStream) {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        let accepted = Accepted {
            socket: socket.into(),
            peer: Some(peer),
            listener: 0,
        };
        (accepted, client)
    }

    fn is_soon_over(accepted: &Accepted, client_speaks_first: bool) -> bool {
        (0..1_000_000).any(|_| accepted.is_over(client_speaks_first))
    }

    #[test]
    fn a_connection_that_was_reset_is_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for says in [&b""[..], b"GET / HTTP/1.1\r\n\r\n"] {
            let (accepted, mut client) = accepted(&listener);
            client.write_all(says).unwrap();
            assert!(!accepted.is_over(true));
            SockRef::from(&client)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
            drop(client);
            assert!(is_soon_over(&accepted, false));
        }
    }

    #[test]
    fn a_connection_that_has_ended_is_over_if_it_has_said_nothing_and_should_have() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (silent, client) = accepted(&listener);
        client.shutdown(Shutdown::Write).unwrap();
        assert!(is_soon_over(&silent, true));
        assert!(!silent.is_over(false));
        let (asking, mut client) = accepted(&listener);
        client.write_all(b"x").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (later, _client) = accepted(&listener);
        assert!(!asking.is_over(true) && !later.is_over(true));
    }
}
