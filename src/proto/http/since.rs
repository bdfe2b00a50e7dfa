//! What a client that subscribes asks for first.

use crate::position::Since;
use crate::proto::http::{HttpError, Request};

impl Request<'_> {
    /// What a client that subscribes asks for first: by the field `Last-Event-ID`, or in the query
    /// by `since=EPOCH:OFFSET` or `last=N`.
    ///
    /// The field goes before the query: an `EventSource` that comes back sends the last id with the
    /// URL of its beginning (WHATWG HTML standard, section 9.2.3). One that is no position is
    /// [`Since::Foreign`] and no error, as a page could not change it.
    ///
    /// # Errors
    ///
    /// A malformed parameter, one that is there twice, or both of them.
    pub fn since(&self) -> Result<Since, HttpError> {
        if let Some(id) = self.header("last-event-id").filter(|id| !id.is_empty()) {
            let id = std::str::from_utf8(id);
            return Ok(id.map_or(Since::Foreign, Since::position));
        }
        let mut since = Since::Default;
        for (name, value) in self.params() {
            let (asked, error) = match &*name {
                "since" => (value.parse().ok().map(Since::Position), HttpError::Since),
                "last" => (last(&value).map(Since::Last), HttpError::Last),
                _ => continue,
            };
            if since != Since::Default {
                return Err(error);
            }
            since = asked.ok_or(error)?;
        }
        Ok(since)
    }
}

fn last(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::http::{Head, HeadLimits, NO_HEADERS, parse_head};

    fn since(query: &str, fields: &str) -> Result<Since, HttpError> {
        let head = format!("GET /sse/a{query} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut headers = NO_HEADERS;
        match parse_head(head.as_bytes(), &mut headers, HeadLimits::default()) {
            Ok(Head::Complete { request, .. }) => request.since(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_query_asks_for_a_position_or_for_the_newest() {
        let here = Since::position("mzxw6ytb:42");
        assert!(matches!(here, Since::Position(_)));
        assert_eq!(since("", ""), Ok(Since::Default));
        assert_eq!(since("?sinces=1&token=x", ""), Ok(Since::Default));
        assert_eq!(since("?since=mzxw6ytb:42", ""), Ok(here));
        assert_eq!(since("?a=b&since=mzxw6ytb%3a42", ""), Ok(here));
        assert_eq!(since("?last=0", ""), Ok(Since::Last(0)));
        assert_eq!(since("?last=4294967295", ""), Ok(Since::Last(u32::MAX)));
    }

    #[test]
    fn a_query_that_asks_for_nonsense_is_refused() {
        for query in [
            "?since",
            "?since=",
            "?since=42",
            "?since=mzxw6ytb:042",
            "?since=mzxw6ytb:1&since=mzxw6ytb:1",
            "?last=1&since=mzxw6ytb:1",
        ] {
            assert_eq!(since(query, ""), Err(HttpError::Since), "{query}");
        }
        for query in [
            "?last",
            "?last=",
            "?last=-1",
            "?last=%2B1",
            "?last=4294967296",
            "?last=1&last=1",
            "?since=mzxw6ytb:1&last=1",
        ] {
            assert_eq!(since(query, ""), Err(HttpError::Last), "{query}");
        }
    }

    #[test]
    fn the_last_event_goes_before_the_query_and_is_never_an_error() {
        let here = Since::position("mzxw6ytb:42");
        let id = "Last-Event-ID: mzxw6ytb:42\r\n";
        for query in ["", "?since=mzxw6ytb:7", "?last=10", "?last=x"] {
            assert_eq!(since(query, id), Ok(here), "{query}");
        }
        for id in ["17", "mzxw6ytb:", "\u{e4}"] {
            let field = format!("Last-Event-ID: {id}\r\n");
            assert_eq!(since("?last=10", &field), Ok(Since::Foreign), "{id}");
        }
        assert_eq!(since("?last=10", "Last-Event-ID:\r\n"), Ok(Since::Last(10)));
    }
}
