//! Whether subscriptions live: a message to the server itself, after a silence. A connection can
//! stand and get nothing, after a failover.

use std::time::Instant;

use crate::redis::settings::RedisSettings;

/// What was heard, and what was asked.
#[derive(Debug)]
pub(super) struct Probe {
    heard: Instant,
    sent: Option<Instant>,
    number: u64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Good,
    /// Send this number.
    Send(u64),
    /// There was no answer.
    Dead,
}

impl Probe {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            heard: now,
            sent: None,
            number: 0,
        }
    }

    /// Something has come.
    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.sent = None;
    }

    pub(super) fn look(&mut self, now: Instant, settings: &RedisSettings) -> Look {
        match self.sent {
            Some(sent) if sent + settings.timeout <= now => {
                self.sent = None;
                Look::Dead
            }
            None if self.heard + settings.probe <= now => {
                self.sent = Some(now);
                self.number += 1;
                Look::Send(self.number)
            }
            _ => Look::Good,
        }
    }
}
