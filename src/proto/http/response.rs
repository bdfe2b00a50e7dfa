//! Answers: pages, texts, errors.

use std::borrow::Cow;
use std::time::Duration;

use crate::proto::http::{Date, HttpError, Reader, encode_date};

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Cow<'static, [u8]>,
    /// Header fields in addition to those of every answer.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
}

impl Response {
    /// A line of plain text; `message` has no line end.
    pub fn text(status: u16, message: &str) -> Self {
        let body = format!("{message}\n").into_bytes();
        Self::new(status, "text/plain; charset=utf-8", body)
    }

    /// A page.
    pub fn html(page: &'static str) -> Self {
        Self::new(200, "text/html; charset=utf-8", page.as_bytes())
    }

    /// Any body, for example metrics or JSON.
    pub fn new(
        status: u16,
        content_type: &'static str,
        body: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
            headers: Vec::new(),
        }
    }

    /// A 405 that lists the methods `allow`, as in `"GET, HEAD"`.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self::text(405, "method not allowed").with_header("Allow", allow)
    }

    /// Adds a header field. The value must not have line ends.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// How long a client is to wait before it asks again (RFC 9110 section 10.2.3), if that is said
    /// in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
        value.parse().ok().map(Duration::from_secs)
    }

    /// An answer without a body, 204.
    pub fn empty() -> Self {
        Self::new(204, "", &[][..])
    }

    /// Appends the answer as the last on its connection. `head_only` leaves out the body, for HEAD:
    /// RFC 9110 9.3.2 requires the same head as for GET.
    pub fn encode(&self, out: &mut Vec<u8>, head_only: bool) {
        let manner = Manner {
            head_only,
            ..Manner::default()
        };
        self.encode_as(out, &manner);
    }

    /// Appends the answer.
    pub fn encode_as(&self, out: &mut Vec<u8>, manner: &Manner<'_>) {
        let Self {
            status,
            content_type,
            body,
            headers,
        } = self;
        let reason = reason_phrase(*status);
        out.extend_from_slice(format!("HTTP/1.1 {status} {reason}\r\n").as_bytes());
        encode_date(out, manner.date);
        let mut head = String::new();
        // RFC 9110 8.6: a 204 has no body and no `Content-Length`.
        if *status != 204 {
            let len = body.len();
            head += &format!("Content-Type: {content_type}\r\nContent-Length: {len}\r\n");
        }
        head += "Cache-Control: no-store\r\n";
        // RFC 9110 7.8: a sender of `Upgrade` also lists it in `Connection`.
        let names_upgrade = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("upgrade"));
        head += match (names_upgrade, manner.after) {
            (true, After::Close) => "Connection: Upgrade, close\r\n",
            (false, After::Close) => "Connection: close\r\n",
            (true, After::Keep | After::KeepAndSay) => "Connection: Upgrade\r\n",
            (false, After::KeepAndSay) => "Connection: keep-alive\r\n",
            (false, After::Keep) => "",
        };
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        out.extend_from_slice(head.as_bytes());
        encode_reader(out, manner.reader);
        out.extend_from_slice(b"\r\n");
        if !manner.head_only {
            out.extend_from_slice(body);
        }
    }
}

/// How an answer is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner<'b> {
    /// Whether the body is left out, for HEAD.
    pub head_only: bool,
    /// What happens to the connection.
    pub after: After,
    /// The origin that may read it, if a page asked.
    pub reader: Option<Reader<'b>>,
    /// The time of the answer, if it is known.
    pub date: Option<Date>,
}

/// What happens to a connection after an answer, RFC 9112 9.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum After {
    /// It is closed.
    #[default]
    Close,
    /// It stays open for the next request.
    Keep,
    /// It stays open, in HTTP/1.0, where the answer must say so.
    KeepAndSay,
}

/// Appends the header fields that let a page read an answer (Fetch standard, 3.3.3).
pub(crate) fn encode_reader(out: &mut Vec<u8>, reader: Option<Reader<'_>>) {
    if let Some(reader) = reader {
        out.extend_from_slice(b"Access-Control-Allow-Origin: ");
        out.extend_from_slice(reader.origin.as_bytes());
        if reader.credentials {
            out.extend_from_slice(b"\r\nAccess-Control-Allow-Credentials: true");
        }
        out.extend_from_slice(b"\r\nVary: Origin\r\n");
    }
}

impl From<HttpError> for Response {
    fn from(err: HttpError) -> Self {
        let mut response = Self::text(err.status(), err.message());
        let fields = err.headers().iter();
        let fields = fields.map(|(name, value)| (*name, Cow::Borrowed(*value)));
        response.headers.extend(fields);
        response
    }
}

/// RFC 9110 15, RFC 6585 5; empty for a status that is not used here, which the grammar allows.
fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
