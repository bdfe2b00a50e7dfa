//! Claiming the addresses of all listeners before any shard starts.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

use socket2::Socket;

use crate::id::ShardId;
use crate::limits::{HANDOFF_BYTES, NOTSENT_BYTES};
use crate::net::{BoundPath, ListenAddr, ListenError, adopt, bind_unix, listener};
use crate::shard::shell::accept::balancer::DEALER;
use crate::shard::shell::accept::listen_socket::{Inbox, Source};
use crate::shard::shell::accept::listener::{Balance, Listener};
use crate::sys::deferred::defer_accept;
use crate::sys::handoff::{self, Handoff};
use crate::sys::inherited::inherited;

/// What the starter has bound for the listeners.
#[derive(Debug, Default)]
pub struct Claims {
    /// Held until the shards listen beside them: a port that was 0 is nobody else's until then.
    held: Vec<Socket>,
    /// Those of listeners whose connections are dealt.
    dealt: Vec<Alone>,
}

/// The one socket of a listener.
#[derive(Debug)]
struct Alone {
    /// The listener's place among all.
    listener: u16,
    /// The socket's file, if it has one; it goes before the socket does.
    path: Option<BoundPath>,
    socket: Socket,
}

/// A shard's part in the dealing of connections.
#[derive(Debug)]
pub struct Dealing {
    handoffs: Arc<[Handoff]>,
    /// On the shard that deals, for each socket that it has been handed, its file if it has one.
    paths: Vec<Option<BoundPath>>,
}

/// Claims the address of each listener; where the port was 0, the one that it has become.
///
/// # Errors
///
/// An address that cannot be bound, or that was given twice: a [`ListenError`].
pub fn claim(asked: &[Listener]) -> io::Result<(Claims, Vec<Listener>)> {
    let mut claims = Claims::default();
    let mut listen: Vec<Listener> = Vec::new();
    for (index, listener) in (0..).zip(asked) {
        let failed = |kind, text| ListenError::of(usize::from(index), kind, text);
        let addr = claims
            .bind(index, listener)
            .map_err(|err| failed(err.kind(), format!("cannot listen on {err}")))?;
        if listen.iter().any(|other| other.addr == addr) {
            let twice = format!("cannot listen on {addr} twice");
            return Err(failed(io::ErrorKind::AddrInUse, twice));
        }
        let mut listener = listener.clone();
        if listener.is_dealt() {
            // Whatever its address has become.
            listener.balance = Balance::Even;
        }
        listen.push(Listener { addr, ..listener });
    }
    Ok((claims, listen))
}

impl Claims {
    /// Makes the handoffs to so many shards, if any connections are to be dealt, and hands the
    /// sockets of those listeners to the first: it is who deals.
    ///
    /// # Errors
    ///
    /// Out of descriptors.
    pub fn hand_over(&mut self, shards: usize) -> io::Result<Option<Dealing>> {
        if self.dealt.is_empty() {
            return Ok(None);
        }
        let bytes = HANDOFF_BYTES.max(self.dealt.len() * HANDOFF_BYTES_EACH);
        let handoffs = (0..shards).map(|_| Handoff::new(bytes));
        let handoffs: Arc<[Handoff]> = handoffs.collect::<io::Result<Vec<_>>>()?.into();
        let mut paths = Vec::with_capacity(self.dealt.len());
        for alone in self.dealt.drain(..) {
            handoff::give(handoffs[0].giving(), alone.socket, alone.listener)?;
            paths.push(alone.path);
        }
        Ok(Some(Dealing { handoffs, paths }))
    }

    /// Binds the address of a listener, and returns the one that it has become.
    fn bind(&mut self, index: u16, listener: &Listener) -> io::Result<ListenAddr> {
        let (socket, path, addr) = match &listener.addr {
            ListenAddr::Tcp(addr) if !listener.is_dealt() => {
                let (socket, addr) = listener::bind_probe(*addr)?;
                self.held.push(socket);
                return Ok(addr.into());
            }
            ListenAddr::Tcp(addr) => {
                let (socket, addr) = listener::bind_alone(*addr, NOTSENT_BYTES)?;
                defer_accept(&socket, listener.defers())?;
                (socket, None, addr.into())
            }
            ListenAddr::Unix(path) => {
                let (socket, path) = bind_unix(path, listener.mode)?;
                (socket, Some(path), listener.addr.clone())
            }
            ListenAddr::Inherited(name) => {
                let adopted = inherited(name).and_then(|socket| adopt(socket, NOTSENT_BYTES));
                let at = |err: io::Error| {
                    io::Error::new(err.kind(), format!("{}: {err}", listener.addr))
                };
                let (socket, addr) = adopted.map_err(at)?;
                (socket, None, addr)
            }
        };
        self.dealt.push(Alone {
            listener: index,
            socket,
            path,
        });
        Ok(addr)
    }
}

impl Dealing {
    /// The part of `shard`, given that of all; the first to be asked for is to be who deals.
    pub fn of(&mut self) -> Self {
        Self {
            handoffs: Arc::clone(&self.handoffs),
            paths: std::mem::take(&mut self.paths),
        }
    }

    /// The handoffs, so that the starter is the last to drop them: their descriptors are in its
    /// table.
    pub fn handoffs(&self) -> Arc<[Handoff]> {
        Arc::clone(&self.handoffs)
    }

    /// The descriptors that `shard` must keep.
    pub fn descriptors(&self, shard: ShardId) -> Vec<RawFd> {
        let shard = usize::from(shard);
        let giving = self.handoffs.iter().map(Handoff::giving);
        let giving = giving.filter(|_| shard == DEALER);
        giving.chain([self.handoffs[shard].taking()]).collect()
    }

    /// Where `shard` gets what is dealt to it.
    pub(crate) fn inbox(&self, shard: ShardId) -> Source {
        Source::Inbox(Inbox::new(self.handoffs(), shard.into()))
    }

    /// To all shards, if `shard` is who deals.
    pub(crate) fn deals(&self, shard: ShardId) -> Option<Arc<[Handoff]>> {
        (usize::from(shard) == DEALER).then(|| self.handoffs())
    }

    /// The sockets of listeners that were handed to this shard, if it is who deals.
    ///
    /// # Errors
    ///
    /// Out of descriptors.
    pub(crate) fn take_sockets(&mut self) -> io::Result<Vec<Source>> {
        let mut sources = Vec::with_capacity(self.paths.len());
        for path in self.paths.drain(..) {
            let taken = handoff::take(self.handoffs[DEALER].taking())?;
            let taken = taken.ok_or_else(|| io::Error::other("a listener was lost"))?;
            sources.push(Source::Dealing {
                socket: taken.descriptor,
                listener: taken.word,
                _path: path,
            });
        }
        Ok(sources)
    }
}

/// Room for each listener's socket on its way, as the kernel counts it.
const HANDOFF_BYTES_EACH: usize = 2 << 10;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn at(path: PathBuf) -> Listener {
        Listener::http(ListenAddr::Unix(path))
    }

    #[test]
    fn a_path_is_taken_from_the_first_moment_on_however_it_is_written() {
        let name = format!("corecast-claim-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("x.sock");
        let first = claim(&[at(path.clone())]).unwrap();
        let again = folder.join("..").join(folder.file_name().unwrap());
        for path in [path.clone(), again.join("x.sock")] {
            let err = claim(&[at(path)]).expect_err("it is taken");
            assert_eq!(err.kind(), io::ErrorKind::AddrInUse, "{err}");
        }
        assert!(path.exists());
        drop(first);
        assert!(!path.exists());
        std::fs::remove_dir(folder).unwrap();
    }
}
