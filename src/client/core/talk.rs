//! The output of a client's core: messages, the close frame, and requests to the shell.

use crate::client::core::event::{Event, Reason};
use crate::client::core::{Core, State};
use crate::client::wire::{encode_close, encode_pong};
use crate::limits::{CLIENT_INBOX_BYTES_HIGH, CLIENT_INBOX_EVENTS_HIGH, CLIENT_OUT_BYTES_HIGH};
use crate::proto::Kind;
use crate::time::Now;

/// A position in the bytes sent over one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    connection: u32,
    written: u64,
}

impl Core {
    /// Whether the core accepts a message now.
    pub(crate) fn can_send(&self) -> bool {
        match &self.state {
            State::Up(up) => {
                self.live.is_some() && !up.closing && self.out().len() < CLIENT_OUT_BYTES_HIGH
            }
            _ => false,
        }
    }

    /// Takes a checked message if [`can_send`](Self::can_send) allows it; returns the position of
    /// its end.
    pub(crate) fn send(&mut self, kind: Kind, payload: &[u8], now: Now) -> Option<Place> {
        if !self.can_send() {
            return None;
        }
        let State::Up(up) = &mut self.state else {
            return None;
        };
        up.spoke = now;
        up.wire
            .encode(&mut self.out, &mut self.random, kind, payload);
        Some(Place {
            connection: self.connections,
            written: self.written + self.out().len() as u64,
        })
    }

    /// Whether everything up to `place` was sent; `None`: the connection ended before.
    pub(crate) fn is_sent(&self, place: Place) -> Option<bool> {
        let is_same = place.connection == self.connections;
        if is_same && place.written <= self.written {
            return Some(true);
        }
        (is_same && self.has_socket()).then_some(false)
    }

    /// Sends the close frame: nothing is sent, reported or tried after it.
    pub(crate) fn close(&mut self, code: u16, text: &str) {
        self.closed = true;
        self.inbox.clear();
        self.inbox_bytes = 0;
        match &mut self.state {
            State::Up(up) if self.live.is_some() => {
                up.closing = true;
                if up.wire.is_websocket() {
                    encode_close(&mut self.out, &mut self.random, Some(code), text);
                } else {
                    self.end_if_all_is_sent();
                }
            }
            State::Leaving { .. } => {}
            _ => self.state = State::Ended,
        }
    }

    /// The server has sent its close frame.
    pub(super) fn handle_close(&mut self, code: Option<u16>, text: String, now: Now) {
        self.heard_last = true;
        if matches!(&self.state, State::Up(up) if up.closing) {
            self.objection = code.filter(|code| *code != CLOSE_NORMAL);
        } else {
            // RFC 6455 5.5.1: the same code, and after it nothing.
            encode_close(&mut self.out, &mut self.random, code, "");
        }
        self.say_no_more(Reason::Closed { code, text }, now);
    }

    /// Ends a connection of which the program wants no more, and plans the next one.
    pub(crate) fn leave_for(&mut self, code: u16, why: &str, now: Now) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        if up.closing {
            return;
        }
        let reason = Reason::Left(why.to_owned());
        if up.wire.is_websocket() && self.live.is_some() {
            encode_close(&mut self.out, &mut self.random, Some(code), why);
            self.say_no_more(reason, now);
        } else {
            self.disconnect(reason, now);
        }
    }

    /// Bytes to be sent over the current connection.
    pub(crate) fn out(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    /// `n` bytes of [`out`](Self::out) were sent.
    pub(crate) fn handle_sent(&mut self, n: usize) {
        debug_assert!(n <= self.out().len());
        self.sent += n;
        self.written += n as u64;
        if self.out.len() <= self.sent {
            self.out.clear();
            self.sent = 0;
            // The memory of one large message is not kept.
            self.out.shrink_to(2 * CLIENT_OUT_BYTES_HIGH);
        } else if CLIENT_OUT_BYTES_HIGH.max(self.out().len()) <= self.sent {
            // At most as many bytes are moved as were sent since the last time.
            self.out.drain(..self.sent);
            self.sent = 0;
        }
        self.answer_ping();
        self.end_if_all_is_sent();
    }

    /// Answers the newest ping if there is space; pings alone must not fill the memory.
    pub(super) fn answer_ping(&mut self) {
        let has_space = self.out().len() < CLIENT_OUT_BYTES_HIGH;
        if let State::Up(up) = &mut self.state
            && has_space
            && !up.closing
            && let Some(payload) = up.ping.take()
        {
            encode_pong(&mut self.out, &mut self.random, &payload);
        }
    }

    /// Over TCP the end of the stream is the last word.
    fn end_if_all_is_sent(&mut self) {
        if let State::Up(up) = &self.state
            && up.closing
            && !up.wire.is_websocket()
            && self.out().is_empty()
        {
            self.heard_last = true;
            self.state = State::Ended;
        }
    }

    /// Whether the shell must connect a socket now; returns `true` once for each attempt.
    pub(crate) fn take_dial(&mut self) -> bool {
        match &mut self.state {
            State::Dialing { begun, .. } => !std::mem::replace(begun, true),
            _ => false,
        }
    }

    /// Whether a socket is being connected.
    pub(crate) fn is_dialing(&self) -> bool {
        matches!(self.state, State::Dialing { .. })
    }

    /// Whether there is a connection; the socket of an earlier one may be closed.
    pub(crate) fn has_socket(&self) -> bool {
        matches!(self.state, State::Up(_) | State::Leaving { .. })
    }

    /// Whether the subscription is live.
    pub(crate) fn is_live(&self) -> bool {
        self.live.is_some() && matches!(self.state, State::Up(_))
    }

    /// Whether bytes may be read: not while too many received messages wait to be taken.
    pub(crate) fn wants_bytes(&self) -> bool {
        let has_space = self.inbox.len() < CLIENT_INBOX_EVENTS_HIGH
            && self.inbox_bytes < CLIENT_INBOX_BYTES_HIGH;
        match &self.state {
            State::Up(up) => has_space && up.fault.is_none(),
            State::Leaving { .. } => true,
            _ => false,
        }
    }

    /// The next event.
    pub(crate) fn take_event(&mut self) -> Option<Event> {
        let event = self.inbox.pop_front()?;
        if let Event::Message { payload, .. } = &event {
            self.inbox_bytes -= payload.len();
        }
        Some(event)
    }

    /// Whether nothing can happen any more.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The close code with which the server has not agreed to the end.
    pub(crate) fn objection(&self) -> Option<u16> {
        self.objection
    }

    /// Whether both sides have closed.
    pub(crate) fn has_closed(&self) -> bool {
        self.heard_last && self.out().is_empty()
    }
}

/// RFC 6455 7.4.1: "the purpose for which the connection was established has been fulfilled".
pub(crate) const CLOSE_NORMAL: u16 = 1000;

#[cfg(test)]
#[path = "talk_tests.rs"]
mod tests;
