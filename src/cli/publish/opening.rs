//! The beginning of a connection that publishes.

use std::time::{Duration, Instant};

use crate::cli::Failure;
use crate::cli::dial::advice::explain;
use crate::cli::dial::{Dial, clock};
use crate::client::{Client, Event, RecvError};

/// What is known of a connection that has not begun: until when, and why not.
pub(super) struct Opening {
    why: String,
    deadline: Option<Instant>,
    has_token: bool,
}

impl Opening {
    pub(super) fn new(dial: &Dial) -> Self {
        Self {
            why: "the server has not answered".to_owned(),
            deadline: dial.deadline(),
            has_token: dial.token.is_given(),
        }
    }

    /// The next event but a loss after which the client comes back. Fails when it does not, and
    /// at the deadline.
    pub(super) fn next(&mut self, client: &mut Client) -> Result<Event, Failure> {
        loop {
            let deadline = self.deadline.unwrap_or_else(|| clock() + HOUR);
            match client.recv(deadline) {
                Ok(Event::Disconnected { reason, retry_in }) => {
                    self.why = explain(&reason, self.has_token);
                    if retry_in.is_none() {
                        return Err(Failure::failed(self.why.clone()));
                    }
                }
                Ok(event) => return Ok(event),
                Err(RecvError::Timeout) if self.deadline.is_none() => {}
                Err(RecvError::Timeout) => {
                    let why = &self.why;
                    return Err(Failure::failed(format!(
                        "not connected within --connect-timeout: {why}"
                    )));
                }
                Err(RecvError::Ended) => return Err(Failure::failed(self.why.clone())),
            }
        }
    }
}

const HOUR: Duration = Duration::from_secs(3600);
