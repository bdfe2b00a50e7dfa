//! How large heads of HTTP are.

/// Longest HTTP request head in bytes: cookies, and tokens that a CDN, a balancer and a mesh add.
pub const HEAD_BYTES_MAX: usize = 16 << 10;
/// The longest that a user can ask for, in bytes: a connection keeps what has come of it.
pub const HEAD_BYTES_CEILING: usize = 64 << 10;
/// Most header fields in a request head, as with other servers.
pub const HEADERS_MAX: usize = 100;
/// The most that a user can ask for.
pub const HEADERS_CEILING: usize = 500;

/// Longest head of an HTTP answer that a client reads, in bytes: proxies add cookies to it.
pub const ANSWER_HEAD_BYTES_MAX: usize = 16 << 10;
/// Most header fields in the head of an HTTP answer.
pub const ANSWER_HEADERS_MAX: usize = 100;
