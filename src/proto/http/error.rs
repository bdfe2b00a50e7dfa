//! All errors of a request, with their status and text.

use std::fmt;

/// The reason why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// The first byte is that of a TLS record.
    TlsHandshake,
    /// The request line is not one.
    RequestLine,
    /// The method is longer than any registered one.
    MethodTooLong,
    /// The target alone exceeds the limit of the head.
    TargetTooLong,
    /// The target is not a path.
    Target,
    /// The version is neither HTTP/1.1 nor HTTP/1.0.
    Version,
    /// A header field is malformed, or folded.
    HeaderField,
    /// A line does not end with CR LF but, for example, with LF alone.
    LineEnd,
    /// The head exceeds its limit.
    HeadTooLarge,
    /// There are more header fields than allowed.
    TooManyHeaders,
    /// HTTP/1.1 without `Host`.
    HostMissing,
    /// More than one `Host`.
    HostRepeated,
    /// Both `Content-Length` and `Transfer-Encoding`.
    FramingTwice,
    /// `Content-Length` is not a number, or occurs more than once.
    ContentLength,
    /// `Transfer-Encoding` does not end in `chunked`, occurs more than once, or is used in
    /// HTTP/1.0.
    TransferEncoding,
    /// `Transfer-Encoding` names a coding before `chunked`.
    TransferCoding,
    /// The body exceeds its limit.
    BodyTooLarge,
    /// A line around the chunks of a body is malformed.
    Chunk,
    /// The lines around the chunks have too many bytes.
    ChunkOverhead,
    /// `Expect` is not `100-continue`.
    Expectation,
    /// The origin of the page is not allowed.
    OriginForbidden,
    /// An upgrade with a method other than GET.
    UpgradeMethod,
    /// An upgrade in HTTP/1.0.
    UpgradeVersion,
    /// No `Upgrade: websocket`.
    UpgradeMissing,
    /// No `Connection: Upgrade`.
    ConnectionNotUpgrade,
    /// `Sec-WebSocket-Version` is not 13.
    WebSocketVersion,
    /// No `Sec-WebSocket-Key`.
    KeyMissing,
    /// More than one `Sec-WebSocket-Key`.
    KeyRepeated,
    /// `Sec-WebSocket-Key` is not 16 bytes in base64.
    KeyInvalid,
    /// An upgrade request with a body.
    UpgradeBody,
    /// `Sec-WebSocket-Protocol` is not a list of tokens.
    SubprotocolInvalid,
    /// `Sec-WebSocket-Extensions` is not a list of extensions.
    ExtensionInvalid,
    /// The topic is empty.
    TopicEmpty,
    /// The topic is too long.
    TopicTooLong,
    /// The topic contains a percent sign without two hexadecimal digits.
    TopicEscape,
    /// The topic is not UTF-8.
    TopicNotUtf8,
    /// The topic is `.` or `..`.
    TopicDots,
    /// The topic contains a control character.
    TopicControl,
    /// `since` is not one position.
    Since,
    /// `last` is not one number.
    Last,
    /// `key` is not one key.
    Key,
    /// `since` where a gap could not be told.
    SinceUntold,
}

impl HttpError {
    /// The status code of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::TargetTooLong | Self::TopicTooLong => 414,
            Self::HeadTooLarge | Self::TooManyHeaders => 431,
            Self::MethodTooLong | Self::TransferCoding => 501,
            Self::BodyTooLarge => 413,
            Self::Expectation => 417,
            Self::OriginForbidden => 403,
            Self::Version => 505,
            Self::UpgradeMethod => 405,
            Self::UpgradeMissing | Self::WebSocketVersion => 426,
            _ => 400,
        }
    }

    /// The error and its remedy.
    pub fn message(self) -> &'static str {
        self.facts().1
    }

    /// The value of the metric label, in snake case.
    pub fn label(self) -> &'static str {
        self.facts().0
    }

    /// Additional header fields of the answer.
    pub(crate) fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // RFC 9110 15.5.6: a 405 lists the methods that are allowed.
            Self::UpgradeMethod => &[("Allow", "GET")],
            // RFC 9110 15.5.22: a 426 names the protocol in `Upgrade`.
            Self::UpgradeMissing => &[("Upgrade", "websocket")],
            // RFC 6455 4.4: and the versions that the server speaks.
            Self::WebSocketVersion => &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
            _ => &[],
        }
    }

    #[expect(clippy::too_many_lines, reason = "a table")]
    fn facts(self) -> (&'static str, &'static str) {
        match self {
            Self::TlsHandshake => ("tls_handshake", "this port speaks plain HTTP, not TLS"),
            Self::RequestLine => (
                "request_line",
                "malformed request line; send: METHOD /path HTTP/1.1",
            ),
            Self::MethodTooLong => ("method_too_long", "unknown method; send GET or POST"),
            Self::TargetTooLong => ("target_too_long", "the request target is too long"),
            Self::Target => (
                "target",
                "the request target must be a path that begins with /",
            ),
            Self::Version => ("version", "unsupported HTTP version; use HTTP/1.1"),
            Self::HeaderField => (
                "header_field",
                "malformed header field; send: Name: value, on one line",
            ),
            Self::LineEnd => ("line_end", "lines must end with CR LF, not LF alone"),
            Self::HeadTooLarge => (
                "head_too_large",
                "the request head is too large; see limits.head",
            ),
            Self::TooManyHeaders => (
                "too_many_headers",
                "too many header fields; see limits.header_fields",
            ),
            Self::HostMissing => ("host_missing", "HTTP/1.1 needs a Host header field"),
            Self::HostRepeated => ("host_repeated", "more than one Host header field; send one"),
            Self::UpgradeMethod => ("upgrade_method", "a WebSocket upgrade must be a GET"),
            Self::UpgradeVersion => ("upgrade_version", "a WebSocket upgrade needs HTTP/1.1"),
            Self::UpgradeMissing => (
                "upgrade_missing",
                "this path speaks WebSocket; send Upgrade: websocket",
            ),
            Self::ConnectionNotUpgrade => (
                "connection_not_upgrade",
                "the Connection header field must contain Upgrade",
            ),
            Self::WebSocketVersion => (
                "websocket_version",
                "unsupported WebSocket version; send Sec-WebSocket-Version: 13, once",
            ),
            Self::KeyMissing => (
                "key_missing",
                "the Sec-WebSocket-Key header field is missing",
            ),
            Self::KeyRepeated => (
                "key_repeated",
                "more than one Sec-WebSocket-Key header field; send one",
            ),
            Self::KeyInvalid => (
                "key_invalid",
                "Sec-WebSocket-Key must be 16 bytes in base64",
            ),
            Self::UpgradeBody => ("upgrade_body", "a WebSocket upgrade must not have a body"),
            Self::ExtensionInvalid => (
                "extension_invalid",
                "Sec-WebSocket-Extensions must be a list of names with parameters",
            ),
            Self::SubprotocolInvalid => (
                "subprotocol_invalid",
                "Sec-WebSocket-Protocol must be a list of tokens",
            ),
            Self::FramingTwice => (
                "framing_twice",
                "send Content-Length or Transfer-Encoding, not both",
            ),
            Self::ContentLength => (
                "content_length",
                "Content-Length must be one number, sent once",
            ),
            Self::TransferEncoding => (
                "transfer_encoding",
                "Transfer-Encoding must be chunked, sent once, in HTTP/1.1",
            ),
            Self::TransferCoding => (
                "transfer_coding",
                "unknown transfer coding; send Transfer-Encoding: chunked alone",
            ),
            Self::BodyTooLarge => ("body_too_large", "the body is too large"),
            Self::Chunk => ("chunk", "malformed chunk of the body"),
            Self::ChunkOverhead => (
                "chunk_overhead",
                "too many bytes of chunk sizes, extensions or trailers",
            ),
            Self::Expectation => (
                "expectation",
                "unknown expectation; send Expect: 100-continue, or none",
            ),
            Self::OriginForbidden => (
                "origin_forbidden",
                "pages of this origin are not allowed here; see http.origins",
            ),
            Self::TopicEmpty => ("topic_empty", "the topic is empty; name one in the path"),
            Self::TopicTooLong => ("topic_too_long", "the topic is longer than 255 bytes"),
            Self::TopicEscape => (
                "topic_escape",
                "a % in the topic must be followed by two hexadecimal digits",
            ),
            Self::TopicNotUtf8 => ("topic_not_utf8", "the topic must be UTF-8"),
            Self::TopicDots => (
                "topic_dots",
                "the topic must not be . or .., which URLs leave out",
            ),
            Self::TopicControl => (
                "topic_control",
                "the topic must not have control characters",
            ),
            Self::Since => (
                "since",
                "since must be one position, EPOCH:OFFSET, and without last",
            ),
            Self::Last => (
                "last",
                "last must be one number of messages, and without since",
            ),
            Self::Key => ("key", "key must be one text of 1 to 255 bytes"),
            Self::SinceUntold => (
                "since_untold",
                "since needs the subprotocol corecast.positions, which tells of gaps",
            ),
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for HttpError {}
