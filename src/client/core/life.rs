//! The deadlines of a client.

use crate::client::core::event::{Reason, TimeoutKind};
use crate::client::core::fault::reason_of;
use crate::client::core::{Core, State};
use crate::time::Now;

impl Core {
    /// Handles the deadlines up to `now`.
    pub(crate) fn handle_timeout(&mut self, now: Now) {
        self.handle_late_fault(now);
        match &self.state {
            State::Waiting { until } if *until <= now => {
                self.attempts = self.attempts.saturating_add(1);
                let until = now.plus(self.settings.connect_timeout);
                let begun = false;
                self.state = State::Dialing { begun, until };
            }
            State::Dialing { until, .. } if *until <= now => {
                self.disconnect(Reason::Timeout(TimeoutKind::Connect), now);
            }
            State::Leaving { until, .. } if *until <= now => self.leave(now),
            State::Up(_) => self.look_for_life(now),
            _ => {}
        }
    }

    /// The next time at which [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Now> {
        match &self.state {
            State::Waiting { until }
            | State::Dialing { until, .. }
            | State::Leaving { until, .. } => Some(*until),
            State::Up(_) if self.is_fault_due() => Some(Now::default()),
            State::Up(_) => self.deadline_of_life(),
            State::Ended => None,
        }
    }

    fn look_for_life(&mut self, now: Now) {
        let is_reading = self.wants_bytes();
        let State::Up(up) = &mut self.state else {
            return;
        };
        if !is_reading {
            // A client that does not read cannot know whether the server sends.
            up.heard = now;
            up.asked = None;
        }
        if self
            .deadline_of_life()
            .is_none_or(|deadline| now < deadline)
        {
            return;
        }
        let State::Up(up) = &mut self.state else {
            return;
        };
        let idle = self.settings.idle_timeout;
        let late = if self.live.is_none() {
            TimeoutKind::Handshake
        } else if idle.is_some_and(|idle| up.heard.plus(idle) <= now) {
            TimeoutKind::Idle
        } else if up.asked.is_some() {
            TimeoutKind::Pong
        } else {
            if up.wire.is_websocket() {
                up.asked = Some(now);
            }
            up.spoke = now;
            if up.closing {
                // Nothing follows the close frame; the wait shows whether an answer comes.
                return;
            }
            return up.wire.encode_heartbeat(&mut self.out, &mut self.random);
        };
        let refusal = up.wire.refusal().map(reason_of);
        self.disconnect(refusal.unwrap_or(Reason::Timeout(late)), now);
    }

    /// The time by which the server must have sent something, or must be pinged.
    fn deadline_of_life(&self) -> Option<Now> {
        let State::Up(up) = &self.state else {
            return None;
        };
        if self.live.is_none() {
            return Some(up.until);
        }
        let interval = self.settings.ping_interval;
        let ask = match up.asked {
            Some(asked) => asked.plus(self.settings.pong_timeout),
            None if up.wire.is_websocket() => up.heard.plus(interval),
            // There is no answer over TCP. The empty frame shows the server that this side lives,
            // and if the server's host is gone, the kernel notices.
            None => up.spoke.plus(interval),
        };
        let idle = self.settings.idle_timeout.map(|idle| up.heard.plus(idle));
        Some(idle.map_or(ask, |idle| idle.min(ask)))
    }
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
