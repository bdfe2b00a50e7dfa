//! Where a shard's connections come from.

use core::net::SocketAddr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use socket2::SockRef;

use crate::limits::LISTEN_BACKLOG;
use crate::net::{BoundPath, listener};
use crate::shard::shell::accept::listener::Listener;
use crate::sys::deferred::defer_accept;
use crate::sys::handoff::{self, Handoff, Taken};

/// Where a shard's connections come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The shard's own socket of a listener, beside those of the others.
    Own { socket: OwnedFd, listener: u16 },
    /// The one socket of a listener whose connections this shard deals.
    Dealing {
        /// The socket's file, if it has one. It goes first: while the socket is open its inode is
        /// nobody else's, and so the file of the next server is not taken for it.
        _path: Option<BoundPath>,
        socket: OwnedFd,
        listener: u16,
    },
    /// What is dealt to this shard, of any listener.
    Inbox(Inbox),
}

/// The shard's end of the handoff to it.
#[derive(Debug)]
pub(crate) struct Inbox {
    handoffs: Arc<[Handoff]>,
    shard: usize,
}

/// A connection as a source has it.
#[derive(Debug)]
pub(crate) enum Came {
    /// It is this shard's.
    Here {
        socket: OwnedFd,
        peer: Option<SocketAddr>,
        listener: u16,
    },
    /// It is to be dealt.
    ToDeal { socket: OwnedFd, listener: u16 },
    /// It was dealt, or is over already.
    Elsewhere,
    /// No shard has room for one.
    ToNobody,
    /// The kernel carries none to another shard.
    Undealt,
    /// None will come any more.
    End,
}

impl Source {
    /// Registers it for reading, edge-triggered.
    ///
    /// # Errors
    ///
    /// Out of memory for the registration.
    pub(crate) fn register(&self, token: Token, registry: &Registry) -> io::Result<()> {
        let fd = match self {
            Self::Own { socket, .. } | Self::Dealing { socket, .. } => socket.as_raw_fd(),
            Self::Inbox(inbox) => inbox.taking(),
        };
        registry.register(&mut SourceFd(&fd), token, Interest::READABLE)
    }

    /// Begins to listen, with a socket that may only have had its address before.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when another server began to listen since the address was claimed.
    pub(crate) fn listen(&self) -> io::Result<()> {
        match self {
            Self::Dealing { socket, .. } => SockRef::from(socket).listen(LISTEN_BACKLOG),
            Self::Own { .. } | Self::Inbox(_) => Ok(()),
        }
    }

    /// The next connection.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when there is none now; otherwise those of `accept(2)` and [`handoff::take`].
    pub(crate) fn take(&self) -> Result<Came, Errno> {
        match self {
            Self::Own { socket, listener } => {
                let (socket, peer) = listener::accept(socket)?;
                Ok(Came::Here {
                    socket,
                    peer,
                    listener: *listener,
                })
            }
            Self::Dealing {
                socket, listener, ..
            } => {
                let (socket, _) = listener::accept(socket)?;
                let listener = *listener;
                Ok(Came::ToDeal { socket, listener })
            }
            Self::Inbox(inbox) => Ok(handoff::take(inbox.taking())?.map_or(Came::End, dealt)),
        }
    }

    /// Takes a connection off the queue and closes it; `false` if there was none. What was dealt
    /// and found no place is closed already.
    pub(crate) fn turn_away(&self) -> bool {
        match self {
            Self::Own { socket, .. } | Self::Dealing { socket, .. } => {
                !matches!(listener::accept(socket), Err(Errno::AGAIN))
            }
            Self::Inbox(_) => true,
        }
    }

    /// Has the kernel keep no connections back any more; whether it did.
    pub(crate) fn stop_deferring(&self, listeners: &[Listener]) -> bool {
        let (Self::Own { socket, listener }
        | Self::Dealing {
            socket, listener, ..
        }) = self
        else {
            return false;
        };
        let listener = listeners.get(usize::from(*listener));
        listener.is_some_and(Listener::defers) && defer_accept(socket, false).is_ok()
    }

    /// The listener, if all is of one.
    pub(crate) fn listener(&self) -> Option<u16> {
        match self {
            Self::Own { listener, .. } | Self::Dealing { listener, .. } => Some(*listener),
            Self::Inbox(_) => None,
        }
    }

    /// Whether what comes is to be dealt.
    pub(crate) fn deals(&self) -> bool {
        matches!(self, Self::Dealing { .. })
    }

    /// Whether it is what was dealt to the shard.
    pub(crate) fn is_inbox(&self) -> bool {
        matches!(self, Self::Inbox(_))
    }
}

impl Inbox {
    /// The end at `shard` of these.
    pub(crate) fn new(handoffs: Arc<[Handoff]>, shard: usize) -> Self {
        Self { handoffs, shard }
    }

    fn taking(&self) -> RawFd {
        self.handoffs[self.shard].taking()
    }
}

impl Drop for Inbox {
    /// Closes what is on its way: the starter holds the ends, too, and who connected would wait
    /// for as long as it does.
    fn drop(&mut self) {
        handoff::refuse(self.taking());
        // Those that find no place in the table are closed as well.
        let is_more = |taken| matches!(taken, Ok(Some(_)) | Err(Errno::MFILE | Errno::INTR));
        while is_more(handoff::take(self.taking())) {}
    }
}

/// Whether a connection has left a queue, whatever has become of it.
pub(crate) fn was_taken(taken: &Result<Came, Errno>) -> bool {
    matches!(
        taken,
        Ok(Came::Here { .. } | Came::Elsewhere) | Err(Errno::MFILE)
    )
}

fn dealt(taken: Taken) -> Came {
    let socket = taken.descriptor;
    match listener::peer_of(&socket) {
        Ok(peer) => Came::Here {
            socket,
            peer,
            listener: taken.word,
        },
        // Without its address nobody could say whom it is to be believed.
        Err(_) => Came::Elsewhere,
    }
}
