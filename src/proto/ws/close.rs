//! Close codes, RFC 6455 7.4, and control frames from a server.

use std::time::Duration;

use tungstenite::protocol::frame::coding::CloseCode;

use crate::limits::CLOSE_REASON_BYTES_MAX;
use crate::proto::ProtocolError;
use crate::proto::ws::frame::{CONTROL_LEN_MAX, Control, Opcode, encode_header};

// A control payload without its code.
const _: () = assert!(CLOSE_REASON_BYTES_MAX == CONTROL_LEN_MAX - CODE_LEN);

/// Whether a close frame may carry `code`.
///
/// RFC 6455 7.4: 1000 to 2999 are registered; of these, 1004 to 1006, 1015 and unassigned codes
/// must not be in frames. 3000 to 4999 are for libraries and applications.
pub fn is_allowed(code: u16) -> bool {
    // Assigned after the RFC and unknown to the library: "bad gateway".
    code == 1014 || CloseCode::from(code).is_allowed()
}

/// Whether a client that is told this code of a library or an application stays away: Centrifugo's
/// ranges, the upper halves of those for libraries and for applications.
pub fn is_final(code: u16) -> bool {
    matches!(code, 3500..=3999 | 4500..=4999)
}

/// A reason that tells the client when to come back, as in `server shuts down; retry-after=7s`, to
/// the next whole second.
pub fn with_retry_after(reason: &str, after: Duration) -> String {
    let secs = after.as_millis().saturating_add(500) / 1_000;
    format!("{reason}; {RETRY_AFTER}{secs}s")
}

/// When a client should come back, by the reason that it was given.
pub fn retry_after(reason: &str) -> Option<Duration> {
    let (_, rest) = reason.split_once(RETRY_AFTER)?;
    let (secs, rest) = rest.split_once('s')?;
    let is_end = !rest.starts_with(|next: char| next.is_alphanumeric());
    let is_number = !secs.is_empty() && secs.bytes().all(|byte| byte.is_ascii_digit());
    // More than fits is as long as can be.
    let secs = (is_end && is_number).then(|| secs.parse().unwrap_or(u64::MAX));
    secs.map(Duration::from_secs)
}

const RETRY_AFTER: &str = "retry-after=";

/// Reads the payload of a close frame: its code, if it has one, and its reason.
///
/// # Errors
///
/// The payload has one byte, its code must not be sent, or its reason is not UTF-8.
pub fn parse(payload: &[u8]) -> Result<(Option<u16>, &str), ProtocolError> {
    let Some((code, reason)) = payload.split_first_chunk::<CODE_LEN>() else {
        return if payload.is_empty() {
            Ok((None, ""))
        } else {
            Err(ProtocolError::CloseTooShort)
        };
    };
    let code = u16::from_be_bytes(*code);
    if !is_allowed(code) {
        return Err(ProtocolError::InvalidCloseCode { code });
    }
    match simdutf8::basic::from_utf8(reason) {
        Ok(reason) => Ok((Some(code), reason)),
        Err(_) => Err(ProtocolError::InvalidCloseReason),
    }
}

/// Appends a close frame. `reason` is cut between two characters to [`CLOSE_REASON_BYTES_MAX`]
/// bytes.
pub fn encode_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    debug_assert!(is_allowed(code));
    let reason = cut(reason);
    encode_header(
        out,
        Opcode::Control(Control::Close),
        CODE_LEN + reason.len(),
    );
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

/// Appends a close frame without a code: the answer to one without a code.
pub fn encode_empty_close(out: &mut Vec<u8>) {
    encode_control(out, Control::Close, b"");
}

/// The payload of a close frame, for the side that masks it. `reason` is cut in the same way.
pub fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    debug_assert!(is_allowed(code));
    [&code.to_be_bytes(), cut(reason).as_bytes()].concat()
}

/// Appends a ping frame with at most [`CONTROL_LEN_MAX`] bytes of `payload`.
pub fn encode_ping(out: &mut Vec<u8>, payload: &[u8]) {
    encode_control(out, Control::Ping, payload);
}

/// Appends a pong frame with at most [`CONTROL_LEN_MAX`] bytes of `payload`.
///
/// RFC 6455 5.5.3: its payload is that of the ping it answers.
pub fn encode_pong(out: &mut Vec<u8>, payload: &[u8]) {
    encode_control(out, Control::Pong, payload);
}

fn encode_control(out: &mut Vec<u8>, control: Control, payload: &[u8]) {
    debug_assert!(payload.len() <= CONTROL_LEN_MAX);
    let payload = &payload[..payload.len().min(CONTROL_LEN_MAX)];
    encode_header(out, Opcode::Control(control), payload.len());
    out.extend_from_slice(payload);
}

/// The part of `reason` that a close frame can carry.
fn cut(reason: &str) -> &str {
    let mut len = reason.len().min(CLOSE_REASON_BYTES_MAX);
    while !reason.is_char_boundary(len) {
        len -= 1;
    }
    &reason[..len]
}

const CODE_LEN: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::ProtocolError;

    #[test]
    fn a_reason_tells_when_to_come_back() {
        let secs = |secs| Some(Duration::from_secs(secs));
        let told = with_retry_after("server shuts down", Duration::from_millis(6_500));
        assert_eq!(told, "server shuts down; retry-after=7s");
        assert_eq!(retry_after(&told), secs(7));
        assert_eq!(retry_after("retry-after=0s"), secs(0));
        assert_eq!(retry_after("retry-after=5s, please"), secs(5));
        let many = "retry-after=99999999999999999999s";
        assert_eq!(retry_after(many), secs(u64::MAX));
        for other in [
            "",
            "later",
            "retry-after=s",
            "retry-after=-1s",
            "retry-after=7",
            "retry-after=7sec",
        ] {
            assert_eq!(retry_after(other), None, "{other}");
        }
    }

    #[test]
    fn only_codes_that_mean_something_are_allowed() {
        let allowed: Vec<u16> = (0..3000).filter(|code| is_allowed(*code)).collect();
        let registry = [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
        ];
        assert_eq!(allowed, registry);
        assert!((3000..5000).all(is_allowed));
        assert!(!(5000..=u16::MAX).any(is_allowed));
    }

    #[test]
    fn a_payload_is_a_code_and_a_reason_or_nothing() {
        let check = |payload: &[u8], expected| assert_eq!(parse(payload), expected, "{payload:?}");
        check(b"", Ok((None, "")));
        check(b"\x03", Err(ProtocolError::CloseTooShort));
        check(b"\x03\xe8", Ok((Some(1000), "")));
        check(b"\x0f\xa0bye", Ok((Some(4000), "bye")));
        check(
            b"\x03\xed",
            Err(ProtocolError::InvalidCloseCode { code: 1005 }),
        );
        check(b"\x03\xe8\xff", Err(ProtocolError::InvalidCloseReason));
        check(b"\x03\xe8\xe2\x82", Err(ProtocolError::InvalidCloseReason));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let check = |reason: &str, len: usize| {
            let mut out = Vec::new();
            encode_close(&mut out, 1001, reason);
            assert_eq!(usize::from(out[1]), 2 + len);
            assert_eq!(out.len(), 2 + 2 + len);
            assert_eq!(parse(&out[2..]), Ok((Some(1001), &reason[..len])));
            assert_eq!(close_payload(1001, reason), out[2..]);
        };
        check("", 0);
        check(&"x".repeat(122), 122);
        check(&"x".repeat(123), 123);
        check(&"x".repeat(124), 123);
        check(&format!("{}é", "x".repeat(121)), 123);
        check(&format!("{}é", "x".repeat(122)), 122);
        check(&"💥".repeat(40), 120);
    }

    #[test]
    fn control_frames_without_a_code_are_whole_frames() {
        let mut out = Vec::new();
        encode_ping(&mut out, b"");
        encode_pong(&mut out, b"ab");
        encode_empty_close(&mut out);
        assert_eq!(out, b"\x89\x00\x8a\x02ab\x88\x00");
    }
}
