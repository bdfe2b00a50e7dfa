//! The results of callbacks, and of the calls on their contexts.

use thiserror::Error;

use crate::close_reason::CloseReason;
use crate::error::{Error as ServerError, debug_is_text};
use crate::handler::UserError;
use crate::id::ShardId;
use crate::limits::{
    KEY_BYTES_MAX, MESSAGE_BYTES_CEILING, TAG_BYTES_MAX, TAGS_BYTES_MAX, TAGS_MAX, TOPIC_BYTES_MAX,
};
use crate::proto::http::{HttpError, Response};
use crate::proto::{Kind, is_utf8};
use crate::shard::core::pubsub::subscribe::SubscribeError;
use crate::time::Now;
use crate::topic::TopicNameError;

/// There is no space for a message, or no answer yet. If a callback returns it, the callback is
/// repeated when there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not now")]
pub struct Busy(pub(crate) Wait);

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Space on the lane to the home shard of a topic.
    Home(ShardId),
    /// The next turn: this one has no time for it.
    Turn,
    /// Its turn to be identified.
    Verification,
    /// Its own unsent replies.
    Outbox,
    /// The answer of another thread.
    Answer,
    /// Space on a lane from outside, which notifies no shard: tried again after a moment.
    Outside,
    /// What it is paused for already.
    Paused,
    /// The moment when its rate lets it go on.
    Until(Now),
}

/// Why a message was not published.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic's home has no space: try again later, or with a deadline; in a callback, return
    /// it.
    #[error("the server has no space for the message now")]
    Busy(Busy),
    /// The server drains, or has stopped.
    #[error("the server drains or has stopped")]
    Stopped,
    /// The topic's name is empty, too long, `.` or `..`.
    #[error("a topic's name has 1 to {TOPIC_BYTES_MAX} bytes, and is not . or ..")]
    TopicName,
    /// The message exceeds the maximum length, or is text and not UTF-8.
    #[error("a message has at most {MESSAGE_BYTES_CEILING} bytes, and as text is UTF-8")]
    Message,
    /// The key or the tags are too long, or a removal has no key.
    #[error(
        "a key has at most {KEY_BYTES_MAX} bytes; there are at most {TAGS_MAX} tags, of \
         {TAGS_BYTES_MAX} bytes; a removal has a key"
    )]
    Options,
    /// There was no answer in time: the message may have been published.
    #[error("no answer in time: the message may have been published")]
    Unanswered,
}

debug_is_text!(PublishError);

/// Why [`on_message`](crate::Handler::on_message) did not process a message. `?` converts the
/// errors of a context's calls to it; errors other than [`Busy`] close the connection with 1008.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The callback must be repeated with the same message.
    Wait(Busy),
    /// The connection must be closed.
    Close(CloseReason),
}

/// Why [`on_open`](crate::Handler::on_open) did not open a connection. `?` converts responses, an
/// [`HttpError`] by its status, and the errors of a context's calls to it; errors other than
/// [`Busy`] are answered with 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is refused with this response.
    Respond(Response),
    /// The callback must be repeated with the same request.
    Wait(Busy),
}

/// The result of sending a message to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a message may have been dropped"]
pub enum Sent {
    /// It is queued or sent.
    Queued,
    /// It is queued behind many unread bytes; [`on_drain`](crate::Handler::on_drain) is called when
    /// the client has read them.
    Pressure,
    /// It was not queued: the client has too many unread bytes, the connection is closed, its
    /// protocol cannot carry the message, or text was not UTF-8.
    Dropped,
}

/// There was no answer: the deadline passed, or the question was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no answer in time")]
pub struct Unanswered;

impl Busy {
    /// There is no space on the lane to topics whose home is `home`.
    pub(crate) fn at(home: ShardId) -> Self {
        Self(Wait::Home(home))
    }

    /// The `Busy` of a [`Handle`](crate::Handle) when there is no space.
    #[cfg(any(test, feature = "internals"))]
    #[doc(hidden)]
    pub fn outside() -> Self {
        Self(Wait::Outside)
    }
}

impl From<Busy> for Halt {
    fn from(busy: Busy) -> Self {
        Self::Wait(busy)
    }
}

impl From<TopicNameError> for PublishError {
    fn from(_: TopicNameError) -> Self {
        Self::TopicName
    }
}

impl From<TopicNameError> for Halt {
    fn from(err: TopicNameError) -> Self {
        PublishError::from(err).into()
    }
}

impl From<TopicNameError> for Refusal {
    fn from(err: TopicNameError) -> Self {
        PublishError::from(err).into()
    }
}

impl From<PublishError> for ServerError {
    fn from(err: PublishError) -> Self {
        std::io::Error::other(err).into()
    }
}

impl From<PublishError> for Halt {
    fn from(err: PublishError) -> Self {
        match err {
            PublishError::Busy(busy) => Self::Wait(busy),
            PublishError::Stopped => Self::Close(CloseReason::Shutdown),
            PublishError::TopicName => Self::Close(CloseReason::Policy(TOPIC_NAME)),
            PublishError::Message => Self::Close(CloseReason::Policy(
                "a message has at most 16 MiB, and as text is UTF-8",
            )),
            PublishError::Options | PublishError::Unanswered => {
                Self::Close(CloseReason::Policy("a call that publishes was wrong"))
            }
        }
    }
}

impl From<SubscribeError> for Halt {
    fn from(err: SubscribeError) -> Self {
        Self::Close(CloseReason::Policy(match err {
            SubscribeError::TopicName => TOPIC_NAME,
            SubscribeError::Tag => "a tag has at most 255 bytes",
            SubscribeError::Info => "what is said of a client has at most 8 KiB",
            SubscribeError::TooMany => "the connection has as many subscriptions as it may",
            SubscribeError::TooManyPatterns => "there are too many patterns",
            SubscribeError::Closed => "the connection is closed",
        }))
    }
}

impl From<UserError> for Halt {
    fn from(err: UserError) -> Self {
        match err {
            UserError::Busy(busy) => Self::Wait(busy),
            UserError::Stopped => Self::Close(CloseReason::Shutdown),
            _ => Self::Close(CloseReason::Policy("a call about a user was wrong")),
        }
    }
}

impl From<CloseReason> for Halt {
    fn from(reason: CloseReason) -> Self {
        Self::Close(reason)
    }
}

impl From<Busy> for Refusal {
    fn from(busy: Busy) -> Self {
        Self::Wait(busy)
    }
}

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self::Respond(response)
    }
}

impl From<HttpError> for Refusal {
    fn from(error: HttpError) -> Self {
        Self::Respond(error.into())
    }
}

impl From<PublishError> for Refusal {
    fn from(err: PublishError) -> Self {
        match err {
            PublishError::Busy(busy) => Self::Wait(busy),
            other => Self::Respond(Response::text(400, &other.to_string())),
        }
    }
}

impl From<SubscribeError> for Refusal {
    fn from(err: SubscribeError) -> Self {
        Self::Respond(Response::text(400, &err.to_string()))
    }
}

impl From<UserError> for Refusal {
    fn from(err: UserError) -> Self {
        match err {
            UserError::Busy(busy) => Self::Wait(busy),
            other => Self::Respond(Response::text(400, &other.to_string())),
        }
    }
}

/// The text for a client whose topic name is invalid.
const TOPIC_NAME: &str = "a topic's name has 1 to 255 bytes, and is not . or ..";

const _: () = assert!(TOPIC_BYTES_MAX == 255 && MESSAGE_BYTES_CEILING == 16 << 20);
const _: () = assert!(TAG_BYTES_MAX == 255);

/// Whether a message can be published or sent at all.
pub(crate) fn check_message(kind: Kind, payload: &[u8]) -> Result<(), PublishError> {
    let is_good =
        payload.len() <= MESSAGE_BYTES_CEILING && (kind == Kind::Binary || is_utf8(payload));
    is_good.then_some(()).ok_or(PublishError::Message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_topic_is_answered_with_its_own_status() {
        let open = |path| -> Result<String, Refusal> { Ok(crate::topic_from_path(path)?) };
        let too_long = open(&"x".repeat(256)).unwrap_err();
        let expected = Response::from(HttpError::TopicTooLong);
        assert_eq!(expected.status, 414);
        assert_eq!(too_long, Refusal::Respond(expected));
    }

    #[test]
    fn errors_that_a_callback_or_main_returns_read_as_their_text() {
        let busy = PublishError::Busy(Busy(Wait::Outside));
        assert_eq!(format!("{busy:?}"), busy.to_string());
        let of_main = ServerError::from(PublishError::TopicName);
        assert_eq!(format!("{of_main:?}"), PublishError::TopicName.to_string());
    }
}
