//! Members: what the walk over a topic's subscribers touches of each, and nothing else.

use crate::id::ConnKey;
use crate::topic::sink::Sock;

/// One subscriber of a feed, in 16 bytes.
///
/// `state` is the cursor in its low bits and flags above, so that the walk compares one word:
/// equal to the log's head means caught up, greater means that a flag says to look closer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) sock: Sock,
    /// Key of its connection.
    pub(crate) conn: ConnKey,
    state: u64,
}

/// The walk passes this member over: its connection has bytes to send that go first.
pub(crate) const OUTBOX_FIRST: u64 = 1 << 63;
/// Its socket takes no more for now. Implies `OUTBOX_FIRST`.
pub(crate) const BLOCKED: u64 = 1 << 62;
/// Its connection has other subscriptions: the walk marks it, and it is written once for all.
pub(crate) const SHARED: u64 = 1 << 61;
/// It does not follow the log: its unread frames are in its connection's outbox, or the connection
/// is corked. It rejoins at the head.
pub(crate) const DETACHED: u64 = 1 << 60;

/// The log has a frame ahead that its connection has published itself, and is not sent: it is
/// written by itself, as one with other subscriptions is.
pub(crate) const OWN_AHEAD: u64 = 1 << 59;

/// It lacks the message that the next delta is made of: it gets the next one whole.
pub(crate) const FRESH: u64 = 1 << 58;

const FLAGS: u64 = OUTBOX_FIRST | BLOCKED | SHARED | DETACHED | OWN_AHEAD | FRESH;

impl Member {
    /// A member without flags; its feed sets the cursor.
    pub(crate) fn new(sock: Sock, conn: ConnKey) -> Self {
        let state = 0;
        Self { sock, conn, state }
    }

    /// The cursor with the flags in the bits above it.
    pub(crate) fn state(self) -> u64 {
        self.state
    }

    /// Position in the log of the next frame to send; a frame boundary.
    pub(crate) fn cursor(self) -> u64 {
        self.state & !FLAGS
    }

    /// Moves the cursor and keeps the flags.
    pub(crate) fn set_cursor(&mut self, cursor: u64) {
        debug_assert_eq!(cursor & FLAGS, 0);
        self.state = cursor | (self.state & FLAGS);
    }

    /// Has it follow its log no more, or again, from its head on.
    pub(crate) fn set_detached(&mut self, detached: bool, head: u64) {
        self.set(DETACHED, detached);
        self.set(OWN_AHEAD, false);
        self.set_cursor(head);
    }

    /// Whether any of `flags` is set.
    pub(crate) fn is(self, flags: u64) -> bool {
        self.state & flags != 0
    }

    /// Sets or clears `flags`.
    pub(crate) fn set(&mut self, flags: u64, on: bool) {
        if on {
            self.state |= flags;
        } else {
            self.state &= !flags;
        }
    }
}

const _: () = assert!(size_of::<Member>() == 16);
