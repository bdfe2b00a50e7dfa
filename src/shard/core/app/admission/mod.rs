//! What a handler may ask for to admit clients: the time of day, an end of their connections, and
//! how denials are told.

pub(in crate::shard::core::app) mod identity;
mod revoke;

use std::time::Duration;

use crate::auth::challenge::answer_to;
use crate::denial::Denial;
use crate::proto::http::{Date, Request, Response, is_own};
use crate::shard::core::app::cx::Cx;
use crate::shard::core::shard::Shard;

impl<D, A> Cx<'_, D, A> {
    /// The time of day in seconds since the beginning of 1970, as of this second; 0 if the host has
    /// no clock.
    pub fn time_of_day(&self) -> u64 {
        self.shard.env.date.map_or(0, Date::secs)
    }

    /// Closes the connection after this time with [`CloseReason::Expired`](crate::CloseReason), or
    /// later by up to 128 ms. It replaces an earlier time; more than two years are no end.
    pub fn close_after(&mut self, time: Duration) {
        self.shard.close_after(self.key, time);
    }

    /// Counts a denial, and has one of them each second logged at `info`, with the client's address
    /// where that is known. `words`, which may be empty, say more to the log; they must not have a
    /// credential.
    pub fn deny(&mut self, denial: Denial, words: &str) {
        let (peer, id) = (self.peer(), self.id());
        let text = || {
            let from = peer.map_or_else(String::new, |peer| format!(" from {peer}"));
            let words = if words.is_empty() {
                ""
            } else {
                &format!(": {words}")
            };
            format!("conn {id}{from}: {denial}{words}")
        };
        self.shard.env.deny(denial, text);
    }

    /// [Denies](Self::deny) a request; returns its answer, with what a client needs to know to try
    /// again (`WWW-Authenticate`). After a credential that is not accepted, its connection closes:
    /// each check takes time, and another one shall cost the client a connection. It counts for
    /// [`check_attempt`](Self::check_attempt).
    pub fn refuse(&mut self, denial: Denial, words: &str) -> Response {
        self.note_refusal(denial, words);
        answer_to(denial)
    }

    /// The same without an answer, which is for requests.
    pub(in crate::shard::core::app) fn note_refusal(&mut self, denial: Denial, words: &str) {
        self.deny(denial, words);
        let is_checked = matches!(denial.status(), 401 | 503) && denial != Denial::Missing;
        if is_checked && let Some(http) = self.shard.conns.http(self.key) {
            http.is_denied = true;
        }
        if is_checked && denial != Denial::NoKeys {
            let Shard { conns, env, .. } = &self.shard;
            conns.take_attempt(env, self.key);
        }
    }

    /// Whether the client may show another credential: for an application that checks credentials
    /// of its own, before each check. As many that are not accepted are allowed as the client may
    /// open connections
    /// ([`open_rate_per_address`](crate::Config::open_rate_per_address)).
    ///
    /// # Errors
    ///
    /// It has shown too many: the answer.
    pub fn check_attempt(&mut self) -> Result<(), Response> {
        let Shard { conns, env, .. } = &mut self.shard;
        let checked = conns.check_attempt(env, self.key);
        checked.map_err(|wait| conns.throttled(self.key, wait))
    }

    /// Counts work of a callback that takes long, in nanoseconds on an ordinary core: after much of
    /// it, the shard serves others first.
    pub fn charge(&mut self, work: usize) {
        self.shard.env.work.charge(work);
    }

    /// Whether the page that makes a request may use the user's cookies: its origin is listed in
    /// [`Config::origins`](crate::Config::origins) by name, or it is the server's own; over TLS,
    /// one of `https`. A request without an `Origin` that says nothing of its site is not from a
    /// page.
    pub fn may_send_cookies(&self, request: &Request<'_>) -> bool {
        match request.header("origin") {
            Some(_) => {
                let reader = self.shard.reader(request);
                reader.is_some_and(|page| page.credentials || self.is_own(page.origin, request))
            }
            // Fetch Metadata: browsers send it without `Origin` as well, and no page can set it.
            None => request.header("sec-fetch-site") == Some(b"same-origin"),
        }
    }

    fn is_own(&self, origin: &str, request: &Request<'_>) -> bool {
        let origin = origin.to_ascii_lowercase();
        // Over TLS, a page of `http` may be an attacker's on the network. Without, a proxy may have
        // ended TLS, and both schemes count.
        let conn = self.shard.conns.get(self.key);
        let http = conn.and_then(|conn| conn.protocol.http());
        let is_tls = http.is_some_and(|http| http.is_tls);
        let host = request
            .header("host")
            .and_then(|host| std::str::from_utf8(host).ok());
        (!is_tls || origin.starts_with("https:")) && is_own(&origin, host.unwrap_or_default())
    }
}
