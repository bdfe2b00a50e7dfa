//! Errors of listening, with a remedy.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use thiserror::Error;

/// A server cannot listen on an address: the text has the address, the reason and a remedy.
///
/// It is inside the [`Error`](crate::Error) of [`start`](crate::ServerBuilder::start), which
/// becomes an [`io::Error`] for [`io::Error::downcast`].
#[derive(Debug, Error)]
#[error("{text}")]
pub struct ListenError {
    listener: usize,
    text: String,
}

impl ListenError {
    /// Creates the error of the listener with this number, with its kind.
    pub(crate) fn of(listener: usize, kind: ErrorKind, text: String) -> io::Error {
        io::Error::new(kind, Self { listener, text })
    }

    /// The number of the listener, from 0 in the order in which they were added.
    pub fn listener(&self) -> usize {
        self.listener
    }
}

/// The remedy for an error of binding a port, to be appended to the error; empty if none is known.
pub fn remedy(addr: SocketAddr, err: &io::Error) -> String {
    let port = addr.port();
    match err.kind() {
        ErrorKind::AddrInUse => format!(
            "; another program has the port: stop it, or take another one \
             (`ss -ltnp 'sport = :{port}'` says which program it is)"
        ),
        ErrorKind::PermissionDenied => "; low ports need the capability CAP_NET_BIND_SERVICE: \
             give it to the program file by `setcap cap_net_bind_service=+ep`, or to the service \
             by AmbientCapabilities= of systemd; or let everybody have them by the sysctl \
             net.ipv4.ip_unprivileged_port_start"
            .to_owned(),
        ErrorKind::AddrNotAvailable => "; no interface of this host has the address: take one \
             that `ip address` shows, or 0.0.0.0 or [::] for all of them"
            .to_owned(),
        _ if err.raw_os_error() == Some(EAFNOSUPPORT) => {
            "; this host has no IPv6: take an IPv4 address".to_owned()
        }
        _ => String::new(),
    }
}

/// `errno(3)`.
const EAFNOSUPPORT: i32 = rustix::io::Errno::AFNOSUPPORT.raw_os_error();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_is_said_for_each_cause() {
        let addr = "[::1]:80".parse().unwrap();
        for (cause, expected) in [
            (rustix::io::Errno::ADDRINUSE, "sport = :80"),
            (rustix::io::Errno::ACCESS, "CAP_NET_BIND_SERVICE"),
            (rustix::io::Errno::ADDRNOTAVAIL, "ip address"),
            (rustix::io::Errno::AFNOSUPPORT, "IPv4"),
        ] {
            let remedy = remedy(addr, &cause.into());
            assert!(
                remedy.starts_with("; ") && remedy.contains(expected),
                "{remedy}"
            );
        }
        assert_eq!(remedy(addr, &rustix::io::Errno::NOMEM.into()), "");
    }

    #[test]
    fn an_error_says_of_which_listener_it_is() {
        let err = ListenError::of(3, ErrorKind::AddrInUse, "taken".to_owned());
        assert_eq!(err.kind(), ErrorKind::AddrInUse);
        assert_eq!(err.to_string(), "taken");
        let inner = err.downcast::<ListenError>().unwrap();
        assert_eq!(inner.listener(), 3);
    }
}
