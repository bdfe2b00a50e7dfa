//! The outbox: bytes for one connection alone, which go before anything from the logs.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::id::TopicKey;
use crate::limits::REST_COPY_BYTES_MAX;
use crate::topic::fanout::{Rest, Segment, Unread};

/// Replies, control frames, and what short writes left over.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    chunks: VecDeque<Chunk>,
    /// Unsent bytes of all chunks.
    len: usize,
    /// Those of pages.
    pages: usize,
    /// Topics to rejoin once all is sent, with their log's count of frames at the leave.
    rejoin: Vec<(TopicKey, u64)>,
    /// Memory of the chunks that are its own, and the shard's sum of that.
    held: usize,
    sum: Rc<Cell<usize>>,
}

#[derive(Debug)]
enum Chunk {
    Owned {
        bytes: Vec<u8>,
        sent: usize,
        /// The memory of them that is counted.
        counted: usize,
    },
    /// Frames that a log holds or held: `frames` of them, or the rest of one that was begun (0).
    Shared {
        segment: Rc<Segment>,
        from: usize,
        to: usize,
        frames: u64,
    },
    /// A page of a topic's history, and what of it is sent.
    Page { segment: Rc<Segment>, sent: usize },
}

impl Chunk {
    fn unsent(&self) -> &[u8] {
        match self {
            Self::Owned { bytes, sent, .. } => &bytes[*sent..],
            Self::Shared {
                segment, from, to, ..
            } => segment.slice(*from, *to),
            Self::Page { segment, sent } => segment.slice(*sent, segment.len()),
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.count(self.held, 0);
    }
}

impl Outbox {
    /// An empty one whose memory is added to `sum`.
    pub(crate) fn counted_by(sum: &Rc<Cell<usize>>) -> Self {
        let mut outbox = Self::default();
        outbox.sum = Rc::clone(sum);
        outbox
    }

    /// Bytes of memory that hold what is for this connection alone.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    fn count(&mut self, before: usize, after: usize) {
        self.held = self.held - before + after;
        self.sum.set(self.sum.get() - before + after);
    }

    /// Unsent bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The same without pages of history, of which there is one at a time for each topic.
    pub(crate) fn own_len(&self) -> usize {
        self.len - self.pages
    }

    /// Whether everything was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts bytes before all others, of which nothing may be sent in part.
    pub(crate) fn prepend(&mut self, bytes: Vec<u8>) {
        self.len += bytes.len();
        self.count(0, bytes.capacity());
        self.chunks.push_front(Chunk::Owned {
            counted: bytes.capacity(),
            bytes,
            sent: 0,
        });
    }

    /// Lets `write` append bytes at the end.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(Chunk::Owned { bytes, sent, .. }) = self.chunks.back_mut()
            && bytes.len() / 2 < *sent
        {
            // A client that never catches up would otherwise keep all it was ever sent.
            bytes.drain(..*sent);
            *sent = 0;
        }
        if !matches!(self.chunks.back(), Some(Chunk::Owned { .. })) {
            self.chunks.push_back(Chunk::Owned {
                bytes: Vec::new(),
                sent: 0,
                counted: 0,
            });
        }
        let Some(Chunk::Owned { bytes, counted, .. }) = self.chunks.back_mut() else {
            debug_assert!(false, "an owned chunk is there or was just made");
            return;
        };
        let before = bytes.len();
        write(bytes);
        self.len += bytes.len() - before;
        let before = std::mem::replace(counted, bytes.capacity());
        let after = *counted;
        self.count(before, after);
    }

    /// Appends a frame that a log holds, or the rest of one of which the socket took a part.
    pub(crate) fn keep_rest(&mut self, rest: Rest) {
        let Rest { segment, from, to } = &rest;
        if to - from <= REST_COPY_BYTES_MAX {
            return self.append(|bytes| bytes.extend_from_slice(segment.slice(*from, *to)));
        }
        self.share(rest);
    }

    /// Appends a frame that others have as well, and does not copy it.
    pub(crate) fn share(&mut self, Rest { segment, from, to }: Rest) {
        self.len += to - from;
        self.chunks.push_back(Chunk::Shared {
            segment,
            from,
            to,
            frames: 0,
        });
    }

    /// Appends a page of a topic's history.
    pub(crate) fn share_page(&mut self, segment: Rc<Segment>) {
        self.len += segment.len();
        self.pages += segment.len();
        self.chunks.push_back(Chunk::Page { segment, sent: 0 });
    }

    /// Appends all frames of a topic that were unread when its log, which had had `count` frames
    /// by then, let go of the first of them.
    pub(crate) fn keep_unread(&mut self, topic: TopicKey, count: u64, unread: Vec<Unread>) {
        for Unread {
            segment,
            from,
            to,
            frames,
        } in unread
        {
            self.len += to - from;
            self.chunks.push_back(Chunk::Shared {
                segment,
                from,
                to,
                frames,
            });
        }
        // A subscription that ended meanwhile may have left an older entry of this topic.
        self.rejoin.retain(|(other, _)| *other != topic);
        self.rejoin.push((topic, count));
    }

    /// Whether it keeps segments of a log from being freed.
    pub(crate) fn pins(&self) -> bool {
        self.chunks
            .iter()
            .any(|chunk| !matches!(chunk, Chunk::Owned { .. }))
    }

    /// Whether it has a page that no other has.
    pub(crate) fn has_page_alone(&self) -> bool {
        self.chunks.iter().any(|chunk| match chunk {
            Chunk::Page { segment, .. } => Rc::strong_count(segment) == 1,
            Chunk::Owned { .. } | Chunk::Shared { .. } => false,
        })
    }

    /// Drops the unread frames that are not begun; returns how many they were.
    pub(crate) fn drop_unread(&mut self) -> u64 {
        let mut dropped = 0;
        let len = &mut self.len;
        self.chunks.retain(|chunk| match chunk {
            Chunk::Shared {
                from, to, frames, ..
            } if 0 < *frames => {
                *len -= to - from;
                dropped += frames;
                false
            }
            Chunk::Shared { .. } | Chunk::Owned { .. } | Chunk::Page { .. } => true,
        });
        dropped
    }

    /// The topics to rejoin, now that all is sent.
    pub(crate) fn take_rejoin(&mut self) -> Vec<(TopicKey, u64)> {
        std::mem::take(&mut self.rejoin)
    }

    /// The unsent pieces, oldest first.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.chunks
            .iter()
            .map(Chunk::unsent)
            .filter(|slice| !slice.is_empty())
    }

    /// Drops `n` sent bytes from the front.
    pub(crate) fn advance(&mut self, mut n: usize) {
        debug_assert!(n <= self.len);
        if n == 0 {
            return;
        }
        self.len -= n;
        while let Some(front) = self.chunks.front_mut() {
            let unsent = front.unsent().len();
            if n < unsent {
                match front {
                    Chunk::Owned { sent, .. } => *sent += n,
                    // Where in it the next frame begins is not known: it goes as a whole.
                    Chunk::Shared { from, frames, .. } => (*from, *frames) = (*from + n, 0),
                    Chunk::Page { sent, .. } => {
                        *sent += n;
                        self.pages -= n;
                    }
                }
                return;
            }
            n -= unsent;
            if let Chunk::Page { .. } = front {
                self.pages -= unsent;
            }
            if self.chunks.len() == 1
                && let Some(Chunk::Owned { bytes, sent, .. }) = self.chunks.front_mut()
            {
                // Kept for the next reply of a busy connection; the shard pools whole outboxes.
                bytes.clear();
                *sent = 0;
                return;
            }
            if let Some(Chunk::Owned { counted, .. }) = self.chunks.pop_front() {
                self.count(counted, 0);
            }
        }
    }

    /// Empties it for its next owner; `false` if it holds more memory than is worth keeping.
    pub(crate) fn recycle(&mut self, bytes_max: usize) -> bool {
        debug_assert!(self.is_empty());
        self.chunks.truncate(1);
        self.rejoin.clear();
        self.count(self.held, 0);
        match self.chunks.front_mut() {
            Some(Chunk::Owned { bytes, counted, .. }) => {
                *counted = 0;
                bytes.capacity() <= bytes_max
            }
            Some(Chunk::Shared { .. } | Chunk::Page { .. }) => false,
            None => true,
        }
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
