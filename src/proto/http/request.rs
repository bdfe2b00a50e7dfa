//! The head of an HTTP/1.x request, RFC 9112 sections 2 to 5, read more strictly than required.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use httparse::{Error, Header, Status};

use crate::limits::{HEAD_BYTES_MAX, HEADERS_CEILING, HEADERS_MAX};
use crate::proto::http::{After, HttpError, list_token, values};

/// Space for the header fields of a request, to be lent to [`parse_head`].
pub const NO_HEADERS: [MaybeUninit<Header<'static>>; HEADERS_CEILING] =
    [const { MaybeUninit::uninit() }; HEADERS_CEILING];

/// The limits of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// In bytes, with the empty line at its end.
    pub bytes_max: usize,
    /// Header fields; at most [`HEADERS_CEILING`].
    pub fields_max: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            bytes_max: HEAD_BYTES_MAX,
            fields_max: HEADERS_MAX,
        }
    }
}

/// The result of [`parse_head`].
#[derive(Debug)]
pub enum Head<'b> {
    /// The head is incomplete; keep the bytes and call again with more of them.
    Incomplete,
    /// A request.
    Complete {
        /// The request.
        request: Request<'b>,
        /// Bytes of input that the head took; what follows is its body or another protocol.
        taken: usize,
    },
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'b> {
    /// As sent, case-sensitive.
    pub method: &'b str,
    /// Begins with `/`; still percent-encoded.
    pub path: &'b str,
    /// What follows the first `?`; still percent-encoded.
    pub query: Option<&'b str>,
    /// The minor version: 0 or 1.
    pub version_minor: u8,
    /// In their order. Values are bytes without control characters.
    pub(crate) headers: &'b [Header<'b>],
    /// The body; empty if there is none. Handlers get it complete.
    pub body: &'b [u8],
}

/// Reads a request head from the front of `input`.
///
/// Bytes that no continuation can make HTTP are refused at once. The first error is reported,
/// however the input was cut. Lend [`NO_HEADERS`].
///
/// # Errors
///
/// See [`HttpError`]; the connection cannot be used after any of them.
pub fn parse_head<'h, 'b: 'h>(
    input: &'b [u8],
    headers: &'h mut [MaybeUninit<Header<'b>>],
    limits: HeadLimits,
) -> Result<Head<'h>, HttpError> {
    if input.first() == Some(&TLS_RECORD_HANDSHAKE) {
        return Err(HttpError::TlsHandshake);
    }
    let window = &input[..input.len().min(limits.bytes_max)];
    // RFC 9112 2.2 allows a recipient to accept LF alone as a line end. A proxy in front may not do
    // so, and two interpretations of one head are an attack. What comes before the first such LF is
    // read normally.
    let bare_line_feed = find_bare_line_feed(window);
    let readable = &window[..bare_line_feed.unwrap_or(window.len())];

    if METHOD_LEN_MAX < method_len(readable) {
        return Err(HttpError::MethodTooLong);
    }
    let fields_max = limits.fields_max.min(headers.len());
    let headers = &mut headers[..fields_max];
    let mut parsed = httparse::Request::new(&mut []);
    let status = parsed.parse_with_uninit_headers(readable, headers);
    let (method, target, version) = (parsed.method, parsed.path, parsed.version);
    match status {
        Ok(Status::Complete(taken)) => {
            let (Some(method), Some(target), Some(version_minor)) = (method, target, version)
            else {
                return Err(HttpError::RequestLine);
            };
            let (path, query) = split_target(target)?;
            let headers = parsed.headers;
            let request = Request {
                method,
                path,
                query,
                version_minor,
                headers,
                body: &[],
            };
            request.check_host()?;
            Ok(Head::Complete { request, taken })
        }
        Ok(Status::Partial) if bare_line_feed.is_some() => Err(HttpError::LineEnd),
        Ok(Status::Partial) if input.len() < limits.bytes_max => Ok(Head::Incomplete),
        Ok(Status::Partial) if target.is_none() => Err(HttpError::TargetTooLong),
        Ok(Status::Partial) => Err(HttpError::HeadTooLarge),
        Err(Error::TooManyHeaders) => Err(HttpError::TooManyHeaders),
        Err(Error::Version) if names_http_version(readable) => Err(HttpError::Version),
        Err(Error::NewLine) => Err(HttpError::LineEnd),
        Err(Error::HeaderName | Error::HeaderValue) => Err(HttpError::HeaderField),
        Err(_) => Err(HttpError::RequestLine),
    }
}

impl<'b> Request<'b> {
    /// The value of the first header field with this name, in any case.
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.headers(name).next()
    }

    /// The values of all header fields with this name, in any case, in order.
    pub fn headers<'n>(&self, name: &'n str) -> impl Iterator<Item = &'b [u8]> + use<'b, 'n> {
        values(self.headers, name)
    }

    /// The parameters of the query in order: names and values, decoded like a form (WHATWG URL
    /// standard, section 5.1). `+` is a space, and invalid UTF-8 becomes U+FFFD.
    pub fn params(&self) -> impl Iterator<Item = (Cow<'b, str>, Cow<'b, str>)> + use<'b> {
        form_urlencoded::parse(self.query.unwrap_or_default().as_bytes())
    }

    /// The value of the first parameter with this name.
    pub fn param(&self, name: &str) -> Option<Cow<'b, str>> {
        self.params()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Whether a header field with this name lists `token`, both in any case.
    pub fn lists_token(&self, name: &str, token: &str) -> bool {
        list_token(self.headers, name, token)
    }

    /// Whether the request asks for WebSocket, in a valid way or not. RFC 9110 7.8: an offer of
    /// other protocols, such as `h2c`, may be ignored.
    pub fn wants_websocket(&self) -> bool {
        self.lists_token("upgrade", "websocket")
    }

    /// Whether the request is from an `EventSource` (WHATWG HTML standard, section 9.2.2).
    pub fn wants_events(&self) -> bool {
        self.method == "GET" && self.lists_token("accept", "text/event-stream")
    }

    /// What happens to the connection after the answer, RFC 9112 9.3.
    pub(crate) fn after(&self) -> After {
        let keeps = self.lists_token("connection", "keep-alive");
        match self.version_minor {
            _ if self.lists_token("connection", "close") => After::Close,
            0 if keeps => After::KeepAndSay,
            0 => After::Close,
            _ => After::Keep,
        }
    }

    /// Whether the client waits for permission to send its body, RFC 9110 10.1.1; in HTTP/1.0 it
    /// never does.
    ///
    /// # Errors
    ///
    /// [`HttpError::Expectation`] if it has another expectation.
    pub(crate) fn expects_continue(&self) -> Result<bool, HttpError> {
        if self.version_minor == 0 {
            return Ok(false);
        }
        let mut expects = false;
        for value in self.headers("expect") {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return Err(HttpError::Expectation);
            }
            expects = true;
        }
        Ok(expects)
    }

    /// RFC 9112 3.2: an HTTP/1.1 request without `Host`, and any request with two, is refused with
    /// 400.
    fn check_host(&self) -> Result<(), HttpError> {
        match self.headers("host").count() {
            1 => Ok(()),
            0 if self.version_minor == 0 => Ok(()),
            0 => Err(HttpError::HostMissing),
            _ => Err(HttpError::HostRepeated),
        }
    }
}

/// Whether `bytes` are a token, RFC 9110 5.6.2.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_tchar)
}

pub(crate) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The position of the first LF without a CR before it, up to the empty line that ends the head.
fn find_bare_line_feed(bytes: &[u8]) -> Option<usize> {
    let head = skip_empty_lines(bytes);
    let mut line = 0;
    for (at, _) in head.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        match &head[line..at] {
            b"\r" => return None,
            [.., b'\r'] => line = at + 1,
            _ => return Some(bytes.len() - head.len() + at),
        }
    }
    None
}

/// Path and query of a target in origin form or, as RFC 9112 3.2.2 demands, in absolute form.
fn split_target(target: &str) -> Result<(&str, Option<&str>), HttpError> {
    let origin = match target.split_once("://") {
        Some((scheme, rest)) if is_http_scheme(scheme) => {
            let authority_len = rest.find(['/', '?']).unwrap_or(rest.len());
            &rest[authority_len..]
        }
        _ if target.starts_with('/') => target,
        _ => return Err(HttpError::Target),
    };
    // A fragment is only for the client, RFC 9110 4.2.5.
    if origin.contains('#') {
        return Err(HttpError::Target);
    }
    let (path, query) = match origin.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (origin, None),
    };
    // RFC 9110 4.2.3: an empty path means the root.
    Ok((if path.is_empty() { "/" } else { path }, query))
}

fn is_http_scheme(scheme: &str) -> bool {
    ["http", "https", "ws", "wss"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Length of the method as far as it has arrived.
fn method_len(head: &[u8]) -> usize {
    skip_empty_lines(head)
        .iter()
        .take_while(|byte| is_tchar(**byte))
        .count()
}

/// Whether the third word of the request line looks like an HTTP version.
fn names_http_version(head: &[u8]) -> bool {
    let version = skip_empty_lines(head)
        .splitn(3, |byte| *byte == b' ')
        .nth(2);
    let digit = version.and_then(|version| version.strip_prefix(b"HTTP/")?.first());
    digit.is_some_and(u8::is_ascii_digit)
}

/// RFC 9112 2.2: empty lines before the request line are ignored.
fn skip_empty_lines(mut head: &[u8]) -> &[u8] {
    while let Some(rest) = head.strip_prefix(b"\r\n") {
        head = rest;
    }
    head
}

/// `ContentType` 22, RFC 8446 5.1: no method begins with it.
const TLS_RECORD_HANDSHAKE: u8 = 22;
/// The longest registered method is UPDATEREDIRECTREF.
///
/// RFC 9112 3: a method longer than any implemented one "SHOULD" be answered with 501.
const METHOD_LEN_MAX: usize = 17;

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
