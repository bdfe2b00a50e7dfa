//! All violations of a framing, each with its close code and label.

use thiserror::Error;

use crate::listed::listed;

/// The peer violated its protocol; nothing that it sends after this can be understood.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A WebSocket message, with all its fragments, or a line is longer than allowed.
    #[error("message is over the limit of {limit} bytes")]
    MessageTooBig {
        /// The limit in bytes.
        limit: usize,
    },
    /// RFC 6455 5.1: "a client MUST mask all frames that it sends".
    #[error("frame from a client is not masked")]
    Unmasked,
    /// RFC 6455 5.1: "A server MUST NOT mask any frames that it sends to the client".
    #[error("frame from a server is masked")]
    Masked,
    /// RFC 6455 5.2: RSV1 to RSV3 are zero unless an extension gave them a meaning, as RFC 7692 6
    /// does to RSV1 of the first frame of a message.
    #[error("reserved bits are set, but no extension gives them a meaning")]
    ReservedBits,
    /// RFC 6455 5.2: opcodes 3 to 7 and 11 to 15 are reserved.
    #[error("opcode is reserved")]
    ReservedOpcode,
    /// RFC 6455 5.5: control frames "MUST NOT be fragmented".
    #[error("control frame is fragmented")]
    FragmentedControl,
    /// RFC 6455 5.5: control frames carry at most 125 bytes.
    #[error("control frame is longer than 125 bytes")]
    ControlTooLong,
    /// RFC 6455 5.2: "the minimal number of bytes MUST be used to encode the length". The same
    /// holds for a varint length.
    #[error("payload length is not encoded in the fewest bytes")]
    LengthNotMinimal,
    /// RFC 6455 5.2: the most significant bit of a 64-bit length "MUST be 0".
    #[error("payload length has its top bit set")]
    LengthTopBit,
    /// RFC 6455 5.4: a continuation frame continues a message that has begun.
    #[error("continuation frame, but no message has begun")]
    ContinuationWithoutStart,
    /// RFC 6455 5.4: fragments of two messages are not interleaved.
    #[error("new message inside a fragmented message")]
    MessageInsideMessage,
    /// RFC 6455 8.1: text is UTF-8.
    #[error("text message is not valid UTF-8")]
    InvalidUtf8,
    /// RFC 7692 7.2.2: the payload of a compressed message cannot be decompressed.
    #[error("compressed message cannot be decompressed")]
    InvalidDeflate,
    /// RFC 6455 5.5.1: a close payload begins with a code of two bytes, or is empty.
    #[error("close frame carries half a close code")]
    CloseTooShort,
    /// RFC 6455 7.4: the code is reserved, out of range, or must not be sent.
    #[error("close code {code} must not be sent")]
    InvalidCloseCode {
        /// The received code.
        code: u16,
    },
    /// RFC 6455 5.5.1: a close reason is UTF-8.
    #[error("close reason is not valid UTF-8")]
    InvalidCloseReason,
    /// A length-prefixed or varint frame announces more than allowed.
    #[error("frame of {len} bytes is over the limit of {limit} bytes")]
    FrameTooLong {
        /// The announced length in bytes.
        len: u32,
        /// The limit in bytes.
        limit: usize,
    },
}

listed! {
    /// One value of each kind, by [`index`](Self::index).
    pub const ALL: ProtocolError = {
        MessageTooBig { limit: 0 } => "message_too_big",
        Unmasked => "unmasked",
        Masked => "masked",
        ReservedBits => "reserved_bits",
        ReservedOpcode => "reserved_opcode",
        FragmentedControl => "fragmented_control",
        ControlTooLong => "control_too_long",
        LengthNotMinimal => "length_not_minimal",
        LengthTopBit => "length_top_bit",
        ContinuationWithoutStart => "continuation_without_start",
        MessageInsideMessage => "message_inside_message",
        InvalidUtf8 => "invalid_utf8",
        InvalidDeflate => "invalid_deflate",
        CloseTooShort => "close_too_short",
        InvalidCloseCode { code: 0 } => "invalid_close_code",
        InvalidCloseReason => "invalid_close_reason",
        FrameTooLong { len: 0, limit: 0 } => "frame_too_long",
    }
}

impl ProtocolError {
    /// How many kinds there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The WebSocket close code for the peer, RFC 6455 7.4.1.
    pub fn close_code(self) -> u16 {
        match self {
            Self::MessageTooBig { .. } | Self::FrameTooLong { .. } => 1009,
            Self::InvalidUtf8 | Self::InvalidDeflate | Self::InvalidCloseReason => 1007,
            _ => 1002,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ProtocolError;

    #[test]
    fn an_error_is_small_enough_to_pass_in_registers() {
        let size = size_of::<ProtocolError>();
        assert!(size <= 16, "ProtocolError is large: {size}");
    }

    #[test]
    fn every_kind_has_its_place_and_its_label() {
        for (index, error) in ProtocolError::ALL.into_iter().enumerate() {
            assert_eq!(error.index(), index, "{error}: a label of its own, please");
        }
    }

    #[test]
    fn every_close_code_may_be_sent_and_names_the_rule() {
        let check = |err: ProtocolError, code| assert_eq!(err.close_code(), code, "{err}");
        check(ProtocolError::MessageTooBig { limit: 1 }, 1009);
        check(ProtocolError::FrameTooLong { len: 2, limit: 1 }, 1009);
        check(ProtocolError::InvalidUtf8, 1007);
        check(ProtocolError::InvalidDeflate, 1007);
        check(ProtocolError::InvalidCloseReason, 1007);
        check(ProtocolError::Unmasked, 1002);
        check(ProtocolError::Masked, 1002);
        check(ProtocolError::InvalidCloseCode { code: 1005 }, 1002);
    }
}
