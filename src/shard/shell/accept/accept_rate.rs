//! How fast a shard accepts connections.

use core::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::sys::socket;
use crate::time::{Bucket, Now, Rate};

/// How fast a shard accepts connections.
///
/// The kernel does not say which connections of its backlog are over. So the next one is accepted
/// early and held until its time: what is over does not count, and those behind it do not wait for
/// it.
#[derive(Debug, Default)]
pub(crate) struct AcceptRate {
    /// `None`: no limit.
    rate: Option<Rate>,
    tokens: Bucket,
    /// The next connection, and when it may be served.
    held: Option<(Now, Accepted)>,
}

/// A connection that was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) socket: OwnedFd,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) listener: u16,
}

impl AcceptRate {
    /// At most so fast.
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Self {
            rate,
            ..Self::default()
        }
    }

    /// The limit from now on, if there is any; the connection that is held is next.
    pub(crate) fn set(&mut self, rate: Option<Rate>) {
        if rate != self.rate {
            self.rate = rate;
            self.held
                .iter_mut()
                .for_each(|held| held.0 = Now::default());
        }
    }

    /// Whether there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.rate.is_some()
    }

    /// Counts a connection and returns it, or holds it until its time.
    pub(crate) fn admit(&mut self, accepted: Accepted, now: Now) -> Option<Accepted> {
        let taken = self
            .rate
            .map_or(Ok(()), |rate| self.tokens.take(rate, 1, now));
        match taken {
            Ok(()) => Some(accepted),
            Err(until) => {
                self.held = Some((until, accepted));
                None
            }
        }
    }

    /// When the connection that is held may be served. Until then no other is accepted.
    pub(crate) fn held_until(&self) -> Option<Now> {
        self.held.as_ref().map(|(until, _)| *until)
    }

    /// Takes the connection that was held, if it is its time.
    pub(crate) fn take_due(&mut self, now: Now) -> Option<Accepted> {
        let due = self.held.take_if(|(until, _)| *until <= now);
        due.map(|(_, accepted)| accepted)
    }
}

impl Accepted {
    /// Whether it is over before it was served: it was reset, or has ended without a byte where the
    /// client must speak first.
    pub(crate) fn is_over(&self, client_speaks_first: bool) -> bool {
        let fd = self.socket.as_raw_fd();
        socket::is_over(fd) || client_speaks_first && socket::peek(fd, &mut [0]) == Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::time::Duration;

    use socket2::SockRef;

    use super::*;

    fn any() -> Accepted {
        Accepted {
            socket: File::open("/dev/null").unwrap().into(),
            peer: None,
            listener: 0,
        }
    }

    #[test]
    fn a_connection_beyond_the_rate_is_held() {
        let at = Now::from_millis;
        let mut rate = AcceptRate::new(Rate::per_second(2));
        assert!(rate.admit(any(), at(0)).is_some() && rate.admit(any(), at(0)).is_some());
        assert!(rate.admit(any(), at(0)).is_none());
        assert_eq!(rate.held_until(), Some(at(500)));
        assert!(rate.take_due(at(499)).is_none());
        let due = rate.take_due(at(500)).unwrap();
        assert!(rate.admit(due, at(500)).is_some());
        assert!(rate.admit(any(), at(500)).is_none());
        rate.set(None);
        let due = rate.take_due(at(500)).unwrap();
        assert!(rate.admit(due, at(500)).is_some());
    }

    #[test]
    fn without_a_rate_all_are_admitted() {
        let mut rate = AcceptRate::new(None);
        assert!((0..1000).all(|_| rate.admit(any(), Now::from_millis(0)).is_some()));
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
