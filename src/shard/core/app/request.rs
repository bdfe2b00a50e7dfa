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
        request: &Request<'_>,
    ) -> Option<Response> {
        let is_preflight = preflight(request).is_some();
        (!is_preflight).then(|| self.handler.on_head(request))?
    }

    pub(in crate::shard::core) fn ask_for(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
    ) -> Result<Response, Busy> {
        if let Some(preflight) = preflight(request) {
            return Ok(preflight.grant());
        }
        let shard = &mut self.shard;
        shard.callback.peer_info = shard
            .conns
            .client_of(&mut shard.env, key, request)
            .unwrap_or_default();
        shard.set_answering(key, true);
        let answer = self.handler.on_request(&mut Cx { shard, key }, request);
        self.shard.set_answering(key, false);
        self.shard.callback.peer_info = None;
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
}
