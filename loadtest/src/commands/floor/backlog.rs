//! What the subscribers that are behind have yet to get, kept once for all of them.

/// Bytes of one protocol, found by their number since the start of the server.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: Vec<u8>,
    /// Number of the first byte kept.
    start: u64,
    /// Subscribers that read from here.
    readers: usize,
    /// Bytes kept at which it is worth looking for those that no subscriber needs any more.
    trim_at: usize,
}

/// Below this nothing is trimmed.
const TRIM_BYTES_MIN: usize = 1 << 20;

impl Backlog {
    /// Keeps these bytes for all readers, and says the number of the first.
    pub(super) fn append(&mut self, bytes: &[u8]) -> u64 {
        let at = self.end();
        self.bytes.extend_from_slice(bytes);
        at
    }

    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// All bytes from this number on, which must be a reader's.
    pub(super) fn from(&self, at: u64) -> &[u8] {
        let skipped = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.bytes.get(skipped..).unwrap_or_default()
    }

    pub(super) fn has_readers(&self) -> bool {
        self.readers > 0
    }

    pub(super) fn add_reader(&mut self) {
        self.readers += 1;
    }

    /// One has had all, or is gone; after the last nothing is kept.
    pub(super) fn remove_reader(&mut self) {
        self.readers = self.readers.saturating_sub(1);
        if self.readers == 0 {
            self.trim(self.end());
        }
    }

    /// Whether to look for the slowest reader and trim. What is kept has doubled since the last
    /// time, so that looking and moving cost each byte a constant.
    pub(super) fn wants_trim(&self) -> bool {
        self.bytes.len() >= self.trim_at.max(TRIM_BYTES_MIN)
    }

    /// Forgets what is before the place of the slowest reader.
    pub(super) fn trim(&mut self, slowest: u64) {
        let unneeded = self.bytes.len() - self.from(slowest).len();
        self.bytes.drain(..unneeded);
        self.start += unneeded as u64;
        self.trim_at = 2 * self.bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_their_numbers_when_others_are_forgotten() {
        let mut backlog = Backlog::default();
        backlog.add_reader();
        backlog.add_reader();
        assert_eq!(backlog.append(b"abc"), 0);
        assert_eq!(backlog.append(b"def"), 3);
        backlog.trim(2);
        assert_eq!(
            (backlog.from(2), backlog.from(4)),
            (&b"cdef"[..], &b"ef"[..])
        );
        assert_eq!(backlog.append(b"g"), 6);
        backlog.remove_reader();
        assert_eq!(backlog.from(5), b"fg");
        backlog.remove_reader();
        assert_eq!(backlog.from(7), b"");
        assert_eq!(backlog.append(b"h"), 7);
    }

    #[test]
    fn looking_for_what_to_trim_is_rare() {
        let mut backlog = Backlog::default();
        backlog.add_reader();
        let chunk = vec![0; 64 << 10];
        let mut looks = 0;
        for _ in 0..1024 {
            backlog.append(&chunk);
            if backlog.wants_trim() {
                looks += 1;
                backlog.trim(0);
            }
        }
        assert_eq!(looks, 7, "at 1, 2, 4 ... 64 MiB");
    }
}
