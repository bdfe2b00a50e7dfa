//! The errors with which commands are answered, with Centrifugo's codes.

use std::borrow::Cow;

/// The error with which a command is answered instead of a result.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) code: u16,
    pub(super) message: Cow<'static, str>,
}

impl Failure {
    const fn new(code: u16, message: &'static str) -> Self {
        let message = Cow::Borrowed(message);
        Self { code, message }
    }

    /// As JSON has it.
    pub(super) fn to_json(&self) -> String {
        let Self { code, message } = self;
        // Every text can be written as JSON.
        let message = serde_json::to_string(message).unwrap_or_default();
        format!("{{\"code\":{code},\"message\":{message}}}")
    }

    /// The status of an answer that has this error instead of a result.
    pub(super) fn status(&self) -> u16 {
        match self.code {
            103 => 403,
            102 | 104 => 404,
            106 => 429,
            107 | 108 => 400,
            112 => 416,
            _ => 500,
        }
    }
}

/// Centrifugo's error code for a malformed command.
const BAD_REQUEST: u16 = 107;

pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Failure {
    Failure {
        code: BAD_REQUEST,
        message: message.into(),
    }
}

pub(super) const NO_COMMAND: Failure = Failure::new(BAD_REQUEST, "bad request: no command");
pub(super) const TOO_LONG: Failure = Failure::new(
    BAD_REQUEST,
    "bad request: the message is longer than limits.message allows",
);
pub(super) const CHANNEL: Failure = Failure::new(
    BAD_REQUEST,
    "bad request: a channel has 1 to 255 bytes without control characters, and is not . or ..",
);
pub(super) const UNKNOWN: Failure = Failure::new(
    102,
    "unknown channel: the configuration has no such namespace (topics.require_namespace)",
);
pub(super) const DENIED: Failure = Failure::new(103, "permission denied");
pub(super) const NO_METHOD: Failure = Failure::new(
    104,
    "not found: there are publish, broadcast, subscribe, unsubscribe, disconnect, refresh, send, \
     invalidate_user_tokens, revoke_token, history, history_remove, presence, \
     presence_stats, info, channels and rpc",
);
pub(super) const NO_RPC: Failure = Failure::new(104, "method not found");
pub(super) const INTERNAL: Failure = Failure::new(100, "internal server error");
pub(super) const NO_HISTORY: Failure =
    Failure::new(108, "not available: the channel has no history");
pub(super) const NO_EXPRESSION: Failure = Failure::new(
    108,
    "not available: connections are selected by their user alone",
);
pub(super) const NO_OVERRIDE: Failure = Failure::new(
    108,
    "not available: presence and join_leave hold for a channel, and so does \
     force_push_join_leave where it is on",
);
pub(super) const NO_PRESENCE: Failure =
    Failure::new(108, "not available: the channel has no presence");
pub(super) const TOO_MANY_PRESENCES: Failure =
    Failure::new(106, "limit exceeded: too many presences in one batch");
pub(super) const TOO_MANY_CENSUSES: Failure = Failure::new(
    106,
    "limit exceeded: too many questions about the server in one batch",
);
pub(super) const TOO_MANY_CHANNELS: Failure = Failure::new(
    106,
    "limit exceeded: more than 10000 channels; send a narrower pattern",
);
pub(super) const FOREIGN: Failure =
    Failure::new(112, "unrecoverable position: the channel has another epoch");
pub(super) const TOO_MANY_HISTORIES: Failure =
    Failure::new(106, "limit exceeded: too many histories in one batch");
pub(super) const TAGS: Failure = Failure::new(
    BAD_REQUEST,
    "bad request: tags is an object of at most 32 members, whose values are strings",
);
pub(super) const OPTIONS: Failure = Failure::new(
    BAD_REQUEST,
    "bad request: a key has at most 255 bytes, all tags together at most 2048, and removed needs a key",
);
