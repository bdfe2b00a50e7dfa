//! What callbacks answer, and what the calls on their contexts answer to them.

use thiserror::Error;

use crate::close_reason::CloseReason;
use crate::error::{Error as ServerError, debug_is_text};
use crate::id::ShardId;
use crate::limits::{MESSAGE_BYTES_CEILING, SUBSCRIPTIONS_MAX, TAG_BYTES_MAX, TOPIC_BYTES_MAX};
use crate::proto::http::{HttpError, Response};
use crate::proto::{Kind, is_utf8};
use crate::shard::core::pubsub::subscribe::SubscribeError;

/// Not now: there is no room for a message, or no answer yet. Returned from a callback, it has the
/// callback made again when there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not now")]
pub struct Busy(pub(crate) Wait);

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Room on the way to the home shard of a topic.
    Home(ShardId),
    /// The next turn: this one has no time for it.
    Turn,
    /// Its own unsent replies.
    Outbox,
    /// The answer of another thread.
    Answer,
    /// Room on a lane from outside, which tells no shard when it comes: tried again after a moment.
    Outside,
}

/// Why a message was not published.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic's home has no room: try again later, or with a deadline; in a callback, return it.
    #[error("the server has no room for the message now")]
    Busy(Busy),
    /// The server drains, or has stopped.
    #[error("the server drains or has stopped")]
    Stopped,
    /// The topic's name is empty, too long, `.` or `..`.
    #[error("a topic's name has 1 to {TOPIC_BYTES_MAX} bytes, and is not . or ..")]
    TopicName,
    /// The message is longer than any may be, or says that it is text and is not UTF-8.
    #[error("a message has at most {MESSAGE_BYTES_CEILING} bytes, and as text is UTF-8")]
    Message,
}

debug_is_text!(PublishError);

/// Why [`on_message`](crate::Handler::on_message) did not take a message. `?` makes it of the
/// errors of a context's calls; those that are no [`Busy`] close the connection with 1008.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The same message is to come again.
    Wait(Busy),
    /// The connection is to be closed.
    Close(CloseReason),
}

/// Why [`on_open`](crate::Handler::on_open) did not open a connection. `?` makes it of responses, of
/// an [`HttpError`] by its status, and of the errors of a context's calls; those that are no [`Busy`]
/// are answered with 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is to be refused with this response.
    Respond(Response),
    /// The same request is to come again.
    Wait(Busy),
}

/// What became of a message for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a message may have been dropped"]
pub enum Sent {
    /// It is on its way.
    Queued,
    /// It is queued behind much that the client has not read;
    /// [`on_drain`](crate::Handler::on_drain) will tell when it has.
    Pressure,
    /// It was not queued: the client has too much to read, the connection is closed, its protocol
    /// cannot carry the message, or text was not UTF-8.
    Dropped,
}

/// Nobody answered: the deadline passed, or whoever was to answer dropped the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("nobody answered in time")]
pub struct Unanswered;

impl Busy {
    /// There is no room on the way to topics whose home is `home`.
    pub(crate) fn at(home: ShardId) -> Self {
        Self(Wait::Home(home))
    }

    /// What a [`Handle`](crate::Handle) answers where there is no room.
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
        }
    }
}

impl From<SubscribeError> for Halt {
    fn from(err: SubscribeError) -> Self {
        Self::Close(CloseReason::Policy(match err {
            SubscribeError::TopicName => TOPIC_NAME,
            SubscribeError::Tag => "a tag has at most 255 bytes",
            SubscribeError::TooMany => "a connection has at most 128 subscriptions",
            SubscribeError::Closed => "the connection is closed",
        }))
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

/// What a client is told that made the application use such a name.
const TOPIC_NAME: &str = "a topic's name has 1 to 255 bytes, and is not . or ..";

const _: () = assert!(TOPIC_BYTES_MAX == 255 && MESSAGE_BYTES_CEILING == 16 << 20);
const _: () = assert!(SUBSCRIPTIONS_MAX == 128 && TAG_BYTES_MAX == 255);

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
