//! Reading what a server has compressed, RFC 7692, without anything kept for a connection.

use flate2::{Decompress, FlushDecompress, Status};
use serde::{Deserialize, Serialize};

/// What a client offers: neither side keeps its window from one message to the next.
pub(crate) const OFFER: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// Expands messages. Subscribers in a row mostly get the same bytes, which are expanded once.
pub(crate) struct Inflater {
    inner: Decompress,
    /// The message before, as it came and as it was meant.
    compressed: Vec<u8>,
    plain: Vec<u8>,
    pub(crate) came: Compressed,
}

/// Messages that came compressed.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Compressed {
    pub(crate) messages: u64,
    /// Their bytes, frame headers not counted.
    pub(crate) bytes: u64,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self {
            inner: Decompress::new(false),
            compressed: Vec::new(),
            plain: Vec::new(),
            came: Compressed::default(),
        }
    }

    /// The message that `payload` stands for; `None` if it stands for none of up to `max` bytes.
    #[inline]
    pub(crate) fn inflate(&mut self, payload: &[u8], max: usize) -> Option<&[u8]> {
        self.came.messages += 1;
        self.came.bytes += payload.len() as u64;
        if self.compressed != payload || payload.is_empty() {
            self.compressed.clear();
            if !self.expand(payload, max) {
                return None;
            }
            self.compressed.extend_from_slice(payload);
        }
        Some(&self.plain)
    }

    fn expand(&mut self, payload: &[u8], max: usize) -> bool {
        self.inner.reset(false);
        self.plain.clear();
        // One byte more shows what is too long.
        self.plain.reserve(max + 1);
        // RFC 7692 7.2.2: the end of the block, which the sender has left out.
        [payload, &[0x00, 0x00, 0xff, 0xff]].iter().all(|part| {
            let start = self.inner.total_in();
            let status = self
                .inner
                .decompress_vec(part, &mut self.plain, FlushDecompress::Sync);
            let taken = self.inner.total_in() - start;
            matches!(status, Ok(Status::Ok | Status::BufError)) && taken == part.len() as u64
        }) && self.plain.len() <= max
    }
}

#[cfg(test)]
mod tests {
    use super::Inflater;

    /// RFC 7692 7.2.3.1 and 7.2.3.3.
    const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    const HELLO_STORED: &[u8] = &[
        0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
    ];

    #[test]
    fn the_examples_of_the_rfc_say_hello() {
        let mut inflater = Inflater::new();
        for payload in [HELLO, HELLO, HELLO_STORED, HELLO] {
            assert_eq!(inflater.inflate(payload, 5), Some(&b"Hello"[..]));
        }
        assert_eq!(inflater.came.messages, 4);
        assert_eq!(inflater.came.bytes, 7 + 7 + 11 + 7);
    }

    #[test]
    fn what_is_too_long_or_broken_is_no_message() {
        let mut inflater = Inflater::new();
        assert_eq!(inflater.inflate(HELLO, 4), None);
        assert_eq!(inflater.inflate(HELLO, 5), Some(&b"Hello"[..]));
        assert_eq!(inflater.inflate(&[0xff, 0xff], 100), None);
        assert_eq!(inflater.inflate(HELLO, 5), Some(&b"Hello"[..]));
    }
}
