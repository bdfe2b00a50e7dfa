//! HTTP/1.1 as far as needed: heads, bodies and answers of a server, and the WebSocket request of a
//! client.

mod answer;
mod body;
mod date;
mod error;
mod forwarded;
mod origin;
mod request;
mod response;
mod since;
mod topic;

use httparse::Header;

pub use answer::{Answer, AnswerError, AnswerHead, NO_ANSWER_HEADERS, dechunk, parse_answer};
pub use body::{Body, BodyLength, Piece};
pub use date::Date;
pub(crate) use date::encode_date;
pub use error::HttpError;
pub use forwarded::{Forwarded, forwarded_for};
pub use origin::{OriginError, Origins, Reader};
pub(crate) use origin::{is_own, preflight};
pub use request::{Head, HeadLimits, NO_HEADERS, Request, parse_head};
pub(crate) use request::{is_tchar, is_token};
pub(crate) use response::encode_reader;
pub use response::{After, Manner, Response};
pub(crate) use topic::is_topic_name;
pub use topic::topic_from_path;

/// The values of all header fields with this name, in any case, in order.
fn values<'b, 'n>(
    headers: &'b [Header<'b>],
    name: &'n str,
) -> impl Iterator<Item = &'b [u8]> + use<'b, 'n> {
    let named = move |header: &&Header<'_>| header.name.eq_ignore_ascii_case(name);
    headers.iter().filter(named).map(|header| header.value)
}

/// Whether a header field with this name lists `token`, both in any case.
///
/// RFC 9110 5.3: several fields of one name are one list.
fn list_token(headers: &[Header<'_>], name: &str, token: &str) -> bool {
    values(headers, name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|element| element.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}
