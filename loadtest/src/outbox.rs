//! What a thread is about to send, what a full socket did not take, and whom it wants to leave.

use std::collections::{HashMap, VecDeque};

use crate::client::Link;
use crate::frame;
use crate::url::Protocol;

/// Frames to be sent at the end of the step that made them.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    wire: Vec<u8>,
    /// Connection and end of its bytes in `wire`; they begin where those before end.
    runs: Vec<(usize, usize)>,
    /// What blocked connections still have to send.
    rests: HashMap<usize, Vec<u8>>,
    /// What the application wants of its connections, in its order.
    wishes: VecDeque<Wish>,
}

/// What an application wants of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To leave one that is live.
    Leave(usize, Leave),
    /// To open one that is over again, at this time.
    Return(usize, u64),
}

/// How a connection is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// The socket is closed, without a word.
    Cut,
    /// With the closing handshake, RFC 6455 7.1.2; on TCP, which has none, as [`Leave::Cut`].
    Close,
}

impl Outbox {
    /// Adds a message for a connection.
    pub(crate) fn message(&mut self, link: usize, protocol: Protocol, payload: &[u8]) {
        frame::write_message(protocol, payload, &mut self.wire);
        self.end_run(link);
    }

    /// Adds the answer to a ping.
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

    /// Wants a live connection to be left; [`crate::app::App::on_end`] follows when it is.
    pub(crate) fn leave(&mut self, link: usize, how: Leave) {
        self.wishes.push_back(Wish::Leave(link, how));
    }

    /// Wants a connection that is over to be opened again.
    pub(crate) fn come_back(&mut self, link: usize, at: u64) {
        self.wishes.push_back(Wish::Return(link, at));
    }

    /// The next wish.
    pub(crate) fn take_wish(&mut self) -> Option<Wish> {
        self.wishes.pop_front()
    }

    /// Adds bytes as they are: the request that opens a connection.
    pub(crate) fn raw(&mut self, link: usize, bytes: &[u8]) {
        self.wire.extend_from_slice(bytes);
        self.end_run(link);
    }

    /// Whether a connection's socket was full and still is.
    pub(crate) fn is_blocked(&self, link: usize) -> bool {
        !self.rests.is_empty() && self.rests.contains_key(&link)
    }

    /// As if its socket were full.
    #[cfg(test)]
    pub(crate) fn block(&mut self, link: usize) {
        self.rests.insert(link, Vec::new());
    }

    /// Bytes waiting for the next flush.
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
    }

    /// A socket became writable: goes on with its rest.
    pub(crate) fn unblock(&mut self, links: &mut [Link], link: usize) {
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

    /// A connection is over.
    pub(crate) fn forget(&mut self, link: usize) {
        if !self.rests.is_empty() {
            self.rests.remove(&link);
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
