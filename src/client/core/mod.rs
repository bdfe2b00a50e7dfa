//! The pure part of a client: connecting, reconnecting and the protocol, without socket and clock.
//!
//! Events come in through `handle_*`. Afterwards the shell asks what to do: [`Core::take_dial`],
//! [`Core::out`], [`Core::has_socket`], [`Core::take_event`] and [`Core::next_deadline`].

pub(crate) mod backoff;
pub(crate) mod codec;
pub(crate) mod event;
pub(crate) mod random;
pub(crate) mod settings;
pub(crate) mod token;
pub(crate) mod upgrade;
pub(crate) mod url;

mod fault;
mod life;
mod positions;
pub(crate) mod talk;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use crate::client::core::event::{Event, Reason};
use crate::client::core::fault::reason_of;
use crate::client::core::positions::Positions;
use crate::client::core::random::Random;
use crate::client::core::settings::Settings;
use crate::client::core::token::Token;
use crate::client::core::upgrade::UpgradeRequest;
use crate::client::wire::{Fault, FromServer, LengthPrefix, Wire};
use crate::limits::LINGER_MOMENT;
use crate::proto::Kind;
use crate::time::Now;

/// A client without its socket and its clock.
pub(crate) struct Core {
    settings: Settings,
    random: Random,
    state: State,
    positions: Positions,
    /// The token of the attempt under way, until it is sent.
    token: Option<Token>,
    /// `out[sent..]` must be sent over the current connection.
    out: Vec<u8>,
    sent: usize,
    inbox: VecDeque<Event>,
    /// Bytes of the messages in `inbox`.
    inbox_bytes: usize,
    /// Attempts followed by a delay since a connection lasted.
    failures: u32,
    /// The time since which the subscription of this connection is live.
    live: Option<Now>,
    /// Bytes of this connection that were sent.
    written: u64,
    /// Attempts since it was connected.
    attempts: u32,
    /// The number of connections so far.
    connections: u32,
    /// The user has closed the client: nothing is reported any more.
    closed: bool,
    /// The server has sent its close frame or its end.
    heard_last: bool,
    /// The close code that it has answered to another one.
    objection: Option<u16>,
}

#[derive(Debug)]
enum State {
    /// The next attempt begins at `until`.
    Waiting { until: Now },
    /// The shell connects a socket, at most until `until`.
    Dialing { begun: bool, until: Now },
    /// There is a connection.
    Up(Up),
    /// The close frame is sent. What still arrives is ignored, but closing before the server does
    /// could destroy the close frame.
    Leaving { reason: Reason, until: Now },
    /// The client has ended.
    Ended,
}

#[derive(Debug)]
struct Up {
    wire: Wire,
    /// The time by which the subscription must be live.
    until: Now,
    /// The time of the last sign of life from the server, and of a later ping.
    heard: Now,
    asked: Option<Now>,
    /// The time of the last send to it.
    spoke: Now,
    /// The newest unanswered ping; RFC 6455 5.5.3: earlier ones need no answer.
    ping: Option<Vec<u8>>,
    /// This side has sent its close frame.
    closing: bool,
    /// The error after which it cannot continue. It is handled when the earlier messages are taken,
    /// which may still be answer.
    fault: Option<Box<Fault>>,
}

impl Core {
    /// A client whose first attempt begins at `now`.
    pub(crate) fn new(settings: Settings, fill: fn(&mut [u8]), now: Now) -> Self {
        Self {
            positions: Positions::new(settings.since),
            settings,
            random: Random::new(fill),
            state: State::Waiting { until: now },
            token: None,
            out: Vec::new(),
            sent: 0,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            failures: 0,
            live: None,
            written: 0,
            attempts: 0,
            connections: 0,
            closed: false,
            heard_last: false,
            objection: None,
        }
    }

    /// A socket is connected; the request is sent.
    pub(crate) fn handle_connected(&mut self, now: Now) {
        self.out.clear();
        self.sent = 0;
        self.written = 0;
        self.live = None;
        self.heard_last = false;
        self.connections = self.connections.wrapping_add(1);
        let token = self.token.take();
        let wire = match &self.settings.offer {
            Some(offer) => {
                let (out, nonce) = (&mut self.out, self.random.bytes());
                let since = self.positions.request();
                let request = UpgradeRequest::begin(out, offer, since, token.as_ref(), nonce);
                Wire::Upgrading(Box::new(request))
            }
            None => {
                let mut wire = Wire::LengthPrefix(LengthPrefix::default());
                if let Some(token) = token {
                    let payload = token.text().as_bytes();
                    wire.encode(&mut self.out, &mut self.random, Kind::Binary, payload);
                }
                wire
            }
        };
        self.state = State::Up(Up {
            wire,
            until: now.plus(self.settings.handshake_timeout),
            heard: now,
            asked: None,
            spoke: now,
            ping: None,
            closing: false,
            fault: None,
        });
    }

    /// No socket could be connected.
    pub(crate) fn handle_not_connected(&mut self, reason: Reason, now: Now) {
        self.disconnect(reason, now);
    }

    /// Bytes have arrived; they are decoded in place.
    pub(crate) fn handle_bytes(&mut self, mut bytes: &mut [u8], now: Now) {
        self.handle_progress(now);
        while let State::Up(up) = &mut self.state
            && !bytes.is_empty()
            && up.fault.is_none()
        {
            match up.wire.take(bytes, self.settings.message_bytes_max) {
                Ok((taken, said)) => {
                    bytes = &mut bytes[taken..];
                    if let Some(said) = said {
                        self.handle_said(said, now);
                    }
                }
                Err(fault) if matches!(self.inbox.back(), Some(Event::Message { .. })) => {
                    up.fault = Some(Box::new(fault));
                }
                Err(fault) => return self.handle_fault(fault, now),
            }
        }
    }

    /// The server's host is alive: it has sent something, or has taken bytes after it took none.
    pub(crate) fn handle_progress(&mut self, now: Now) {
        if let State::Up(up) = &mut self.state {
            up.heard = now;
            up.asked = None;
        }
    }

    /// The stream has ended or failed.
    pub(crate) fn handle_end(&mut self, err: Option<io::Error>, now: Now) {
        let reason = match &mut self.state {
            State::Up(up) => match up.wire.refusal() {
                Some(fault) => reason_of(fault),
                None => err.map_or(Reason::EndOfStream, Reason::of),
            },
            State::Leaving { .. } => return self.leave(now),
            _ => return,
        };
        self.disconnect(reason, now);
    }

    /// The shell's poll has failed.
    pub(crate) fn handle_broken(&mut self, err: io::Error) {
        self.state = State::Ended;
        let (reason, retry_in) = (Reason::Lost(err), None);
        self.report(Event::Disconnected { reason, retry_in });
    }

    fn handle_said(&mut self, said: FromServer, now: Now) {
        let State::Up(up) = &mut self.state else {
            return;
        };
        match said {
            FromServer::Live { protocol, mut rest } => {
                self.live = Some(now);
                self.positions.begin(protocol.as_deref());
                let attempts = std::mem::take(&mut self.attempts);
                self.report(Event::Connected { protocol, attempts });
                self.handle_bytes(&mut rest, now);
            }
            FromServer::Message { kind, payload } => self.handle_message(kind, payload, now),
            FromServer::Ping(payload) => {
                up.ping = Some(payload);
                self.answer_ping();
            }
            FromServer::Heartbeat => {}
            FromServer::Close { code, text } => self.handle_close(code, text, now),
        }
    }

    /// After the close frame: waits until the server closes the stream, or for a moment.
    pub(super) fn say_no_more(&mut self, reason: Reason, now: Now) {
        let until = now.plus(LINGER_MOMENT);
        self.state = State::Leaving { reason, until };
    }

    fn leave(&mut self, now: Now) {
        if let State::Leaving { reason, .. } = std::mem::replace(&mut self.state, State::Ended) {
            self.disconnect(reason, now);
        }
    }

    /// The connection or the attempt has ended; plans the next one.
    pub(super) fn disconnect(&mut self, reason: Reason, now: Now) {
        let Settings {
            backoff_base,
            backoff_cap,
            reconnect,
            retry_refusals,
            renews_token,
            ..
        } = self.settings;
        // Only then: a server that accepts and closes at once would otherwise get a storm of
        // attempts.
        if let Some(live) = self.live.take()
            && backoff_cap <= now.since(live)
        {
            self.failures = 0;
        }
        let is_unauthorized = matches!(reason, Reason::Refused { status: 401, .. });
        let may_succeed = retry_refusals || renews_token && is_unauthorized;
        let gives_up = !reconnect || reason.is_terminal() && !may_succeed;
        let retry_in: Option<Duration> = (!gives_up && !self.closed).then(|| {
            let random = self.random.number();
            // Together: the clients of a busy server do not come back in one moment.
            reason.retry_after() + backoff::delay(backoff_base, backoff_cap, self.failures, random)
        });
        self.failures = self.failures.saturating_add(1);
        self.state = match retry_in {
            Some(delay) => State::Waiting {
                until: now.plus(delay),
            },
            None => State::Ended,
        };
        self.report(Event::Disconnected { reason, retry_in });
    }

    fn report(&mut self, event: Event) {
        if !self.closed {
            self.inbox.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests;
