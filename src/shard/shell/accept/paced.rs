//! Serving what was accepted: at once, or when the rate allows it.

use crate::handler::Handler;
use crate::shard::shell::accept::Acceptor;
use crate::shard::shell::accept::accept_rate::{Accepted, Waits};
use crate::shard::shell::accept::admit::{Intake, open};
use crate::shard::shell::accept::listener;
use crate::time::Now;

impl Acceptor {
    /// Serves a connection, or holds it until the rate allows that.
    pub(super) fn serve<H: Handler>(
        &mut self,
        accepted: Accepted,
        into: &mut Intake<'_, H>,
        now: Now,
    ) {
        if self.pace.is_limited() {
            let speaks_first = listener::client_speaks_first(&self.listeners, accepted.listener);
            if accepted.is_over(speaks_first) {
                return into.core.count_accept_over();
            }
            if !self.may_come(now, into) {
                return self.pace.hold(accepted);
            }
        }
        let Accepted {
            socket,
            peer,
            listener,
        } = accepted;
        open(into, socket.into(), peer, &self.listeners, listener);
    }

    /// Serves the connection that is held; `false` if it has to wait on.
    pub(super) fn serve_held<H: Handler>(&mut self, into: &mut Intake<'_, H>, now: Now) -> bool {
        let is_time = self.pace.goes_on_at() <= now;
        if let Some(held) = is_time.then(|| self.pace.take_held()).flatten() {
            self.serve(held, into, now);
        }
        !self.pace.holds()
    }

    /// Whether the rate allows a connection of this shard now.
    fn may_come<H: Handler>(&mut self, now: Now, into: &mut Intake<'_, H>) -> bool {
        let waits = self.pace.check(now).err();
        if waits == Some(Waits::FromNow) {
            into.core.count_accept_wait();
        }
        waits.is_none()
    }

    /// Whether this shard may serve what it could not deal.
    pub(super) fn may_serve<H: Handler>(&mut self, now: Now, into: &mut Intake<'_, H>) -> bool {
        self.closing || !into.sessions.is_full() && self.may_come(now, into)
    }
}
