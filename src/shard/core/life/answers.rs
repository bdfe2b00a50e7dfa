//! Answers to requests: into the outbox, and what a connection waits for next.

use crate::counters::Limit;
use crate::handler::Handler;
use crate::id::ConnKey;
use crate::limits::EVENTS_RETRY_REFUSED;
use crate::proto::http::{
    After, Date, Head, Manner, NO_HEADERS, Reader, Request, Response, parse_head,
};
use crate::proto::sse;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::http::Phase;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::shard::Shard;

impl<D, A> Shard<D, A> {
    /// Something else is waited for, from now on; or the next request once more.
    pub(crate) fn begin_phase(&mut self, key: ConnKey, phase: Phase) {
        let stamp = self.env.now.stamp();
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        let Some(http) = conn.protocol.http_mut() else {
            return;
        };
        if http.phase == Phase::New && phase == Phase::Head {
            // It is due since the connection came.
            http.phase = phase;
        } else if http.phase != phase || phase == Phase::Idle {
            http.phase = phase;
            conn.heard = stamp;
            self.arm(key);
        }
    }

    /// Pauses a connection that changes its protocol until the answers before that are sent.
    pub(crate) fn wait_until_answered(&mut self, key: ConnKey) -> bool {
        let conn = self.conns.live(key);
        // What is corked is the handler's, for behind the greeting.
        let waits = conn.is_some_and(|conn| conn.outbox_len() != 0 && !conn.state.is_corked());
        if waits {
            // What there is in an outbox is written, or waits for the socket.
            self.conns.pause_for(&mut self.env, key, Pause::Outbox);
        }
        waits
    }

    /// Whose pages may read the answer to a request that was admitted.
    pub(crate) fn reader<'b>(&self, request: &Request<'b>) -> Option<Reader<'b>> {
        self.env.config.origins.admit(request).ok().flatten()
    }

    pub(crate) fn put_answer(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        response: &Response,
        after: After,
    ) {
        let manner = Manner {
            head_only: request.method == "HEAD",
            after,
            reader: self.reader(request),
            date: self.env.date,
        };
        self.env.counters.requests += 1;
        if sse::is_passing(response.status) && request.wants_events() {
            let delay = sse::spread(EVENTS_RETRY_REFUSED, self.conns.id(key).generation);
            let postponed = sse::postpone(response, delay);
            return self.reply(key, |out| postponed.encode_as(out, &manner));
        }
        self.reply(key, |out| response.encode_as(out, &manner));
    }

    /// Answers what is no request that could be read.
    pub(crate) fn reply_without_request(&mut self, key: ConnKey, response: &Response) {
        let manner = Manner {
            date: self.env.date,
            ..Manner::default()
        };
        self.env.counters.requests += 1;
        self.reply(key, |out| response.encode_as(out, &manner));
    }

    /// Answers a request of which no more than the head need have come, for the last time.
    pub(crate) fn respond_to_head(&mut self, key: ConnKey, head: &[u8], response: &Response) {
        let mut headers = NO_HEADERS;
        match parse_head(head, &mut headers, self.env.config.head) {
            Ok(Head::Complete { request, .. }) => {
                self.put_answer(key, &request, response, After::Close);
            }
            _ => debug_assert!(false, "it was read before"),
        }
    }

    /// What becomes of a connection when a request is answered.
    pub(crate) fn after(&mut self, key: ConnKey, request: &Request<'_>) -> After {
        let max = self.env.config.requests_per_conn_max;
        let answered = self.conns.http(key).map_or(max, |http| http.answered + 1);
        let is_denied = self.conns.http(key).is_some_and(|http| http.is_denied);
        if is_denied || self.drain.is_some() || self.turned_away(key).is_some() {
            return After::Close;
        }
        if max <= answered {
            self.env.counters.hit(Limit::Requests);
            return After::Close;
        }
        request.after()
    }

    /// Nothing but the answer to its request is to go out, or more again.
    pub(crate) fn set_answering(&mut self, key: ConnKey, answering: bool) {
        let next = if answering {
            State::Answering
        } else {
            State::Opening
        };
        if let Some(conn) = self.conns.live(key) {
            conn.move_to(next);
        }
    }
}

impl<H: Handler> ShardCore<H> {
    /// What answers say from now on of the time.
    pub fn set_date(&mut self, date: Date) {
        self.shard.env.date = Some(date);
    }
}
