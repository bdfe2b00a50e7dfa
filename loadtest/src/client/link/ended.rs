//! Why connections end, in the words of a report.

use crate::client::frame::FrameError;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The answer to the upgrade had this status instead of 101, or 0 for no HTTP at all.
    Status(u16),
    /// 101, but the accept key is missing or wrong, RFC 6455 4.2.2.
    AcceptKey,
    /// 101, but without the compression that was asked for.
    NotCompressed,
    /// A command was refused with this code.
    Refused(u32),
    /// A message that is not of the structured protocol.
    NotStructured,
    /// The server closed with this code, 1005 for none, RFC 6455 7.1.5.
    Close(u16),
    /// The server broke the framing.
    Frame(FrameError),
}

/// The code with which a server closes when a token has expired.
const EXPIRED: u16 = 3005;

impl Ended {
    /// Whether another token could have kept it open.
    pub(crate) fn is_of_the_token(self) -> bool {
        matches!(self, Self::Status(401) | Self::Close(EXPIRED))
    }

    pub(crate) fn label(self) -> String {
        match self {
            Self::Status(0) => "answer is not HTTP".to_owned(),
            Self::Status(401) => {
                "HTTP status 401: no token, or one that is not accepted".to_owned()
            }
            Self::Status(status) => format!("HTTP status {status}"),
            Self::AcceptKey => "wrong Sec-WebSocket-Accept".to_owned(),
            Self::NotCompressed => "permessage-deflate was declined".to_owned(),
            Self::Refused(code) => format!("a command was refused with {code}"),
            Self::NotStructured => "message that is not of the protocol".to_owned(),
            Self::Close(EXPIRED) => format!("closed by the server with {EXPIRED}: token expired"),
            Self::Close(code) => format!("closed by the server with {code}"),
            Self::Frame(error) => error.label().to_owned(),
        }
    }
}
