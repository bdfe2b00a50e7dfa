//! What the server says in each protocol beside messages: signs of life, refusals, last words.

use std::time::Duration;

use crate::close_reason::{CloseReason, plain};
use crate::limits::EVENTS_RETRY_FINAL;
use crate::payload::Form;
use crate::proto::centrifuge::{Disconnect, Event, Push, Reply};
use crate::proto::http::{Manner, Response};
use crate::proto::sse::{HEARTBEAT, LAST_CHUNK, encode_part, encode_retry, postpone};
use crate::proto::ws::{encode_close, encode_empty_close, encode_ping, is_final, with_retry_after};
use crate::shard::core::conn::session::Session;
use crate::shard::core::ingress::protocol::Protocol;

/// Nothing is wrong (RFC 6455 section 7.4.1).
const CLOSE_NORMAL: u16 = 1000;

/// The last word to a client.
pub(crate) enum LastWord<'a> {
    /// Why the server ends the connection.
    Reason(CloseReason),
    /// What the application says, or the answer to the client's own close frame: RFC 6455 5.5.1 has
    /// an endpoint echo the code, and a page's `onclose` is told what came back. An empty one is
    /// answered with an empty one, as 1005 is never sent (7.4.1).
    Given { code: Option<u16>, reason: &'a str },
    /// The server shuts down, and its clients should come back after this time.
    ComeBack(Duration),
}

impl Protocol {
    /// Writes what keeps a connection alive, or shows that it is not.
    pub(crate) fn encode_heartbeat(&self, form: Form, out: &mut Vec<u8>) {
        match self {
            Self::WebSocket(_) => encode_ping(out, b""),
            Self::Session(session) => session.encode_ping(out),
            Self::Events(_) => encode_part(out, form == Form::SseChunks, HEARTBEAT),
            Self::Framed(frames) => out.extend_from_slice(frames.framing.empty()),
            Self::Http(_) | Self::Asking(_) | Self::Lingering(_) => {}
        }
    }

    /// Writes the last word, if the protocol has one.
    pub(crate) fn encode_last_word(&self, form: Form, word: &LastWord<'_>, out: &mut Vec<u8>) {
        match self {
            Self::WebSocket(_) => word.encode(out),
            Self::Session(session) => word.encode_for_sdk(session, out),
            Self::Events(_) => word.encode_as_events(form == Form::SseChunks, out),
            Self::Http(_) | Self::Framed(_) | Self::Asking(_) | Self::Lingering(_) => {}
        }
    }

    /// Writes a refusal in place of the greeting, if the protocol begins with a response; `delay`:
    /// before an `EventSource` comes back.
    pub(crate) fn encode_refusal(
        &self,
        response: &Response,
        delay: Duration,
        manner: &Manner<'_>,
        out: &mut Vec<u8>,
    ) {
        match self {
            Self::WebSocket(_) | Self::Session(_) | Self::Http(_) => {
                response.encode_as(out, manner);
            }
            Self::Events(_) => postpone(response, delay).encode_as(out, manner),
            Self::Framed(_) | Self::Asking(_) | Self::Lingering(_) => {}
        }
    }
}

impl LastWord<'_> {
    /// Writes the end of an event stream. An `EventSource` that should not come back is told to
    /// wait: it cannot be told more than that.
    fn encode_as_events(&self, is_chunked: bool, out: &mut Vec<u8>) {
        let retry = match self {
            Self::ComeBack(after) => Some(*after),
            _ => self
                .code()
                .is_some_and(is_final)
                .then_some(EVENTS_RETRY_FINAL),
        };
        if let Some(retry) = retry {
            encode_retry(out, is_chunked, retry);
        }
        if is_chunked {
            out.extend_from_slice(LAST_CHUNK);
        }
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Given { code, .. } => *code,
            Self::Reason(reason) => reason.close_code(),
            Self::ComeBack(_) => CloseReason::Shutdown.close_code(),
        }
    }

    /// Writes a close frame as SDKs need it, or what says the same at the end of a stream.
    fn encode_for_sdk(&self, session: &Session, out: &mut Vec<u8>) {
        let end = self.for_sdk();
        if session.carrier().is_web_socket() {
            return end
                .into_iter()
                .for_each(|(code, text)| encode_close(out, code, text));
        }
        if let Some((code, reason)) = end {
            let disconnect = Disconnect {
                code: code.into(),
                reason: reason.to_owned(),
            };
            let push = Push::to_connection(Event::Disconnect(disconnect));
            session.encode(out, &Reply::push(push));
        }
        if session.carrier().is_chunked() {
            out.extend_from_slice(LAST_CHUNK);
        }
    }

    /// The code and the text for an SDK: it decides by the code whether it comes back, and only if
    /// there is a text that is no JSON.
    fn for_sdk(&self) -> Option<(u16, &str)> {
        match self {
            Self::Given { code, reason } => Some((code.unwrap_or(CLOSE_NORMAL), plain(reason))),
            Self::Reason(reason) => reason.for_sdk(),
            // An SDK spreads its return itself, and compares the text.
            Self::ComeBack(_) => CloseReason::Shutdown.for_sdk(),
        }
    }

    /// Writes a close frame, unless the reason has no code.
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Given {
                code: Some(code),
                reason,
            } => encode_close(out, *code, reason),
            Self::Given { code: None, .. } => encode_empty_close(out),
            Self::ComeBack(after) => {
                let reason = CloseReason::Shutdown;
                if let Some(code) = reason.close_code() {
                    encode_close(out, code, &with_retry_after(&reason.to_string(), *after));
                }
            }
            Self::Reason(reason) => {
                if let Some(code) = reason.close_code() {
                    let is_client = *reason == CloseReason::Client;
                    let text = (!is_client).then(|| reason.to_string());
                    encode_close(out, code, &text.unwrap_or_default());
                }
            }
        }
    }
}
