//! A turn: its phases in their order, the same for the event loop and for the driver of tests and
//! benches.

use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::ANSWERS_PER_TURN;
use crate::shard::core::ShardCore;
use crate::shard::core::conns::questions::Answered;
use crate::time::Now;

/// A core, and around it the lanes and sockets that its turns work on, or what a test has in their
/// place. Every phase is bounded.
pub trait Turn {
    /// The application.
    type Handler: Handler;

    /// The core.
    fn core(&mut self) -> &mut ShardCore<Self::Handler>;

    /// Takes mail from the lanes into the core.
    fn take_mail(&mut self);

    /// The next answer of another thread to a deferred question.
    fn next_answer(&mut self) -> Option<Answered<<Self::Handler as Handler>::Answer>>;

    /// Tells the core whether the poll before the turn has told all.
    fn note_polled(&mut self);

    /// Opens new connections.
    fn accept(&mut self);

    /// Tells the core what the poll has told of connections, and reads those that are to be read.
    fn read(&mut self);

    /// Puts the core's mail into the lanes and wakes the peers that got some.
    fn send_mail(&mut self);

    /// Sends to sockets.
    fn flush(&mut self);

    /// Tells of what has ended in this turn, and closes it.
    fn reap(&mut self);

    /// All phases of a turn that begins at `now`.
    fn turn(&mut self, now: Now) {
        self.core().begin_turn(now);
        self.take_mail();
        self.take_answers();
        self.note_polled();
        self.accept();
        self.read();
        self.finish_turn();
    }

    /// Takes what other threads answered.
    fn take_answers(&mut self) {
        for _ in 0..ANSWERS_PER_TURN {
            let Some(answered) = self.next_answer() else {
                return;
            };
            self.core().handle_answer(answered);
        }
    }

    /// The phases after all that came has been taken. Mail goes before the fan-out, so that peers
    /// work meanwhile.
    fn finish_turn(&mut self) {
        self.core().handle_resumed();
        self.core().handle_timeouts();
        self.send_mail();
        self.flush();
        self.reap();
    }
}

/// What one read of a socket brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now: an event will tell when there is more.
    Nothing,
    /// The end of the stream.
    End,
    /// The connection is broken.
    Reset,
    /// Bytes that a proxy may not send.
    Forbidden,
}

/// Reads a connection for as long as the core wants its bytes and there are any; `receive` reads
/// its socket into the buffer once.
///
/// A short read empties the socket (epoll(7)), unless its event also told of the stream's end or is
/// long past: then `to_the_end` asks for one more read. (Over a path it also ends where the client
/// has sent descriptors, unix(7), which are of no use here: what is behind them waits for the next
/// event.)
pub fn read<H: Handler>(
    core: &mut ShardCore<H>,
    id: ConnId,
    to_the_end: bool,
    buffer: &mut [u8],
    mut receive: impl FnMut(&mut [u8]) -> Received,
) {
    while core.wants_bytes(id) {
        let len = core.read_len().min(buffer.len());
        match receive(&mut buffer[..len]) {
            Received::Bytes(n) => {
                core.handle_bytes(id, &mut buffer[..n]);
                if n < len && !to_the_end {
                    return;
                }
                continue;
            }
            Received::Nothing => {}
            Received::End => core.handle_read_end(id),
            Received::Reset => core.handle_reset(id),
            Received::Forbidden => core.handle_proxy_failure(id),
        }
        return;
    }
}
