//! What to listen on, and what is spoken there.

use core::net::SocketAddr;
use std::io;
use std::sync::Arc;

use socket2::Socket;

use crate::net::listener;

/// A place to listen on, as the starter describes it to the shards.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where; once it is bound, with the port that it has got.
    pub addr: SocketAddr,
    /// What its connections speak.
    pub speaks: Speaks,
}

/// What the connections of a listener speak.
#[derive(Clone, Debug)]
pub enum Speaks {
    /// HTTP requests, upgrades to WebSocket among them.
    Http,
    /// Length-prefixed frames on one topic.
    LengthPrefix {
        /// The topic that all its connections belong to.
        topic: Arc<str>,
    },
}

impl Listener {
    /// Whether its connections speak HTTP.
    pub fn speaks_http(&self) -> bool {
        matches!(self.speaks, Speaks::Http)
    }
}

/// Claims the address of each listener; where the port was 0, the one that it has become. Keep the sockets
/// until the shards listen.
///
/// # Errors
///
/// An address that cannot be bound, or that was given twice.
pub fn claim(asked: &[Listener]) -> io::Result<(Vec<Socket>, Vec<Listener>)> {
    let mut claims = Vec::new();
    let mut listen: Vec<Listener> = Vec::new();
    for listener in asked {
        let (claim, addr) = listener::bind_probe(listener.addr)
            .map_err(|err| io::Error::new(err.kind(), format!("cannot listen on {err}")))?;
        if listen.iter().any(|other| other.addr == addr) {
            let twice = format!("cannot listen on {addr} twice");
            return Err(io::Error::new(io::ErrorKind::AddrInUse, twice));
        }
        claims.push(claim);
        let listener = listener.clone();
        listen.push(Listener { addr, ..listener });
    }
    Ok((claims, listen))
}
