//! Requests with bodies: collected, and offered to the handler whole, as often as it takes.

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::{Busy, Handler, Wait};
use crate::id::ConnKey;
use crate::limits::WORK_OF_BODY_BYTE;
use crate::proto::http::{Head, HttpError, NO_HEADERS, Response, parse_head};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::http::{PendingRequest, Phase};
use crate::shard::core::ingress::Progress;
use crate::shard::core::ingress::http::Stream;

impl<H: Handler> ShardCore<H> {
    pub(in crate::shard::core) fn take_body(
        &mut self,
        key: ConnKey,
        mut request: Box<PendingRequest>,
        input: &[u8],
    ) -> Progress {
        let mut taken = 0;
        while taken < input.len() && !request.is_whole {
            match request.decoder.decode(&input[taken..]) {
                Ok(piece) => {
                    if !request.is_answered {
                        request.body.extend_from_slice(piece.data);
                    }
                    request.is_whole = piece.is_last;
                    taken += piece.taken;
                }
                Err(error) => {
                    let refusal = Response::from(error);
                    if !request.is_answered {
                        self.shard.respond_to_head(key, &request.head, &refusal);
                    }
                    self.shard.close(key, CloseReason::Refused(refusal.status));
                    return Progress::Ended;
                }
            }
        }
        if request.is_whole && request.is_answered {
            self.shard.begin_phase(key, Phase::Idle);
            self.shard.conns.rest(key);
            return Progress::Bytes(taken);
        }
        if request.is_whole {
            return self.offer_request(key, request, taken);
        }
        if let Some(http) = self.shard.conns.http(key) {
            http.request = Some(request);
        }
        Progress::Bytes(taken)
    }

    /// A request that waited with its body may be answered now; what follows it was not read.
    pub(in crate::shard::core) fn resume_request(&mut self, key: ConnKey) -> Option<Progress> {
        let http = self.shard.conns.http(key)?;
        let request = http.request.take_if(|request| request.is_whole)?;
        Some(self.offer_request(key, request, 0))
    }

    fn offer_request(
        &mut self,
        key: ConnKey,
        whole: Box<PendingRequest>,
        taken: usize,
    ) -> Progress {
        let share = self.shard.env.work.share_of_bodies();
        if self.shard.env.work.is_used_up(share) {
            self.shard.env.counters.hit(Limit::BodyTime);
            if let Some(http) = self.shard.conns.http(key) {
                http.request = Some(whole);
            }
            return self.wait_with_request(key, Busy(Wait::Turn), taken);
        }
        let mut headers = NO_HEADERS;
        let Ok(Head::Complete { mut request, .. }) =
            parse_head(&whole.head, &mut headers, self.shard.env.config.head)
        else {
            debug_assert!(false, "it was read before");
            return self.refuse(key, HttpError::RequestLine);
        };
        request.body = &whole.body;
        if request.method == "POST"
            && let Some(stream) = self.handler.wants_session(&request)
        {
            let opens = Stream::Session(stream);
            let progress = self.open_stream(key, &request, opens, taken);
            // What waits is offered again.
            let waits = matches!(progress, Progress::Paused(_));
            return match self.shard.conns.http(key).filter(|_| waits) {
                Some(http) => {
                    http.request = Some(whole);
                    Progress::Paused(taken)
                }
                None => progress,
            };
        }
        let before = self.shard.env.work.swap(share);
        let answer = self.ask_for(key, &request);
        // Charged behind it: before, a long body would leave no time for what it asks for.
        self.shard
            .env
            .work
            .charge(whole.body.len() * WORK_OF_BODY_BYTE);
        self.shard.env.work.swap(before);
        match answer {
            Ok(response) => self.answer(key, &request, &response, taken),
            Err(busy) => {
                if let Some(http) = self.shard.conns.http(key) {
                    http.request = Some(whole);
                }
                self.wait_with_request(key, busy, taken)
            }
        }
    }
}
