//! Segments: the pieces of a log that connections can hold on to after the log let go of them.

use std::cell::Cell;
use std::rc::Rc;

use crate::limits::{SEGMENT_BYTES, SPARE_SEGMENTS_MAX};

/// A run of whole frames. Shared by reference counting inside one shard.
#[derive(Debug)]
pub struct Segment {
    /// Position in the log of the first byte.
    pub(super) base: u64,
    pub(super) bytes: Vec<u8>,
    /// Its place in the order in which the shard began its segments.
    pub(super) born: u64,
    /// Part of the shard's backlog that this segment accounts for.
    counted: usize,
    backlog: Rc<Cell<usize>>,
}

impl Segment {
    /// The bytes from `from` up to `to`, as offsets into the segment.
    pub(crate) fn slice(&self, from: usize, to: usize) -> &[u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Position in the log behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Has these bytes in place of its own.
    pub(super) fn set(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        // Nothing more is appended: it has no memory to spare.
        self.bytes.shrink_to(bytes.len());
        self.bytes.reserve_exact(bytes.len());
        self.bytes.extend_from_slice(bytes);
        let counted = std::mem::replace(&mut self.counted, bytes.len());
        self.backlog.set(self.backlog.get() - counted + bytes.len());
    }

    /// Counts the bytes appended since the last call as backlog of the shard.
    pub(super) fn count(&mut self) {
        let grown = self.bytes.len() - self.counted;
        self.counted = self.bytes.len();
        self.backlog.set(self.backlog.get() + grown);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.backlog.set(self.backlog.get() - self.counted);
    }
}

/// Empty segments to use again, and the shard's backlog: bytes in segments still referenced.
#[derive(Debug, Default)]
pub(super) struct Pool {
    spare: Vec<Rc<Segment>>,
    /// Segments begun so far.
    begun: u64,
    backlog: Rc<Cell<usize>>,
}

impl Pool {
    /// Bytes of frames that logs and lagging connections of the shard hold.
    pub(super) fn backlog(&self) -> usize {
        self.backlog.get()
    }

    /// An empty segment that starts at `base`.
    pub(super) fn take(&mut self, base: u64) -> Rc<Segment> {
        self.begun += 1;
        if let Some(mut segment) = self.spare.pop()
            && let Some(inner) = Rc::get_mut(&mut segment)
        {
            inner.base = base;
            inner.born = self.begun;
            return segment;
        }
        let backlog = Rc::clone(&self.backlog);
        Rc::new(Segment {
            base,
            bytes: Vec::new(),
            born: self.begun,
            counted: 0,
            backlog,
        })
    }

    /// A segment of no log, which is counted as long as it is there.
    pub(super) fn hold(&self) -> Segment {
        Segment {
            base: 0,
            bytes: Vec::new(),
            born: 0,
            counted: 0,
            backlog: Rc::clone(&self.backlog),
        }
    }

    /// Takes back a segment that the log needs no more; frees it if others still do.
    pub(super) fn give(&mut self, mut segment: Rc<Segment>) {
        if self.spare.len() < SPARE_SEGMENTS_MAX
            && let Some(inner) = Rc::get_mut(&mut segment)
            && inner.bytes.capacity() <= SEGMENT_BYTES
        {
            self.backlog.set(self.backlog.get() - inner.counted);
            inner.counted = 0;
            inner.bytes.clear();
            self.spare.push(segment);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::Pool;
    use crate::limits::{SEGMENT_BYTES, SPARE_SEGMENTS_MAX};

    #[test]
    fn bytes_count_until_the_last_holder_is_gone() {
        let mut pool = Pool::default();
        let mut segment = pool.take(0);
        let inner = Rc::get_mut(&mut segment).unwrap();
        inner.bytes.extend_from_slice(&[0; 100]);
        inner.count();
        inner.bytes.extend_from_slice(&[0; 50]);
        inner.count();
        assert_eq!(pool.backlog(), 150);
        let held = Rc::clone(&segment);
        pool.give(segment);
        assert_eq!(pool.backlog(), 150, "it is still held");
        drop(held);
        assert_eq!(pool.backlog(), 0);
    }

    #[test]
    fn a_segment_is_used_again_as_if_new() {
        let mut pool = Pool::default();
        let mut segment = pool.take(7);
        let inner = Rc::get_mut(&mut segment).unwrap();
        inner.bytes.extend_from_slice(b"old");
        inner.count();
        let born = segment.born;
        pool.give(segment);
        assert_eq!(pool.backlog(), 0);
        let segment = pool.take(9);
        assert_eq!((segment.base, segment.end()), (9, 9));
        assert!(born < segment.born);
        drop(segment);
        assert_eq!(pool.backlog(), 0);
    }

    #[test]
    fn spare_memory_has_a_bound() {
        let mut pool = Pool::default();
        let mut segments: Vec<_> = (0..2 * SPARE_SEGMENTS_MAX).map(|_| pool.take(0)).collect();
        let large = Rc::get_mut(&mut segments[0]).unwrap();
        large.bytes.reserve(SEGMENT_BYTES + 1);
        for segment in segments {
            pool.give(segment);
        }
        assert_eq!(pool.spare.len(), SPARE_SEGMENTS_MAX);
        let bytes = pool.spare.iter().map(|spare| spare.bytes.capacity());
        assert!(bytes.max().is_some_and(|bytes| bytes <= SEGMENT_BYTES));
    }
}
