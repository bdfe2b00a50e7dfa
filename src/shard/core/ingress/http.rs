//! HTTP: bytes to requests, one at a time, and their answers into the outbox.
//!
//! The next head is read when the answer before it is in the outbox, and not while that is over
//! its limit: a client that asks and does not read is paused.

use crate::close_reason::CloseReason;
use crate::counters::{Limit, status_index};
use crate::handler::{Busy, Handler, SessionStream, Wait};
use crate::id::ConnKey;
use crate::limits::{ORIGIN_LOG_INTERVAL, OUTBOX_BYTES_HIGH, WORK_OF_REQUEST};
use crate::proto::http::{
    After, Body, BodyLength, Head, HttpError, NO_HEADERS, Request, Response, parse_head,
};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::http::{PendingRequest, Phase};
use crate::shard::core::ingress::Progress;

/// What a request opens.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    WebSocket,
    Events,
    Session(SessionStream),
}

impl<H: Handler> ShardCore<H> {
    /// Takes the next bytes of a connection that speaks HTTP.
    pub(in crate::shard::core) fn take_http(&mut self, key: ConnKey, input: &[u8]) -> Progress {
        let is_full = self.shard.usage().is_full_of_replies();
        let Some(conn) = self.shard.conns.live(key) else {
            return Progress::Ended;
        };
        if OUTBOX_BYTES_HIGH <= conn.outbox_len() || is_full {
            self.shard.pause(key, Busy(Wait::Outbox));
            return Progress::Paused(0);
        }
        let http = conn.protocol.http_mut();
        let request = http.and_then(|http| http.request.take());
        if let Some(request) = request {
            return self.take_body(key, request, input);
        }
        // RFC 9112 2.2: some clients send an empty line behind a body, which is no request.
        if input.starts_with(b"\r\n") {
            return Progress::Bytes(2);
        }
        let mut headers = NO_HEADERS;
        match parse_head(input, &mut headers, self.shard.env.config.head) {
            Ok(Head::Incomplete) => {
                if input != b"\r" {
                    self.shard.begin_phase(key, Phase::Head);
                }
                Progress::Incomplete
            }
            Ok(Head::Complete { request, taken }) => {
                self.shard.env.work.charge(WORK_OF_REQUEST);
                let progress = self.take_request(key, &request, &input[..taken], input.len());
                progress.unwrap_or_else(|error| self.refuse_request(key, &request, error))
            }
            Err(error) => self.refuse(key, error),
        }
    }

    /// Does what a request asks for, once its body has come, if it has one.
    fn take_request(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        head: &[u8],
        available: usize,
    ) -> Result<Progress, HttpError> {
        let framing = request.body_length()?;
        self.shard.env.config.origins.admit(request)?;
        let peer_info = self
            .shard
            .conns
            .client_of(&mut self.shard.env, key, request);
        let is_short = framing == BodyLength::None && !request.wants_websocket();
        let is_answered = is_short && self.handler.answers_when_full(request);
        if !is_answered && let Some(why) = self.shard.turned_away(key) {
            self.shard.refuse_turned_away(key, request, why);
            return Ok(Progress::Ended);
        }
        if !is_answered && let Err(response) = peer_info {
            return Ok(self.respond(key, request, &response));
        }
        let taken = head.len();
        let is_upgrade = request.wants_websocket();
        let is_read = framing == BodyLength::None && matches!(request.method, "GET" | "HEAD");
        let opens = if is_upgrade {
            Some(Stream::WebSocket)
        } else if is_read && self.handler.wants_events(request) {
            Some(Stream::Events)
        } else if is_read && request.method == "GET" {
            self.handler.wants_session(request).map(Stream::Session)
        } else {
            None
        };
        if let Some(opens) = opens {
            return Ok(self.open_stream(key, request, opens, taken));
        }
        self.shard.give_up_opening(key);
        if framing == BodyLength::None {
            return Ok(match self.ask_for(key, request) {
                Ok(response) => self.answer(key, request, &response, taken),
                Err(busy) => self.wait_with_request(key, busy, 0),
            });
        }
        // RFC 9110 10.1.1: an interim answer if a client waits for it, but not if its body came.
        let continues = request.expects_continue()? && taken == available;
        let decoder = Body::new(framing, self.shard.env.config.body_bytes_max)?;
        let answer = match self.answer_to_head(key, request) {
            Ok(answer) => answer,
            Err(busy) => return Ok(self.wait_with_request(key, busy, 0)),
        };
        if let Some(response) = answer {
            return Ok(if continues {
                // Whether a body follows is the client's choice, and cannot be told.
                self.respond(key, request, &response)
            } else {
                self.answer_early(key, request, &response, decoder, taken)
            });
        }
        self.shard.begin_phase(key, Phase::Body);
        if let Some(http) = self.shard.conns.http(key) {
            http.request = Some(Box::new(PendingRequest {
                head: head.to_vec(),
                body: Vec::new(),
                decoder,
                is_whole: false,
                is_answered: false,
            }));
        }
        if continues {
            let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
            self.shard.reply(key, |out| out.extend_from_slice(interim));
        }
        Ok(Progress::Bytes(taken))
    }

    /// Opens a connection that is more than requests and answers.
    pub(super) fn open_stream(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        opens: Stream,
        taken: usize,
    ) -> Progress {
        if self.shard.wait_until_answered(key) {
            return Progress::Paused(0);
        }
        if let Err(response) = self.count_opening(key, request) {
            return self.respond(key, request, &response);
        }
        let progress = match opens {
            Stream::WebSocket => self.upgrade(key, request, taken),
            Stream::Events => self.open_events(key, request, taken),
            Stream::Session(stream) => self.open_session_stream(key, request, stream, taken),
        };
        // Now that it is open: a room may have an answer for it.
        self.settle_homes();
        progress
    }

    /// Counts a request that opens a connection, once, however often the handler makes it wait.
    fn count_opening(&mut self, key: ConnKey, request: &Request<'_>) -> Result<(), Response> {
        let phase = self.shard.conns.http(key).map(|http| http.phase);
        if phase == Some(Phase::Handler) || request.method == "HEAD" {
            return Ok(());
        }
        let taken = self.shard.conns.take_opening(&mut self.shard.env, key);
        taken.map_err(|wait| self.shard.conns.throttled(key, wait))
    }

    /// The request stays where it is, and is offered again when what the handler waits for has
    /// come.
    pub(in crate::shard::core) fn wait_with_request(
        &mut self,
        key: ConnKey,
        busy: Busy,
        taken: usize,
    ) -> Progress {
        self.shard.begin_phase(key, Phase::Handler);
        self.shard.pause(key, busy);
        self.shard.arm(key);
        Progress::Paused(taken)
    }

    pub(in crate::shard::core) fn answer(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        response: &Response,
        taken: usize,
    ) -> Progress {
        let after = self.shard.after(key, request);
        if after == After::Close {
            return self.respond(key, request, response);
        }
        self.shard.put_answer(key, request, response, after);
        if 400 <= response.status {
            // Elsewhere the close tells.
            self.shard.env.counters.refused[status_index(response.status)] += 1;
        }
        if let Some(http) = self.shard.conns.http(key) {
            http.answered += 1;
            http.done = 0;
        }
        self.shard.begin_phase(key, Phase::Idle);
        Progress::Bytes(taken)
    }

    /// Answers for the last time.
    pub(in crate::shard::core) fn respond(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        response: &Response,
    ) -> Progress {
        self.shard.put_answer(key, request, response, After::Close);
        let reason = match response.status {
            status @ 400.. => CloseReason::Refused(status),
            _ => CloseReason::Answered,
        };
        self.shard.close(key, reason);
        Progress::Ended
    }

    /// Answers a request that cannot be granted.
    pub(in crate::shard::core) fn refuse_request(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        error: HttpError,
    ) -> Progress {
        let mut response = Response::from(error);
        if error == HttpError::OriginForbidden {
            self.shard.env.counters.hit(Limit::Origin);
            let words = self.shard.env.config.origins.refusal(request);
            response.body = format!("{words}\n").into_bytes().into();
            let now = self.shard.env.now;
            let notice = &mut self.shard.ingress.refused_origins;
            notice.note(|| words, now, ORIGIN_LOG_INTERVAL);
        }
        self.respond(key, request, &response)
    }

    /// Answers what cannot be understood: nothing after it can be.
    pub(in crate::shard::core) fn refuse(&mut self, key: ConnKey, error: HttpError) -> Progress {
        let response = Response::from(error);
        self.shard.reply_without_request(key, &response);
        self.shard.close(key, CloseReason::Refused(response.status));
        Progress::Ended
    }
}

impl<H: Handler> ShardCore<H> {
    /// Answers a request before its body has come, and discards that: its client goes on to send
    /// it, and may ask again behind it.
    pub(in crate::shard::core) fn answer_early(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        response: &Response,
        decoder: Body,
        taken: usize,
    ) -> Progress {
        let progress = self.answer(key, request, response, taken);
        if matches!(progress, Progress::Bytes(_))
            && let Some(http) = self.shard.conns.http(key)
        {
            http.request = Some(Box::new(PendingRequest {
                head: Vec::new(),
                body: Vec::new(),
                decoder,
                is_whole: false,
                is_answered: true,
            }));
            self.shard.begin_phase(key, Phase::Body);
        }
        progress
    }
}
