//! Client sockets: non-blocking, each from a source address that still has ports.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use crate::sys;

/// Connections from one source address of 127.0.0.0/8. The default range has 28,232 ports, and
/// finding a free one takes long when more than half of them are taken.
pub(crate) const CONNS_PER_ADDRESS: u32 = 8192;

/// The addresses that connections come from, taken in turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Arc<[IpAddr]>);

impl Sources {
    /// The addresses that were asked for; without any, those of 127.0.0.0/8 for targets there, and
    /// what the kernel takes for others.
    pub(crate) fn new(asked: &[IpAddr]) -> Self {
        Self(asked.into())
    }

    /// How many there are for a target; none where 127.0.0.0/8 has as many as it takes.
    pub(crate) fn count(&self, to: SocketAddr) -> Option<usize> {
        if self.0.is_empty() {
            let is_spread = to.is_ipv4() && to.ip().is_loopback();
            return (!is_spread).then_some(1);
        }
        let same = |from: &&IpAddr| from.is_ipv4() == to.is_ipv4();
        Some(self.0.iter().filter(same).count())
    }

    /// Where the n-th connection to a target comes from; none leaves it to the kernel.
    pub(crate) fn of(&self, number: usize, to: SocketAddr) -> Option<IpAddr> {
        match self.count(to) {
            None => Some(IpAddr::V4(spread(number))),
            Some(0) => None,
            Some(count) => {
                let mut same = self.0.iter().filter(|from| from.is_ipv4() == to.is_ipv4());
                same.nth(number % count).copied()
            }
        }
    }

    /// One that is not of this host, with what the kernel says.
    pub(crate) fn foreign(&self) -> Option<(IpAddr, io::Error)> {
        let mut all = self.0.iter();
        all.find_map(|from| Some((*from, UdpSocket::bind((*from, 0)).err()?)))
    }
}

/// The source address of the n-th connection, in 127.0.0.0/8.
fn spread(number: usize) -> Ipv4Addr {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + number / CONNS_PER_ADDRESS)
}

/// Begins to connect. It is done when the socket becomes writable, connect(2) `EINPROGRESS`.
/// A `receive_buffer` of zero is left to the kernel.
pub(crate) fn connect(
    to: SocketAddr,
    from: Option<IpAddr>,
    receive_buffer: usize,
) -> io::Result<OwnedFd> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(to), kind, Some(Protocol::TCP))?;
    if let Some(from) = from {
        sys::bind_address_no_port(socket.as_fd())?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    socket.set_tcp_nodelay(true)?;
    if receive_buffer > 0 {
        // Before connecting, so that the window is advertised to fit.
        socket.set_recv_buffer_size(receive_buffer)?;
    }
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn sources_are_taken_in_turn_for_targets_of_their_kind() {
        let (near, far, v6) = (addr("127.0.0.1:1"), addr("10.0.0.1:1"), addr("[::1]:1"));
        let none = Sources::default();
        assert_eq!(
            [near, far, v6].map(|to| none.count(to)),
            [None, Some(1), Some(1)]
        );
        let next = none.of(CONNS_PER_ADDRESS as usize, near);
        assert_eq!(next, Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))));
        assert_eq!([far, v6].map(|to| none.of(7, to)), [None, None]);
        let asked = ["10.0.0.2", "::1", "10.0.0.3"].map(|text| text.parse().unwrap());
        let sources = Sources::new(&asked);
        assert_eq!(
            [near, far, v6].map(|to| sources.count(to)),
            [Some(2), Some(2), Some(1)]
        );
        let taken = [0, 1, 2].map(|number| sources.of(number, far).unwrap());
        assert_eq!(taken, [asked[0], asked[2], asked[0]]);
        assert_eq!(sources.of(5, v6), Some(asked[1]));
    }

    #[test]
    fn an_address_of_another_host_is_found() {
        let asked = ["127.0.0.1", "192.0.2.1"].map(|text| text.parse().unwrap());
        let (from, _) = Sources::new(&asked).foreign().unwrap();
        assert_eq!(from, asked[1]);
    }
}
