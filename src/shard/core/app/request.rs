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
    ) -> Option<Response> {
        if preflight(request).is_some() {
            return None;
        }
        self.begin_request(key, request);
        let shard = &mut self.shard;
        let answer = self.handler.on_head(&mut Cx { shard, key }, request);
        self.end_request(key);
        self.shard.questions.forget(key);
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
        let shard = &mut self.shard;
        let answer = self.handler.on_request(&mut Cx { shard, key }, request);
        self.end_request(key);
        let answer = match answer {
            Ok(response) | Err(Refusal::Respond(response)) => Ok(response),
            Err(Refusal::Wait(busy)) => Err(busy),
        };
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
        shard.callback.peer_info = client.unwrap_or_default();
        shard.set_answering(key, true);
    }

    fn end_request(&mut self, key: ConnKey) {
        self.shard.set_answering(key, false);
        self.shard.callback.peer_info = None;
    }
}
