//! HTTP/1.1 as far as needed: heads, bodies and answers of a server, and the WebSocket request of a
//! client.

mod answer;
mod body;
mod date;
mod error;
pub(crate) mod fields;
mod forwarded;
mod origin;
mod request;
mod response;
mod topic;

pub use answer::{Answer, AnswerError, AnswerHead, NO_ANSWER_HEADERS, dechunk, parse_answer};
pub use body::{Body, BodyLength, Piece};
pub use date::Date;
pub(crate) use date::encode_date;
pub use error::HttpError;
pub use forwarded::{Forwarded, forwarded_for};
pub(crate) use origin::preflight;
pub use origin::{OriginError, Origins, Reader};
pub use request::{Head, HeadLimits, NO_HEADERS, Request, parse_head};
pub(crate) use request::{is_tchar, is_token};
pub(crate) use response::encode_reader;
pub use response::{After, Manner, Response};
pub(crate) use topic::is_topic_name;
pub use topic::topic_from_path;
