//! A stream of server-sent events as a client receives it.

use corecast::Kind;
use corecast::limits::{RETURN_AFTER, RETURN_WINDOW_MAX};
use data_encoding::BASE64;

use crate::client::Client;
use crate::client::reader::Told;
use crate::ledger::Book;

impl Client {
    /// A chunk with an event, or one alone; or the last, which is empty.
    pub(super) fn take_part(&mut self, bytes: &[u8], book: &Book) -> usize {
        if !self.has_chunks() {
            return self.take_event(bytes, book);
        }
        let Some(start) = bytes.windows(2).position(|window| window == b"\r\n") else {
            return 0;
        };
        let size = std::str::from_utf8(&bytes[..start]).expect("a size");
        let len = usize::from_str_radix(size, 16).expect("a size");
        let (start, end) = (start + 2, start + 2 + len);
        if bytes.len() < end + 2 {
            return 0;
        }
        assert_eq!(&bytes[end..][..2], b"\r\n", "the end of a chunk");
        if len != 0 {
            let taken = self.take_event(&bytes[start..end], book);
            assert_eq!(taken, len, "one event in a chunk");
        }
        end + 2
    }

    /// An event, or a comment that says that nothing was published.
    fn take_event(&mut self, bytes: &[u8], book: &Book) -> usize {
        let Some(end) = bytes.windows(2).position(|window| window == b"\n\n") else {
            return 0;
        };
        let mut event = std::str::from_utf8(&bytes[..end]).expect("a text");
        let mut position = None;
        if let Some(id) = event.strip_prefix("id: ") {
            let (id, rest) = id.split_once('\n').unwrap_or((id, ""));
            position = Some(id.parse().expect("a position"));
            event = rest;
        }
        if let Some(encoded) = event.strip_prefix("event: binary\ndata: ") {
            let payload = BASE64.decode(encoded.as_bytes()).expect("base64");
            self.see(position, Some(Kind::Binary), &payload, book);
        } else if let Some(text) = event.strip_prefix("data: ") {
            self.see(position, Some(Kind::Text), text.as_bytes(), book);
        } else if let Some(gap) = event.strip_prefix("event: gap\nid: ") {
            let (id, data) = gap.split_once("\ndata: ").expect("a gap");
            assert_eq!(id, data, "the id and the data of a gap");
            let position = (!id.is_empty()).then(|| id.parse().expect("a position"));
            self.is_told(Told::Gap(position), book);
        } else if let Some(position) = position {
            assert!(event.is_empty(), "{event}");
            self.is_told(Told::Position(position), book);
        } else {
            let is_opening = event.starts_with(":\nretry: ");
            // It is one too many of its user, or was disconnected.
            let is_final = event == "retry: 86400000";
            // The server shuts down, and this is when the client is to come back.
            let returns = event.strip_prefix("retry: ").map(str::parse);
            let is_postponed = book.drained_at.is_some()
                && returns.is_some_and(|millis| millis.is_ok_and(is_return));
            let is_known = event == ":" || is_opening || is_final || is_postponed;
            assert!(is_known, "{event}");
        }
        end + 2
    }
}

/// Whether a drained server tells clients to come back after so many milliseconds.
fn is_return(millis: u128) -> bool {
    let latest = RETURN_AFTER + RETURN_WINDOW_MAX;
    (RETURN_AFTER.as_millis()..=latest.as_millis()).contains(&millis)
}
