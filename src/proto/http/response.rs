//! Answers: pages, texts, errors.

use std::borrow::Cow;

use crate::proto::http::HttpError;

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Cow<'static, [u8]>,
    /// Header fields beside those that every answer has.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
}

impl Response {
    /// A line of plain text; `message` comes without its line end.
    pub fn text(status: u16, message: &str) -> Self {
        let body = format!("{message}\n").into_bytes();
        Self::new(status, "text/plain; charset=utf-8", body)
    }

    /// A page.
    pub fn html(page: &'static str) -> Self {
        Self::new(200, "text/html; charset=utf-8", page.as_bytes())
    }

    /// Any body, for instance metrics or JSON.
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

    /// A 405 that lists the methods in `allow`, as in `"GET, HEAD"`.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self::text(405, "method not allowed").with_header("Allow", allow)
    }

    /// The same with one more header field. The value must not have line ends.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// An answer without a body, 204.
    pub fn empty() -> Self {
        Self::new(204, "", &[][..])
    }

    /// Appends the answer as the last on its connection. `head_only` leaves out the body, for HEAD:
    /// RFC 9110 9.3.2 wants the head as it would be for GET.
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
        let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
        // RFC 9110 8.6: a 204 has no body, and no length of one.
        if *status != 204 {
            let len = body.len();
            head += &format!("Content-Type: {content_type}\r\nContent-Length: {len}\r\n");
        }
        head += "Cache-Control: no-store\r\n";
        // RFC 9110 7.8: who sends `Upgrade` also lists it in `Connection`.
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
        encode_origin(out, manner.origin);
        out.extend_from_slice(b"\r\n");
        if !manner.head_only {
            out.extend_from_slice(body);
        }
    }
}

/// How an answer goes to the one who asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner<'b> {
    /// Without the body, for HEAD.
    pub head_only: bool,
    /// What becomes of the connection.
    pub after: After,
    /// Pages of this origin may read it.
    pub origin: Option<&'b str>,
}

/// What becomes of a connection after an answer, RFC 9112 9.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum After {
    /// It is closed.
    #[default]
    Close,
    /// It takes the next request.
    Keep,
    /// The same for HTTP/1.0, where that must be said.
    KeepAndSay,
}

/// Appends the header fields that let pages of `origin` read an answer (Fetch standard, 3.3.3).
pub(crate) fn encode_origin(out: &mut Vec<u8>, origin: Option<&str>) {
    if let Some(origin) = origin {
        out.extend_from_slice(b"Access-Control-Allow-Origin: ");
        out.extend_from_slice(origin.as_bytes());
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

/// RFC 9110 15, RFC 6585 5; empty for a status that is not in use here, which the syntax allows.
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
mod tests {
    use super::{After, Manner, Response};
    use crate::proto::http::HttpError;

    fn encoded(response: &Response, head_only: bool) -> String {
        let mut out = Vec::new();
        response.encode(&mut out, head_only);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_answer_has_its_length_and_closes() {
        let text = encoded(&Response::text(404, "no such page"), false);
        let expected = "HTTP/1.1 404 Not Found\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\
            Content-Length: 13\r\n\
            Cache-Control: no-store\r\n\
            Connection: close\r\n\r\nno such page\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_answer_says_what_becomes_of_the_connection_and_who_may_read_it() {
        let say = |after, origin| {
            let mut out = Vec::new();
            let manner = Manner {
                head_only: true,
                after,
                origin,
            };
            Response::empty().encode_as(&mut out, &manner);
            String::from_utf8(out).unwrap()
        };
        let start = "HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\n";
        for (after, field) in [
            (After::Close, "Connection: close\r\n"),
            (After::Keep, ""),
            (After::KeepAndSay, "Connection: keep-alive\r\n"),
        ] {
            assert_eq!(say(after, None), format!("{start}{field}\r\n"));
        }
        assert_eq!(
            say(After::Keep, Some("https://a.example")),
            format!(
                "{start}Access-Control-Allow-Origin: https://a.example\r\nVary: Origin\r\n\r\n"
            )
        );
    }

    #[test]
    fn head_gets_the_head_that_get_would_get() {
        let page = Response::html("<p>hello");
        let head = encoded(&page, true);
        assert!(head.ends_with("\r\n\r\n"));
        assert_eq!(format!("{head}<p>hello"), encoded(&page, false));
    }

    #[test]
    fn errors_that_need_a_header_field_have_it() {
        let check = |err: HttpError, status: &str, fields: &[&str]| {
            let text = encoded(&Response::from(err), false);
            assert!(
                text.starts_with(&format!("HTTP/1.1 {status}\r\n")),
                "{text}"
            );
            assert!(
                text.ends_with(&format!("\r\n\r\n{}\n", err.message())),
                "{text}"
            );
            for field in fields {
                assert!(
                    text.contains(&format!("\r\n{field}\r\n")),
                    "no {field}: {text}"
                );
            }
        };
        check(
            HttpError::UpgradeMethod,
            "405 Method Not Allowed",
            &["Allow: GET"],
        );
        check(
            HttpError::WebSocketVersion,
            "426 Upgrade Required",
            &[
                "Upgrade: websocket",
                "Connection: Upgrade, close",
                "Sec-WebSocket-Version: 13",
            ],
        );
        check(
            HttpError::UpgradeMissing,
            "426 Upgrade Required",
            &["Upgrade: websocket", "Connection: Upgrade, close"],
        );
        check(
            HttpError::HostMissing,
            "400 Bad Request",
            &["Connection: close"],
        );
        let not_allowed = encoded(&Response::method_not_allowed("GET, HEAD"), false);
        assert!(
            not_allowed.contains("\r\nAllow: GET, HEAD\r\n"),
            "{not_allowed}"
        );
    }
}
