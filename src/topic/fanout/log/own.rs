//! Frames that their publisher does not get, as its topic excludes the publisher: the log notes
//! them where it has still something to get before them.

use std::collections::{BTreeMap, VecDeque};

use crate::id::ConnKey;
use crate::topic::fanout::feed::Feed;
use crate::topic::fanout::log::Log;
use crate::topic::fanout::member::{DETACHED, Member, OWN_AHEAD};

/// Frames of a log that members have published themselves.
#[derive(Debug, Default)]
pub(super) struct OwnFrames {
    /// Where each ends, by its publisher and where it begins.
    ends: BTreeMap<(ConnKey, u64), u64>,
    /// The same in the log's order.
    order: VecDeque<(u64, ConnKey)>,
}

impl OwnFrames {
    fn add(&mut self, conn: ConnKey, start: u64, end: u64) {
        self.ends.insert((conn, start), end);
        self.order.push_back((start, conn));
    }

    /// Where the first of a member begins and ends that it has not passed.
    fn next(&self, member: Member) -> Option<(u64, u64)> {
        let conn = member.conn;
        let mut ahead = self.ends.range((conn, member.cursor())..=(conn, u64::MAX));
        ahead.next().map(|((_, start), end)| (*start, *end))
    }

    /// How many a member has before this position.
    fn count(&self, member: Member, to: u64) -> u64 {
        let conn = member.conn;
        let ahead = self.ends.range((conn, member.cursor())..(conn, to));
        ahead.count() as u64
    }

    /// Forgets those before this position.
    pub(super) fn trim(&mut self, base: u64) {
        while let Some((start, conn)) = self.order.front().copied()
            && start < base
        {
            self.order.pop_front();
            self.ends.remove(&(conn, start));
        }
    }
}

impl Log {
    /// Where the next frame begins and ends that a member has published itself, if there is one.
    pub(in crate::topic::fanout) fn next_own(&self, member: Member) -> Option<(u64, u64)> {
        let own = self.own.as_ref().filter(|_| member.is(OWN_AHEAD))?;
        own.next(member)
    }

    /// The next bytes for a member, as far as they lie in one segment.
    pub(in crate::topic::fanout) fn tail_for(&self, member: Member) -> &[u8] {
        let tail = self.tail(member.cursor());
        let own = self.next_own(member);
        let before = own.and_then(|(start, _)| usize::try_from(start - member.cursor()).ok());
        before.map_or(tail, |before| &tail[..before.min(tail.len())])
    }

    /// How many frames a member is to get before this position.
    pub(in crate::topic::fanout) fn due_between(&self, member: Member, to: u64) -> u64 {
        let own = self.own.as_ref().filter(|_| member.is(OWN_AHEAD));
        let own = own.map_or(0, |own| own.count(member, to));
        self.frames_between(member.cursor(), to) - own
    }

    /// Moves a member to a frame boundary, and on if a frame of its own begins there.
    pub(in crate::topic::fanout) fn move_to(&self, member: &mut Member, cursor: u64) {
        member.set_cursor(cursor);
        while member.is(OWN_AHEAD) {
            match self.next_own(*member) {
                Some((start, end)) if start == member.cursor() => member.set_cursor(end),
                Some(_) => return,
                None => member.set(OWN_AHEAD, false),
            }
        }
    }
}

impl Feed {
    /// The newest frame, which begins at `start`, is not for the member with this index: passed
    /// at once if the member has everything before it.
    pub(in crate::topic::fanout) fn leave_out(&mut self, index: usize, start: u64) {
        let Self { log, members, .. } = self;
        // One that is detached goes on at the head.
        let member = members.get_mut(index);
        let Some(member) = member.filter(|member| !member.is(DETACHED)) else {
            return;
        };
        let head = log.head();
        if member.cursor() == start {
            member.set_cursor(head);
        } else if start < head {
            let own = log.own.get_or_insert_default();
            own.add(member.conn, start, head);
            member.set(OWN_AHEAD, true);
        }
    }
}
