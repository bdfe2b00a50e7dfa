//! The errors with which commands are answered, with Centrifugo's codes.

use std::borrow::Cow;

/// The error with which a command is answered instead of a result.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) code: u16,
    pub(super) message: Cow<'static, str>,
}

impl Failure {
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
            104 => 404,
            106 => 429,
            107 | 108 => 400,
            112 => 416,
            _ => 500,
        }
    }
}

/// Centrifugo's error code for a malformed command.
pub(super) const fn bad_request(message: Cow<'static, str>) -> Failure {
    Failure { code: 107, message }
}

pub(super) const NO_COMMAND: Failure = bad_request(Cow::Borrowed("bad request: no command"));
pub(super) const TOO_LONG: Failure = bad_request(Cow::Borrowed(
    "bad request: the message is longer than limits.message allows",
));
pub(super) const CHANNEL: Failure = bad_request(Cow::Borrowed(
    "bad request: a channel has 1 to 255 bytes without control characters, and is not . or ..",
));
pub(super) const DENIED: Failure = Failure {
    code: 103,
    message: Cow::Borrowed("permission denied"),
};
pub(super) const NO_METHOD: Failure = Failure {
    code: 104,
    message: Cow::Borrowed(
        "not found: there are publish, broadcast, subscribe, unsubscribe, disconnect, refresh, send, \
         invalidate_user_tokens, revoke_token, history, history_remove, presence, \
         presence_stats, info, channels and rpc",
    ),
};
pub(super) const NO_RPC: Failure = Failure {
    code: 104,
    message: Cow::Borrowed("method not found"),
};
pub(super) const INTERNAL: Failure = Failure {
    code: 100,
    message: Cow::Borrowed("internal server error"),
};
pub(super) const NO_HISTORY: Failure = Failure {
    code: 108,
    message: Cow::Borrowed("not available: the channel has no history"),
};
pub(super) const NO_EXPRESSION: Failure = Failure {
    code: 108,
    message: Cow::Borrowed("not available: connections are selected by their user alone"),
};
pub(super) const NO_OVERRIDE: Failure = Failure {
    code: 108,
    message: Cow::Borrowed(
        "not available: presence and join_leave hold for a channel, and so does \
         force_push_join_leave where it is on",
    ),
};
pub(super) const NO_PRESENCE: Failure = Failure {
    code: 108,
    message: Cow::Borrowed("not available: the channel has no presence"),
};
pub(super) const TOO_MANY_PRESENCES: Failure = Failure {
    code: 106,
    message: Cow::Borrowed("limit exceeded: too many presences in one batch"),
};
pub(super) const TOO_MANY_CENSUSES: Failure = Failure {
    code: 106,
    message: Cow::Borrowed("limit exceeded: too many questions about the server in one batch"),
};
pub(super) const TOO_MANY_CHANNELS: Failure = Failure {
    code: 106,
    message: Cow::Borrowed("limit exceeded: more than 10000 channels; send a narrower pattern"),
};
pub(super) const FOREIGN: Failure = Failure {
    code: 112,
    message: Cow::Borrowed("unrecoverable position: the channel has another epoch"),
};
pub(super) const TOO_MANY_HISTORIES: Failure = Failure {
    code: 106,
    message: Cow::Borrowed("limit exceeded: too many histories in one batch"),
};
pub(super) const TAGS: Failure = bad_request(Cow::Borrowed(
    "bad request: tags is an object of at most 32 members, whose values are strings",
));
pub(super) const OPTIONS: Failure = bad_request(Cow::Borrowed(
    "bad request: a key has at most 255 bytes, all tags together at most 2048, and removed needs a key",
));
