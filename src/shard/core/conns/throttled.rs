//! How often the clients of a shard open connections, and show credentials that are not accepted.

use core::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::address::client_of;
use crate::auth::challenge::answer_to;
use crate::denial::Denial;
use crate::id::ConnKey;
use crate::limits::RETRY_SPREAD;
use crate::proto::http::Response;
use crate::proto::sse;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::throttle::Throttle;
use crate::time::Now;

impl<D> Conns<D> {
    /// Takes one opening of the client of a connection.
    ///
    /// # Errors
    ///
    /// It opens connections too often: the time until it may open the next.
    pub(crate) fn take_opening(&self, env: &mut Env, key: ConnKey) -> Result<(), Duration> {
        self.throttle(env, key, |throttle, addr, now| {
            throttle.take(&client_of(addr), now)
        })
    }

    /// Whether the client of a connection may show another credential. Those that were not accepted
    /// have buckets of their own: what others behind its address open does not count.
    ///
    /// # Errors
    ///
    /// Too many were not accepted: the time until it may show the next.
    pub(crate) fn check_attempt(&self, env: &mut Env, key: ConnKey) -> Result<(), Duration> {
        self.throttle(env, key, |throttle, addr, now| {
            throttle.check(&attempts_of(addr), now)
        })
    }

    /// The credential of a client was not accepted.
    pub(crate) fn take_attempt(&self, env: &Env, key: ConnKey) {
        if let Some((throttle, addr)) = env
            .throttles
            .addresses
            .as_ref()
            .zip(self.clients.throttled(key))
        {
            // One that checks at the same time may be one too many.
            let _taken = throttle.take(&attempts_of(addr), env.now);
        }
    }

    fn throttle(
        &self,
        env: &mut Env,
        key: ConnKey,
        ask: impl FnOnce(&Throttle, IpAddr, Now) -> Result<(), Duration>,
    ) -> Result<(), Duration> {
        let throttles = Arc::clone(&env.throttles);
        let addr = self.clients.throttled(key);
        let Some((throttle, addr)) = throttles.addresses.as_ref().zip(addr) else {
            return Ok(());
        };
        ask(throttle, addr, env.now).inspect_err(|_| {
            let id = self.id(key);
            let denial = Denial::Throttled;
            env.deny(denial, || format!("conn {id} from {addr}: {denial}"));
        })
    }

    /// The answer to a client that opens connections too often: it says when to come back, and not
    /// the same to all.
    pub(crate) fn throttled(&self, key: ConnKey, wait: Duration) -> Response {
        let range = wait..wait + wait.max(RETRY_SPREAD);
        let delay = sse::spread(range, self.id(key).generation);
        let secs = delay.as_millis().div_ceil(1_000).max(1);
        answer_to(Denial::Throttled).with_header("Retry-After", secs.to_string())
    }
}

/// The key of a client's attempts, beside that of its openings.
fn attempts_of(addr: IpAddr) -> (&'static str, IpAddr) {
    ("attempts", client_of(addr))
}
