//! What a client does after an error of the server.

use crate::client::core::event::Reason;
use crate::client::core::upgrade::Refusal;
use crate::client::core::{Core, State};
use crate::client::wire::{Fault, encode_close};
use crate::time::Now;

impl Core {
    /// Whether the error must be handled now.
    pub(super) fn is_fault_due(&self) -> bool {
        matches!(&self.state, State::Up(up) if up.fault.is_some()) && self.inbox.is_empty()
    }

    /// Handles an error that arrived after messages which have been taken by now.
    pub(super) fn handle_late_fault(&mut self, now: Now) {
        if self.is_fault_due()
            && let State::Up(up) = &mut self.state
            && let Some(fault) = up.fault.take()
        {
            self.handle_fault(*fault, now);
        }
    }

    /// RFC 6455 7.1.7: a client that fails the connection sends a close frame and closes.
    pub(super) fn handle_fault(&mut self, fault: Fault, now: Now) {
        let says_why = match (&fault, &self.state) {
            (Fault::Protocol(err), State::Up(up)) => {
                (up.wire.is_websocket() && !up.closing).then_some(*err)
            }
            _ => None,
        };
        match says_why {
            Some(err) => {
                let (code, text) = (Some(err.close_code()), err.to_string());
                encode_close(&mut self.out, &mut self.random, code, &text);
                self.say_no_more(reason_of(fault), now);
            }
            None => self.disconnect(reason_of(fault), now),
        }
    }
}

pub(super) fn reason_of(fault: Fault) -> Reason {
    match fault {
        Fault::Refused(Refusal {
            status,
            body,
            retry_after,
        }) => Reason::Refused {
            status,
            body: body.finish(),
            retry_after,
        },
        Fault::Handshake(err) => Reason::Handshake(err),
        Fault::Protocol(err) => Reason::Protocol(err),
    }
}
