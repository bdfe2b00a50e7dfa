//! HTTP/1.1 as far as a server needs it that closes after each answer: heads in, answers out.

mod error;
mod request;
mod response;
mod topic;

pub use error::HttpError;
pub(crate) use request::is_token;
pub use request::{Head, NO_HEADERS, Request, parse_head};
pub use response::Response;
pub use topic::topic_from_path;
