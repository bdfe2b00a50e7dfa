//! What a thread is about to send, what a full socket did not take, and which connections it wants
//! to leave or to open.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;

use crate::client::frame;
use crate::client::link::Link;
use crate::url::Protocol;

/// Frames to be sent at the end of the step that made them.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    wire: Vec<u8>,
    /// Connection and end of its bytes in `wire`; they begin where those before end.
    runs: Vec<(usize, usize)>,
    /// What blocked connections still have to send.
    rests: HashMap<usize, Vec<u8>>,
    /// Pieces that are shared and not copied, and how many of their bytes were taken.
    pieces: HashMap<usize, (Arc<[u8]>, usize)>,
    /// Connections whose pieces are new.
    fresh: Vec<usize>,
    /// What sockets took of pieces since it was last asked.
    taken: Vec<Taken>,
    /// What the application wants of its connections, in its order.
    wishes: VecDeque<Wish>,
}

/// What a socket took of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) index: usize,
    pub(crate) bytes: usize,
    /// These were the last of the piece.
    pub(crate) is_whole: bool,
}

/// What an application wants of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To leave one that is live.
    Leave(usize, Leave),
    /// To open one that is over again, at this time.
    Return(usize, u64),
    /// To send no more on one, shutdown(2).
    Finish(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// The socket is closed, without a word.
    Cut,
    /// With the closing handshake, RFC 6455 7.1.2; on TCP, which has none, as [`Leave::Cut`].
    Close,
}

impl Outbox {
    pub(crate) fn message(&mut self, link: usize, protocol: Protocol, payload: &[u8]) {
        frame::write_message(protocol, payload, &mut self.wire);
        self.end_run(link);
    }

    pub(crate) fn pong(&mut self, link: usize, payload: &[u8]) {
        frame::write_pong(payload, &mut self.wire);
        self.end_run(link);
    }

    /// Adds a close frame with this code, unless the bytes of a frame before it still wait.
    pub(crate) fn close(&mut self, link: usize, code: u16) {
        if !self.is_blocked(link) {
            frame::write_close(code, &mut self.wire);
            self.end_run(link);
        }
    }

    /// Wants a live connection to be left; [`crate::client::App::on_end`] follows when it is.
    pub(crate) fn leave(&mut self, link: usize, how: Leave) {
        self.wishes.push_back(Wish::Leave(link, how));
    }

    /// Wants a connection that is over to be opened again.
    pub(crate) fn come_back(&mut self, link: usize, at: u64) {
        self.wishes.push_back(Wish::Return(link, at));
    }

    /// Wants to send no more on a connection.
    pub(crate) fn finish(&mut self, link: usize) {
        self.wishes.push_back(Wish::Finish(link));
    }

    pub(crate) fn take_wish(&mut self) -> Option<Wish> {
        self.wishes.pop_front()
    }

    /// Adds bytes as they are: the request that opens a connection.
    pub(crate) fn raw(&mut self, link: usize, bytes: &[u8]) {
        self.wire.extend_from_slice(bytes);
        self.end_run(link);
    }

    /// Adds a piece for a raw connection, which has nothing else to send.
    pub(crate) fn piece(&mut self, link: usize, bytes: Arc<[u8]>) {
        self.pieces.insert(link, (bytes, 0));
        self.fresh.push(link);
    }

    /// Whether a connection's socket was full and still is.
    pub(crate) fn is_blocked(&self, link: usize) -> bool {
        (!self.rests.is_empty() && self.rests.contains_key(&link))
            || (!self.pieces.is_empty() && self.pieces.contains_key(&link))
    }

    /// Whether sockets took some of a piece since it was last asked.
    pub(crate) fn has_taken(&self) -> bool {
        !self.taken.is_empty()
    }

    /// What sockets took of pieces since the last call.
    pub(crate) fn take_taken(&mut self) -> Vec<Taken> {
        mem::take(&mut self.taken)
    }

    /// As if its socket were full.
    #[cfg(test)]
    pub(crate) fn block(&mut self, link: usize) {
        self.rests.insert(link, Vec::new());
    }

    pub(crate) fn len(&self) -> usize {
        self.wire.len()
    }

    /// Sends what was added. A connection that fails is found out by reading from it.
    pub(crate) fn flush(&mut self, links: &mut [Link]) {
        let mut from = 0;
        for (link, end) in self.runs.drain(..) {
            let bytes = &self.wire[from..end];
            from = end;
            if let Some(rest) = self.rests.get_mut(&link) {
                rest.extend_from_slice(bytes);
                continue;
            }
            let taken = send_some(links, link, bytes);
            if taken < bytes.len() {
                self.rests.insert(link, bytes[taken..].to_vec());
            }
        }
        self.wire.clear();
        for link in mem::take(&mut self.fresh) {
            self.send_piece(links, link);
        }
    }

    fn send_piece(&mut self, links: &mut [Link], index: usize) {
        let Some((piece, at)) = self.pieces.get_mut(&index) else {
            return;
        };
        let bytes = send_some(links, index, &piece[*at..]);
        *at += bytes;
        let is_whole = *at == piece.len();
        if is_whole {
            self.pieces.remove(&index);
        }
        self.taken.push(Taken {
            index,
            bytes,
            is_whole,
        });
    }

    /// A socket became writable: goes on with its rest.
    pub(crate) fn unblock(&mut self, links: &mut [Link], link: usize) {
        if !self.pieces.is_empty() {
            self.send_piece(links, link);
        }
        let Some(rest) = self.rests.get_mut(&link) else {
            return;
        };
        let taken = send_some(links, link, rest);
        if taken == rest.len() {
            self.rests.remove(&link);
        } else {
            rest.drain(..taken);
        }
    }

    pub(crate) fn forget(&mut self, link: usize) {
        if !self.rests.is_empty() {
            self.rests.remove(&link);
        }
        if !self.pieces.is_empty() {
            self.pieces.remove(&link);
        }
    }

    fn end_run(&mut self, link: usize) {
        let end = self.wire.len();
        match self.runs.last_mut() {
            Some((last, last_end)) if *last == link => *last_end = end,
            _ => self.runs.push((link, end)),
        }
    }
}

#[inline]
fn send_some(links: &mut [Link], link: usize, bytes: &[u8]) -> usize {
    let link = links.get_mut(link);
    link.map_or(bytes.len(), |link| link.send(bytes))
}
