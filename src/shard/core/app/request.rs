//! Requests, offered to the handler.

use crate::handler::{Busy, Handler, Refusal};
use crate::id::ConnKey;
use crate::proto::http::{Request, Response, preflight};
use crate::shard::core::ShardCore;
use crate::shard::core::app::cx::Cx;

impl<H: Handler> ShardCore<H> {
    /// The answer to a request whose body is still to come, if its head decides that.
    pub(in crate::shard::core) fn answer_to_head(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
    ) -> Result<Option<Response>, Busy> {
        if preflight(request).is_some() {
            return Ok(None);
        }
        self.begin_request(key, request);
        let identified = self.identify(key, request);
        let shard = &mut self.shard;
        let answer = match identified {
            Ok(()) => Ok(self.handler.on_head(&mut Cx { shard, key }, request)),
            Err(Refusal::Respond(response)) => Ok(Some(response)),
            Err(Refusal::Wait(busy)) => Err(busy),
        };
        let is_over = matches!(answer, Ok(Some(_)));
        self.end_request(key, is_over);
        if answer.is_ok() {
            self.shard.questions.forget(key);
        }
        self.settle_homes();
        answer
    }

    pub(in crate::shard::core) fn ask_for(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
    ) -> Result<Response, Busy> {
        if let Some(preflight) = preflight(request) {
            return Ok(preflight.grant());
        }
        self.begin_request(key, request);
        let identified = self.identify(key, request);
        let shard = &mut self.shard;
        let answer =
            identified.and_then(|()| self.handler.on_request(&mut Cx { shard, key }, request));
        let answer = match answer {
            Ok(response) | Err(Refusal::Respond(response)) => Ok(response),
            Err(Refusal::Wait(busy)) => Err(busy),
        };
        self.end_request(key, answer.is_ok());
        if answer.is_ok() {
            self.shard.questions.forget(key);
        }
        self.settle_homes();
        answer
    }

    /// Lets the handler look at a request: nothing but its answer is to go out.
    fn begin_request(&mut self, key: ConnKey, request: &Request<'_>) {
        let shard = &mut self.shard;
        let client = shard.conns.client_of(&mut shard.env, key, request);
        let http = shard.conns.http(key);
        let principal = http.and_then(|http| http.principal.take());
        shard.callback.begin(client.unwrap_or_default(), principal);
        shard.set_answering(key, true);
    }

    /// `is_over`: it is answered. Otherwise its client stays known.
    fn end_request(&mut self, key: ConnKey, is_over: bool) {
        self.shard.set_answering(key, false);
        let principal = self.shard.callback.end();
        if let Some(http) = self.shard.conns.http(key) {
            http.principal = principal.filter(|_| !is_over);
        }
    }
}
