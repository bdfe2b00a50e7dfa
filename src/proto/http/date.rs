//! The time of an answer, RFC 9110 6.6.1.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;

/// A time as in the field `Date`, RFC 9110 5.6.7: in seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Date {
    secs: u64,
    text: [u8; LEN],
}

impl Date {
    /// The time this long after the beginning of 1970.
    pub fn since_1970(time: Duration) -> Self {
        // The format has four digits for the year.
        let time = time.min(Duration::from_secs(LAST_SECOND));
        let text = HttpDate::from(UNIX_EPOCH + time).to_string();
        let mut date = [b' '; LEN];
        for (to, from) in date.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        Self {
            secs: time.as_secs(),
            text: date,
        }
    }

    /// The seconds since the beginning of 1970.
    pub fn secs(self) -> u64 {
        self.secs
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({})", self.text.escape_ascii())
    }
}

/// Appends the header field. A server without a clock sends none (RFC 9110 6.6.1).
pub(crate) fn encode_date(out: &mut Vec<u8>, date: Option<Date>) {
    if let Some(Date { text, .. }) = date {
        out.extend_from_slice(b"Date: ");
        out.extend_from_slice(&text);
        out.extend_from_slice(b"\r\n");
    }
}

/// Bytes of `Sun, 06 Nov 1994 08:49:37 GMT`.
const LEN: usize = 29;
/// The end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_the_form_of_the_rfc() {
        let field = |secs| {
            let mut out = Vec::new();
            encode_date(&mut out, Some(Date::since_1970(Duration::from_secs(secs))));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            field(784_111_777),
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        );
        assert_eq!(field(0), "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
        let last = "Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n";
        assert_eq!([field(LAST_SECOND), field(u64::MAX)], [last, last]);
        let mut out = Vec::new();
        encode_date(&mut out, None);
        assert!(out.is_empty());
    }
}
