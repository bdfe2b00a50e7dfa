//! Codes of errors, disconnects and unsubscribes, as SDKs know them.
//!
//! An SDK tries the reason of a close frame as JSON, and where it parses takes the code from there;
//! where it is empty, it does not look at the code at all. So reasons are neither.

use crate::proto::centrifuge::reply::Error;

/// A table of codes: the method `code` and the text of each.
macro_rules! codes {
    (
        $(#[$doc:meta])*
        pub enum $name:ident: $text:ident {
            $($(#[$kind_doc:meta])* $kind:ident = $code:literal $words:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$kind_doc])* $kind,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its number on the wire.
            pub fn code(self) -> u16 {
                match self {
                    $(Self::$kind => $code,)*
                }
            }

            /// What it says to people.
            pub fn $text(self) -> &'static str {
                match self {
                    $(Self::$kind => $words,)*
                }
            }
        }
    };
}

codes! {
    /// Why a command is not done. SDKs repeat those that are temporary.
    pub enum ErrorCode: message {
        /// Something failed on the server.
        Internal = 100 "internal server error",
        /// The client has no identity.
        Unauthorized = 101 "unauthorized",
        /// No namespace of the configuration has this channel.
        UnknownChannel = 102 "unknown channel",
        /// The client may not do this.
        PermissionDenied = 103 "permission denied",
        /// No such RPC method.
        MethodNotFound = 104 "method not found",
        /// The connection has this subscription.
        AlreadySubscribed = 105 "already subscribed",
        /// Too many subscriptions, of the connection or of the channel.
        LimitExceeded = 106 "limit exceeded",
        /// The command makes no sense.
        BadRequest = 107 "bad request",
        /// The server, or the namespace of the channel, does not offer this.
        NotAvailable = 108 "not available",
        /// The client fetches a new token and tries again.
        TokenExpired = 109 "token expired",
        /// What the command is about has expired.
        Expired = 110 "expired",
        /// There were too many commands.
        TooManyRequests = 111 "too many requests",
        /// The position is of another epoch.
        UnrecoverablePosition = 112 "unrecoverable position",
        /// Pages of a list that has changed meanwhile.
        ConcurrentPagination = 113 "concurrent pagination",
    }
}

codes! {
    /// Why the server ends a connection: the code of the close frame, or of a push.
    pub enum DisconnectCode: reason {
        /// The server ends.
        Shutdown = 3001 "shutdown",
        /// Something failed on the server.
        ServerError = 3004 "internal server error",
        /// The token has expired and was not refreshed.
        Expired = 3005 "connection expired",
        /// The token of a subscription has expired and was not refreshed.
        SubscriptionExpired = 3006 "subscription expired",
        /// The client does not read what it is sent.
        Slow = 3008 "slow",
        /// What was sent has not arrived.
        WriteError = 3009 "write error",
        /// Messages of a server-side subscription are lost.
        InsufficientState = 3010 "insufficient state",
        /// The client is to connect again.
        ForceReconnect = 3011 "force reconnect",
        /// A ping was not answered.
        NoPong = 3012 "no pong",
        /// There were too many commands.
        TooManyRequests = 3013 "too many requests",
        /// The client is to connect again with a new token.
        StateInvalidated = 3014 "state invalidated",
        /// The token is not accepted.
        InvalidToken = 3500 "invalid token",
        /// The client violates the protocol.
        BadRequest = 3501 "bad request",
        /// The client did not connect in time.
        Stale = 3502 "stale",
        /// The client is to stay away.
        ForceNoReconnect = 3503 "force disconnect",
        /// The user has too many connections.
        ConnectionLimit = 3504 "connection limit",
        /// There are too many server-side subscriptions.
        ChannelLimit = 3505 "channel limit",
        /// Messages cannot be sent in the client's format.
        InappropriateProtocol = 3506 "inappropriate protocol",
        /// The client may not connect.
        PermissionDenied = 3507 "permission denied",
        /// The server does not offer this.
        NotAvailable = 3508 "not available",
        /// The client has got too many errors.
        TooManyErrors = 3509 "too many errors",
    }
}

codes! {
    /// Why the server ends a subscription. From 2500 on, SDKs subscribe again.
    pub enum UnsubscribeCode: reason {
        /// By the application.
        Server = 2000 "server unsubscribe",
        /// Messages are lost.
        InsufficientState = 2500 "insufficient state",
        /// The token of the subscription has expired.
        Expired = 2501 "subscription expired",
        /// The client is to forget its position and its token.
        StateInvalidated = 2502 "state invalidated",
    }
}

impl ErrorCode {
    /// Whether an SDK is to try again by itself.
    pub fn is_temporary(self) -> bool {
        matches!(
            self,
            Self::Internal | Self::TooManyRequests | Self::ConcurrentPagination
        )
    }
}

impl DisconnectCode {
    /// What an error is on a transport of one way, which has no replies.
    pub fn of_error(error: &Error) -> Self {
        let all = ErrorCode::ALL.iter();
        let mut known = all.filter(|code| u32::from(code.code()) == error.code);
        match known.next() {
            Some(ErrorCode::Expired | ErrorCode::TokenExpired) => Self::Expired,
            Some(ErrorCode::TooManyRequests) => Self::TooManyRequests,
            Some(ErrorCode::PermissionDenied) => Self::PermissionDenied,
            // As Centrifugo: to come back would not help.
            Some(ErrorCode::UnknownChannel) => Self::BadRequest,
            _ => Self::ServerError,
        }
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self {
            code: code.code().into(),
            message: code.message().to_owned(),
            temporary: code.is_temporary(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::CLOSE_REASON_BYTES_MAX;
    use crate::proto::ws::close;

    #[test]
    fn every_code_stands_where_sdks_look_for_it() {
        let errors = ErrorCode::ALL.iter().map(|error| error.code());
        assert!(errors.eq(100..=113));
        for code in DisconnectCode::ALL {
            assert!(close::is_allowed(code.code()));
            // What ends for good has a range of its own.
            let stays_away = matches!(code.code(), 3500..=3509);
            assert_eq!(close::is_final(code.code()), stays_away, "{code:?}");
        }
        let unsubscribes = UnsubscribeCode::ALL.iter().map(|code| code.code());
        assert!(unsubscribes.eq([2000, 2500, 2501, 2502]));
    }

    #[test]
    fn an_error_has_a_disconnect_of_its_own_or_is_one_of_the_server() {
        let check = |code: ErrorCode, expected| {
            assert_eq!(DisconnectCode::of_error(&code.into()), expected);
        };
        check(ErrorCode::TokenExpired, DisconnectCode::Expired);
        check(ErrorCode::Expired, DisconnectCode::Expired);
        check(ErrorCode::TooManyRequests, DisconnectCode::TooManyRequests);
        check(ErrorCode::UnknownChannel, DisconnectCode::BadRequest);
        check(
            ErrorCode::PermissionDenied,
            DisconnectCode::PermissionDenied,
        );
        check(ErrorCode::Internal, DisconnectCode::ServerError);
        let own = Error {
            code: 400,
            ..Error::default()
        };
        assert_eq!(DisconnectCode::of_error(&own), DisconnectCode::ServerError);
    }

    #[test]
    fn no_reason_is_empty_or_json() {
        let reasons = DisconnectCode::ALL.iter().map(|code| code.reason());
        let all = reasons.chain(UnsubscribeCode::ALL.iter().map(|code| code.reason()));
        for reason in all {
            assert!((1..=CLOSE_REASON_BYTES_MAX).contains(&reason.len()));
            assert!(serde_json::from_str::<serde_json::Value>(reason).is_err());
        }
    }
}
