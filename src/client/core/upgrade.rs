//! The WebSocket upgrade request and its answer.

use std::time::Duration;

use crate::client::core::codec::Codec;
use crate::client::core::token::Token;
use crate::limits::{REFUSAL_BODY_BYTES_MAX, RETRY_AFTER_MAX};
use crate::position::Since;
use crate::proto::http::{AnswerHead, NO_ANSWER_HEADERS, dechunk, parse_answer};
use crate::proto::ws::dial::{
    Agreement, HandshakeError, Offer, check_switching_protocols, encode_key, encode_upgrade,
};

/// An upgrade request whose answer is arriving.
#[derive(Debug)]
pub(crate) struct UpgradeRequest {
    offer: Offer,
    key: String,
    head: Vec<u8>,
}

/// The server's answer.
#[derive(Debug)]
pub(crate) enum UpgradeAnswer {
    /// The upgrade was granted; `rest` is the beginning of the WebSocket stream.
    Granted {
        protocol: Option<String>,
        codec: Option<Box<Codec>>,
        rest: Vec<u8>,
    },
    /// The upgrade was refused; the body is as far as it has come with the head.
    Refused(Refusal),
}

/// A refusal, whose body may still be arriving.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) body: Body,
    /// How long the server wants no other attempt.
    pub(crate) retry_after: Option<Duration>,
}

/// The kept part of the body of a refusal.
#[derive(Debug, Default)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    len: Option<usize>,
    chunked: bool,
}

impl UpgradeRequest {
    /// Appends the request, which may ask for earlier messages.
    pub(crate) fn begin(
        out: &mut Vec<u8>,
        offer: &Offer,
        since: Since,
        token: Option<&Token>,
        nonce: [u8; 16],
    ) -> Self {
        let key = encode_key(nonce);
        let mut offer = offer.clone();
        let asked = match since {
            Since::Position(position) => Some(format!("since={position}")),
            Since::Last(count) => Some(format!("last={count}")),
            Since::Default | Since::Offset(_) | Since::Foreign => None,
        };
        if let Some(asked) = asked {
            let mark = if offer.target.contains('?') { '&' } else { '?' };
            offer.target = format!("{}{mark}{asked}", offer.target);
        }
        encode_upgrade(out, &offer, token.map(Token::text), &key);
        Self {
            offer,
            key,
            head: Vec::new(),
        }
    }

    /// Takes all of `input`; returns the answer when its head is complete.
    pub(crate) fn take(&mut self, input: &[u8]) -> Result<Option<UpgradeAnswer>, HandshakeError> {
        self.head.extend_from_slice(input);
        loop {
            let mut headers = NO_ANSWER_HEADERS;
            let head = parse_answer(&self.head, &mut headers)?;
            let AnswerHead::Complete { answer, taken } = head else {
                return Ok(None);
            };
            match answer.status {
                101 => {
                    let Agreement { protocol, deflate } =
                        check_switching_protocols(&answer, &self.offer, &self.key)?;
                    let codec = deflate.map(|agreed| {
                        let compression = self.offer.compression.unwrap_or_default();
                        Box::new(Codec::new(compression, agreed))
                    });
                    let rest = self.head.split_off(taken);
                    return Ok(Some(UpgradeAnswer::Granted {
                        protocol,
                        codec,
                        rest,
                    }));
                }
                // RFC 9110 15.2: any number of interim answers may come before the final one.
                100..=199 => drop(self.head.drain(..taken)),
                status => {
                    let mut body = Body {
                        bytes: Vec::new(),
                        len: answer.content_length(),
                        chunked: answer.lists_token("transfer-encoding", "chunked"),
                    };
                    body.push(&self.head[taken..]);
                    return Ok(Some(UpgradeAnswer::Refused(Refusal {
                        status,
                        body,
                        retry_after: answer.retry_after().map(|delay| delay.min(RETRY_AFTER_MAX)),
                    })));
                }
            }
        }
    }
}

impl Body {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let space = REFUSAL_BODY_BYTES_MAX.saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(space)]);
    }

    /// Whether no more of the body will be kept.
    pub(crate) fn is_whole(&self) -> bool {
        let len = self.bytes.len();
        REFUSAL_BODY_BYTES_MAX <= len
            || !self.chunked && self.len.is_some_and(|whole| whole <= len)
            // RFC 9112 7.1: the last chunk is empty.
            || self.chunked && self.bytes.ends_with(b"0\r\n\r\n")
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.chunked {
            return dechunk(&self.bytes);
        }
        self.bytes.truncate(self.len.unwrap_or(usize::MAX));
        self.bytes
    }
}
