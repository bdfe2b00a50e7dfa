//! The thread that accepts where one socket serves all shards, and balances the connections.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::Socket;

use crate::id::ShardId;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN, DEFERRED_GRACE, LISTEN_BACKLOG};
use crate::net::{BoundPath, listener};
use crate::shard::shell::accept::fd_exhaustion::{FdExhaustion, is_of_connection};
use crate::shard::shell::status::Shared;
use crate::shard::shell::thread::Watch;
use crate::sys::deferred::defer_accept;
use crate::sys::{handoff, signals};
use crate::time::Now;

/// Accepts connections and gives each to the shard that has fewest.
///
/// It has the descriptor table of the thread that started the server, and needs one descriptor at a
/// time there.
#[derive(Debug)]
pub struct Balancer {
    sockets: Vec<SingleSocket>,
    /// The giving end to each shard. Closed after the sockets: then a shard has had everything.
    handoffs: Vec<OwnedFd>,
    /// Shards that have no space for the connection in hand.
    full: Vec<bool>,
    shared: Arc<Shared>,
    /// The shard to begin with, so that those with equally many take turns.
    first: usize,
    /// The server drains: the sockets are closed then.
    closes_at: Option<Now>,
    exhaustion: FdExhaustion,
    start: Instant,
}

/// The one socket of a listener.
#[derive(Debug)]
pub(crate) struct SingleSocket {
    /// The socket's file, if it has one. It is removed first: while the socket is open its inode is
    /// not used again, so the file of the next server is not taken for it.
    pub(crate) _path: Option<BoundPath>,
    pub(crate) socket: Socket,
    pub(crate) listener: u16,
    pub(crate) defers: bool,
}

impl Balancer {
    pub(crate) fn new(
        sockets: Vec<SingleSocket>,
        handoffs: Vec<OwnedFd>,
        shared: Arc<Shared>,
    ) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the shell is where the clock is read"
        )]
        let start = Instant::now();
        Self {
            sockets,
            full: vec![false; handoffs.len()],
            handoffs,
            shared,
            first: 0,
            closes_at: None,
            exhaustion: FdExhaustion::new(),
            start,
        }
    }

    /// Begins to listen with all sockets.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if another server began to listen since the address was bound.
    pub fn listen(&self) -> io::Result<()> {
        let mut sockets = self.sockets.iter();
        sockets.try_for_each(|single| single.socket.listen(LISTEN_BACKLOG))
    }

    /// Starts its thread, which ends when the server drains or stops.
    ///
    /// # Errors
    ///
    /// Out of threads.
    pub fn spawn(self, watch: Watch) -> io::Result<JoinHandle<io::Result<()>>> {
        Builder::new().name("corecast-accept".into()).spawn(|| {
            signals::block_all();
            match self.run() {
                // A shard is gone, so the server stops.
                Ok(()) | Err(Errno::PIPE | Errno::CONNRESET) => watch.dismiss(),
                Err(err) => return Err(err.into()),
            }
            Ok(())
        })
    }

    /// Accepts until the server drains, then what is queued, as closing a socket would reset it.
    fn run(mut self) -> Result<(), Errno> {
        while self.closes_at.is_none_or(|at| self.now() < at) {
            let ready = self.wait()?;
            self.accept(ready, ACCEPTS_PER_TURN)?;
        }
        let all = (0..self.sockets.len()).collect();
        self.accept(all, QUEUE_ROUNDS_MAX)
    }

    /// Waits for connections; returns the sockets that may have some. A shard says that the server
    /// drains by ending its side of the handoff, which is otherwise unused.
    fn wait(&mut self) -> Result<Vec<usize>, Errno> {
        let sockets = self.sockets.iter().map(|single| &single.socket);
        let mut fds: Vec<_> = sockets
            .map(|socket| PollFd::new(socket, PollFlags::IN))
            .collect();
        fds.push(self.end());
        wait_for(&mut fds, self.closes_at.map(|at| at.since(self.now())))?;
        let end = fds.pop().map_or(PollFlags::HUP, |fd| fd.revents());
        let ready = (0..).zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
        let ready = ready.map(|(index, _)| index).collect();
        self.note_end(end)?;
        Ok(ready)
    }

    /// What to poll to learn that the server drains, or that the first shard is gone.
    fn end(&self) -> PollFd<'_> {
        let asked = match self.closes_at {
            None => PollFlags::RDHUP,
            Some(_) => PollFlags::empty(),
        };
        PollFd::new(&self.handoffs[0], asked)
    }

    /// Begins to close where the server drains.
    fn note_end(&mut self, end: PollFlags) -> Result<(), Errno> {
        if end.contains(PollFlags::HUP) {
            return Err(Errno::PIPE);
        }
        if !end.is_empty() && self.closes_at.is_none() {
            let deferred = |single: &&SingleSocket| {
                single.defers && defer_accept(&single.socket, false).is_ok()
            };
            let deferred = self.sockets.iter().filter(deferred).count();
            self.closes_at = Some(self.now().plus(DEFERRED_GRACE * u32::from(0 < deferred)));
        }
        Ok(())
    }

    /// Accepts one connection of each socket in each round.
    fn accept(&mut self, mut ready: Vec<usize>, rounds: usize) -> Result<(), Errno> {
        for _ in 0..rounds {
            let mut result = Ok(());
            ready.retain(|index| {
                let more = self.accept_from(*index);
                more.unwrap_or_else(|err| {
                    result = Err(err);
                    false
                })
            });
            result?;
            if ready.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Accepts a connection; whether there may be more.
    fn accept_from(&mut self, index: usize) -> Result<bool, Errno> {
        let accept = || listener::accept(&self.sockets[index].socket);
        let accepted = match accept() {
            Err(Errno::MFILE) => self.exhaustion.with_spare(accept),
            accepted => accepted,
        };
        match accepted {
            Ok((connection, _)) => {
                self.give(&connection, self.sockets[index].listener)?;
                drop(connection);
                self.exhaustion.keep_spare();
                Ok(true)
            }
            Err(Errno::AGAIN) => Ok(false),
            Err(err) if is_of_connection(err) => Ok(true),
            Err(err) => self.fail(err).map(|()| false),
        }
    }

    /// Gives a connection to the shard that has fewest; waits while none has space.
    fn give(&mut self, connection: &OwnedFd, listener: u16) -> Result<(), Errno> {
        self.full.fill(false);
        loop {
            let Some(shard) = self.choose() else {
                self.full.fill(false);
                self.wait_for_space()?;
                continue;
            };
            let index = shard.index();
            match handoff::give(&self.handoffs[index], connection, listener) {
                Ok(()) => {
                    self.first = index + 1;
                    self.shared.add_load(shard);
                    return Ok(());
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.full[index] = true,
                Err(err @ (Errno::PIPE | Errno::CONNRESET)) => return Err(err),
                // The kernel carries no more, and does not report when it does again: it is out of
                // memory, or the user has as many descriptors on their way as may be open.
                Err(err) => {
                    self.fail(err)?;
                    if self.closes_at.is_some() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// The shard with fewest connections of those with space. One without descriptors is the last.
    fn choose(&self) -> Option<ShardId> {
        let count = self.handoffs.len();
        let in_turn = (self.first..self.first + count).map(|shard| shard % count);
        let with_space = in_turn.filter(|shard| !self.full[*shard]);
        let shards = with_space.filter_map(|shard| u16::try_from(shard).ok().map(ShardId::new));
        shards.min_by_key(|shard| (self.shared.is_exhausted(*shard), self.shared.load(*shard)))
    }

    fn wait_for_space(&self) -> Result<(), Errno> {
        let handoffs = self.handoffs.iter();
        let mut fds: Vec<_> = handoffs.map(|fd| PollFd::new(fd, PollFlags::OUT)).collect();
        wait_for(&mut fds, None)
    }

    /// Logs an error, and waits until it may be over, or the server drains.
    fn fail(&mut self, err: Errno) -> Result<(), Errno> {
        self.shared.count_accept_error();
        self.exhaustion.log(err, self.now());
        self.exhaustion.keep_spare();
        let mut fds = [self.end()];
        wait_for(&mut fds, Some(ACCEPT_PAUSE))?;
        let [end] = fds.map(|fd| fd.revents());
        self.note_end(end)
    }

    fn now(&self) -> Now {
        let millis = u64::try_from(self.start.elapsed().as_millis());
        Now::from_millis(millis.unwrap_or(u64::MAX))
    }
}

/// Polls these.
fn wait_for(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> Result<(), Errno> {
    let timeout = timeout
        .map(Timespec::try_from)
        .transpose()
        .map_err(|_| Errno::INVAL)?;
    match poll(fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(err) => Err(err),
    }
}

/// Rounds of accepts when the sockets are closed: more than a backlog holds.
const QUEUE_ROUNDS_MAX: usize = 1 << 17;

#[cfg(test)]
#[path = "balancer_tests.rs"]
mod tests;
