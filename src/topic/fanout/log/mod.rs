//! A topic's log in one wire form: encoded frames, one after the other, at growing positions.
//!
//! A position is a count of bytes since the log began; it never wraps. Frames are never split
//! over segments, so a cursor that stands on a frame boundary finds that frame contiguous.

mod own;

use std::collections::VecDeque;
use std::rc::Rc;

use crate::limits::SEGMENT_BYTES;
use crate::topic::fanout::log::own::OwnFrames;
use crate::topic::fanout::member::Member;
use crate::topic::fanout::segment::{Pool, Segment};

/// Encoded frames kept for the members that lack them.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Contiguous: each begins where the one before it ends; none is empty.
    segments: VecDeque<Rc<Segment>>,
    /// Where each kept frame ends.
    ends: VecDeque<u64>,
    /// Position behind the newest frame.
    head: u64,
    /// Frames appended in all.
    count: u64,
    /// Those that members do not get, as they have published them.
    own: Option<Box<OwnFrames>>,
}

impl Log {
    /// Position behind the newest frame: the cursor of a member that has everything.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Position of the oldest frame kept.
    pub(super) fn base(&self) -> u64 {
        self.segments.front().map_or(self.head, |first| first.base)
    }

    /// Bytes kept.
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.head - self.base()).unwrap_or(usize::MAX)
    }

    /// Whether nothing is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Frames appended since the log began.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Appends one frame of at most `frame_len` bytes.
    pub(super) fn append(
        &mut self,
        frame_len: usize,
        pool: &mut Pool,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        let fits = self.segments.back_mut().is_some_and(|last| {
            last.bytes.len() + frame_len <= SEGMENT_BYTES && Rc::get_mut(last).is_some()
        });
        if !fits {
            self.segments.push_back(pool.take(self.head));
        }
        let Some(last) = self.segments.back_mut().and_then(Rc::get_mut) else {
            debug_assert!(
                false,
                "the last segment is ours alone: checked or just made"
            );
            return;
        };
        encode(&mut last.bytes);
        last.count();
        self.head = last.end();
        self.ends.push_back(self.head);
        self.count += 1;
    }

    /// The bytes from `cursor` to the end of its segment; empty at the head.
    pub(super) fn tail(&self, cursor: u64) -> &[u8] {
        self.segment_at(cursor)
            .map_or(&[], |(segment, at)| segment.slice(at, segment.bytes.len()))
    }

    /// The bytes from `from` to `to`, which lie in one segment, as something to hold on to.
    pub(super) fn share(&self, from: u64, to: u64) -> Option<(Rc<Segment>, usize, usize)> {
        let (segment, at) = self.segment_at(from)?;
        let len = usize::try_from(to.min(segment.end()) - from).ok()?;
        Some((Rc::clone(segment), at, at + len))
    }

    /// The end of the frame that `position` stands inside, or `position` itself on a boundary.
    pub(super) fn frame_end(&self, position: u64) -> u64 {
        if position == self.base() {
            return position;
        }
        let next = self.ends.partition_point(|&end| end < position);
        self.ends.get(next).copied().unwrap_or(self.head)
    }

    /// Frames from one boundary to another.
    pub(super) fn frames_between(&self, from: u64, to: u64) -> u64 {
        let before = |position| self.ends.partition_point(|&end| end <= position);
        before(to).saturating_sub(before(from)) as u64
    }

    /// Where the newest frame begins.
    pub(super) fn newest(&self) -> u64 {
        match self.ends.len() {
            0 | 1 => self.base(),
            len => self.ends[len - 2],
        }
    }

    /// All frames that a member is to get, as something to hold on to.
    pub(super) fn unread(&self, mut member: Member) -> Vec<Unread> {
        let mut unread = Vec::new();
        while member.cursor() < self.head {
            let cursor = member.cursor();
            let to = self.next_own(member).map_or(self.head, |(start, _)| start);
            let Some((segment, from, to)) = self.share(cursor, to) else {
                break;
            };
            let next = cursor + (to - from) as u64;
            let frames = self.frames_between(cursor, next);
            unread.push(Unread {
                segment,
                from,
                to,
                frames,
            });
            self.move_to(&mut member, next);
        }
        unread
    }

    /// When the oldest segment was begun, in the order of all segments of the shard.
    pub(super) fn born(&self) -> Option<u64> {
        self.segments.front().map(|first| first.born)
    }

    /// Where the oldest segment ends: the base after the next `trim`.
    pub(super) fn trim_to(&self) -> u64 {
        self.segments.front().map_or(self.head, |first| first.end())
    }

    /// Lets go of the oldest segment.
    pub(super) fn trim(&mut self, pool: &mut Pool) {
        if let Some(first) = self.segments.pop_front() {
            pool.give(first);
        }
        let base = self.base();
        let old = self.ends.partition_point(|&end| end <= base);
        self.ends.drain(..old);
        if let Some(own) = &mut self.own {
            own.trim(base);
        }
    }

    /// Lets go of everything, and of the memory.
    pub(super) fn clear(&mut self, pool: &mut Pool) {
        for segment in self.segments.drain(..) {
            pool.give(segment);
        }
        self.ends.clear();
        self.own = None;
        if ENDS_KEPT < self.ends.capacity() {
            self.ends = VecDeque::new();
        }
    }

    fn segment_at(&self, position: u64) -> Option<(&Rc<Segment>, usize)> {
        let last = self.segments.back()?;
        let segment = if last.base <= position {
            last
        } else {
            let after = self
                .segments
                .partition_point(|segment| segment.base <= position);
            self.segments.get(after.checked_sub(1)?)?
        };
        let at = usize::try_from(position - segment.base).ok()?;
        Some((segment, at))
    }
}

/// Whole frames that a log held, and how many.
#[derive(Debug)]
pub struct Unread {
    pub(crate) segment: Rc<Segment>,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) frames: u64,
}

/// Frame ends for which an empty log may keep memory.
const ENDS_KEPT: usize = 8;

#[cfg(test)]
#[path = "../tests/log.rs"]
mod tests;
