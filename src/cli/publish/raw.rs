//! Publishing to the topic of a path, or of a TCP listener.

use std::time::{Duration, Instant};

use crate::cli::Failure;
use crate::cli::dial::advice::{explain, of_code};
use crate::cli::dial::url::Role;
use crate::cli::dial::{Dial, clock, connect};
use crate::cli::publish::opening::Opening;
use crate::client::{Client, CloseError, Event, RecvError, SendError};
use crate::proto::Kind;

/// A connection whose messages are published.
pub(super) struct Raw {
    client: Client,
    is_tcp: bool,
    has_token: bool,
    /// Messages that the kernel has taken.
    sent: u64,
}

impl Raw {
    /// Connects.
    pub(super) fn connect(dial: &Dial, topic: &str, key: Option<&str>) -> Result<Self, Failure> {
        let base = dial.base()?;
        let url = base.topic(Role::Publish, topic, key)?;
        let client = connect(dial.client_with_token(&url)?)?;
        let mut raw = Self {
            client,
            is_tcp: base.is_tcp(),
            has_token: dial.token.is_given(),
            sent: 0,
        };
        let mut opening = Opening::new(dial);
        while !matches!(opening.next(&mut raw.client)?, Event::Connected { .. }) {}
        Ok(raw)
    }

    /// Sends one message.
    pub(super) fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Failure> {
        loop {
            match self.client.send(kind, payload, clock() + STEP) {
                Ok(()) => {
                    self.sent += 1;
                    return Ok(());
                }
                // Messages that come back make space when they are taken.
                Err(SendError::Timeout) => self.wait(Duration::ZERO)?,
                Err(SendError::Disconnected | SendError::Ended) => {
                    self.wait(STEP)?;
                    return Err(self.broken("the connection has ended"));
                }
                Err(err) => return Err(Failure::usage(err.to_string())),
            }
        }
    }

    /// Keeps the connection alive for a while, and throws away what it receives.
    pub(super) fn wait(&mut self, time: Duration) -> Result<(), Failure> {
        let end = clock() + time;
        self.discard(end).map(drop)
    }

    /// Takes events until a time; says whether any came.
    fn discard(&mut self, end: Instant) -> Result<bool, Failure> {
        let mut any = false;
        loop {
            match self.client.recv(end) {
                Ok(Event::Disconnected { reason, .. }) => {
                    return Err(self.broken(&explain(&reason, self.has_token)));
                }
                Ok(_) => any = true,
                Err(RecvError::Timeout) => return Ok(any),
                Err(RecvError::Ended) => return Err(self.broken("the client has ended")),
            }
        }
    }

    fn broken(&self, why: &str) -> Failure {
        let sent = self.sent;
        Failure::failed(format!(
            "{why}; {sent} messages were sent, and the server may not have taken the last of them"
        ))
    }

    /// Closes the connection, which over WebSocket says whether the server has taken all messages:
    /// it answers the close frame after them.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        if self.is_tcp {
            // Unread bytes at the end of a socket are a reset, which may destroy what was sent.
            let end = clock() + CLOSE_TIMEOUT;
            while clock() < end && self.discard(clock() + QUIET)? {}
        }
        let sent = self.sent;
        let why = match self.client.close(clock() + CLOSE_TIMEOUT) {
            Ok(()) => return Ok(()),
            Err(CloseError::Closed { code }) => {
                let advice = of_code(code);
                format!("the server has closed the connection with {code}; {advice}")
            }
            Err(err) => err.to_string(),
        };
        Err(Failure::failed(format!(
            "{why}; {sent} messages were sent, and the server may not have taken the last of them"
        )))
    }
}

/// Between two looks at what comes meanwhile.
const STEP: Duration = Duration::from_millis(100);
/// Nothing comes back after this.
const QUIET: Duration = Duration::from_millis(100);
/// How long a server may take for what it was sent last, such as one that is limited by a rate.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
