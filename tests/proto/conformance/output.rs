//! What comes out of a decoder, ours or theirs, in the same words.

use corecast::proto::{Kind, ProtocolError};
use tungstenite::Error;
use tungstenite::error::{CapacityError, ProtocolError as TheirError};

/// What came out of a decoder, ours or theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Error(Rule),
}

/// The rule that was broken, as far as both name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Size,
    Mask,
    Reserved,
    Opcode,
    ControlFragment,
    ControlLength,
    Length,
    Continuation,
    Utf8,
    CloseFrame,
}

impl From<ProtocolError> for Rule {
    fn from(err: ProtocolError) -> Self {
        match err {
            ProtocolError::MessageTooBig { .. } => Self::Size,
            ProtocolError::Unmasked | ProtocolError::Masked => Self::Mask,
            ProtocolError::ReservedBits => Self::Reserved,
            ProtocolError::ReservedOpcode => Self::Opcode,
            ProtocolError::FragmentedControl => Self::ControlFragment,
            ProtocolError::ControlTooLong => Self::ControlLength,
            ProtocolError::LengthNotMinimal | ProtocolError::LengthTopBit => Self::Length,
            ProtocolError::ContinuationWithoutStart | ProtocolError::MessageInsideMessage => {
                Self::Continuation
            }
            ProtocolError::InvalidUtf8 | ProtocolError::InvalidCloseReason => Self::Utf8,
            ProtocolError::CloseTooShort | ProtocolError::InvalidCloseCode { .. } => {
                Self::CloseFrame
            }
            other => panic!("not WebSocket: {other}"),
        }
    }
}

impl From<Error> for Rule {
    fn from(err: Error) -> Self {
        match err {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => Self::Size,
            Error::Utf8(_) => Self::Utf8,
            Error::Protocol(err) => match err {
                TheirError::UnmaskedFrameFromClient | TheirError::MaskedFrameFromServer => {
                    Self::Mask
                }
                TheirError::NonZeroReservedBits => Self::Reserved,
                TheirError::InvalidOpcode(_)
                | TheirError::UnknownControlFrameType(_)
                | TheirError::UnknownDataFrameType(_) => Self::Opcode,
                TheirError::FragmentedControlFrame => Self::ControlFragment,
                TheirError::ControlFrameTooBig => Self::ControlLength,
                TheirError::UnexpectedContinueFrame | TheirError::ExpectedFragment(_) => {
                    Self::Continuation
                }
                TheirError::InvalidCloseSequence => Self::CloseFrame,
                other => panic!("unexpected: {other:?}"),
            },
            other => panic!("unexpected: {other:?}"),
        }
    }
}

impl Output {
    pub(super) fn ends(&self) -> bool {
        matches!(self, Self::Close(..) | Self::Error(_))
    }
}
