//! The names of topics, and the name in a path.

use crate::limits::TOPIC_BYTES_MAX;
use crate::proto::http::HttpError;

/// Whether a topic may have this name: 1 to [`TOPIC_BYTES_MAX`] bytes, and neither `.` nor `..`.
///
/// Clients remove these two from every URL, percent-encoded or not (WHATWG URL standard, section
/// 4.4, path state; RFC 3986 5.2.4), so no page could subscribe to such a topic.
pub(crate) fn is_topic_name(name: &str) -> bool {
    (1..=TOPIC_BYTES_MAX).contains(&name.len()) && !is_dots(name)
}

fn is_dots(name: &str) -> bool {
    matches!(name, "." | "..")
}

/// Decodes the part of a path that names a topic, percent-encoding per RFC 3986 2.1.
///
/// A topic is 1 to [`TOPIC_BYTES_MAX`] bytes of UTF-8. `/` is allowed, and `+` is a plus sign. `.`
/// and `..` are refused, because no URL can name them. Control characters, including NUL and line
/// ends, are refused, encoded or not: a topic appears in logs, metrics and line protocols, where
/// they could be misread.
///
/// # Errors
///
/// One of the `Topic` variants of [`HttpError`].
pub fn topic_from_path(encoded: &str) -> Result<String, HttpError> {
    let mut bytes = Vec::new();
    let mut rest = encoded.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if bytes.len() == TOPIC_BYTES_MAX {
            return Err(HttpError::TopicTooLong);
        }
        if *byte != b'%' {
            bytes.push(*byte);
            rest = after;
            continue;
        }
        let Some(([high, low], after)) = after.split_first_chunk() else {
            return Err(HttpError::TopicEscape);
        };
        let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low)) else {
            return Err(HttpError::TopicEscape);
        };
        bytes.push(high << 4 | low);
        rest = after;
    }
    let topic = String::from_utf8(bytes).map_err(|_| HttpError::TopicNotUtf8)?;
    if topic.is_empty() {
        return Err(HttpError::TopicEmpty);
    }
    if is_dots(&topic) {
        return Err(HttpError::TopicDots);
    }
    if topic.chars().any(char::is_control) {
        return Err(HttpError::TopicControl);
    }
    Ok(topic)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_topic_name, topic_from_path};
    use crate::limits::TOPIC_BYTES_MAX;
    use crate::proto::http::HttpError;

    fn check(encoded: &str, expected: Result<&str, HttpError>) {
        assert_eq!(
            topic_from_path(encoded).as_deref(),
            expected.as_ref().map(|t| *t),
            "{encoded}"
        );
    }

    #[test]
    fn topics_are_percent_decoded_once() {
        check("room", Ok("room"));
        check("a/b//c", Ok("a/b//c"));
        check("a+b", Ok("a+b"));
        check("a%20b%2fc%2F", Ok("a b/c/"));
        check("%e2%82%ac", Ok("€"));
        check("€", Ok("€"));
        check("%2525", Ok("%25"));
        check("%25", Ok("%"));
    }

    #[test]
    fn bad_escapes_are_refused() {
        for bad in ["%", "a%", "a%2", "%g0", "%0g", "%%20", "%+1", "% 1", "%é"] {
            check(bad, Err(HttpError::TopicEscape));
        }
    }

    #[test]
    fn topics_are_text_without_control_characters() {
        check("", Err(HttpError::TopicEmpty));
        check("%ff", Err(HttpError::TopicNotUtf8));
        check("%ed%a0%80", Err(HttpError::TopicNotUtf8));
        check("a%e2%82", Err(HttpError::TopicNotUtf8));
        for bad in ["%00", "a%0ab", "a%0d", "%1b%5b", "%7f", "%c2%85"] {
            check(bad, Err(HttpError::TopicControl));
        }
    }

    #[test]
    fn what_every_url_leaves_out_is_no_topic() {
        for dots in [".", "..", "%2e", "%2E.", ".%2e", "%2e%2E"] {
            check(dots, Err(HttpError::TopicDots));
        }
        for fine in ["...", "a.", ".a", "../a", "a/..", "./."] {
            check(fine, Ok(fine));
        }
        for name in ["", ".", "..", &"x".repeat(TOPIC_BYTES_MAX + 1)] {
            assert!(!is_topic_name(name), "{name:?}");
        }
        for name in ["a", "...", " ", &"x".repeat(TOPIC_BYTES_MAX)] {
            assert!(is_topic_name(name), "{name:?}");
        }
    }

    #[test]
    fn the_limit_counts_decoded_bytes() {
        assert!(
            HttpError::TopicTooLong
                .message()
                .contains(&TOPIC_BYTES_MAX.to_string())
        );
        for len in [TOPIC_BYTES_MAX - 1, TOPIC_BYTES_MAX, TOPIC_BYTES_MAX + 1] {
            let plain = "x".repeat(len);
            let expected = if len <= TOPIC_BYTES_MAX {
                Ok(&*plain)
            } else {
                Err(HttpError::TopicTooLong)
            };
            check(&plain, expected);
            check(&"%78".repeat(len), expected);
        }
    }
}
