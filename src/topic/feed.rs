//! Feeds: one topic's subscribers of one wire form on this shard, and the log they read.
//!
//! A pass walks the members from the end, so that removing one (the last takes its place) and
//! adding one never makes the pass skip anybody. It can stop after any member and go on later;
//! members late in a pass may then get frames that are newer than the pass.

use std::collections::VecDeque;

use crate::limits::SCAN_PER_WALK;
use crate::payload::{Encoding, Form};
use crate::time::Stamp;
use crate::topic::log::Log;
use crate::topic::member::{APART, BLOCKED, HELD, Member, SHARED};
use crate::topic::segment::Pool;
use crate::topic::sink::{Sink, WriteError};

/// One topic's subscribers of one wire form on this shard.
#[derive(Debug)]
pub struct Feed {
    pub(crate) form: Form,
    /// Key of the topic.
    pub(crate) topic: u32,
    /// Key of the topic's next feed, or `NO_FEED`.
    pub(crate) next: u32,
    pub(crate) log: Log,
    pub(crate) members: Vec<Member>,
    /// Members with `BLOCKED` set.
    pub(crate) blocked: u32,
    /// When the newest frame was appended.
    pub(crate) appended_at: Stamp,
    /// Whether the feed is on the shard's list of feeds to walk.
    pub(crate) queued: bool,
    /// Every unblocked member has all frames up to here.
    pub(crate) settled: u64,
    /// Members not yet visited by the pass: those below this index.
    unvisited: usize,
    /// The head when the pass began.
    pass_head: u64,
    /// Least cursor of the unblocked members that the pass could not bring up to date.
    pass_min: u64,
}

/// What the walk met and left to its caller, who knows connections.
#[derive(Debug)]
pub enum Met {
    /// The socket took less than all: the log was sent up to `sent_to`.
    Short {
        /// The member's.
        index: usize,
        /// Position in the log.
        sent_to: u64,
    },
    /// The socket is broken.
    Broken {
        /// Key of the connection.
        conn: u32,
    },
    /// A connection with several subscriptions: to be written once for all of them.
    Shared {
        /// Its key.
        conn: u32,
    },
}

/// What became of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// There is more to do, now.
    More,
    /// All members have been visited since the last append.
    Done,
}

impl Feed {
    /// A feed without members; `next` is the one of the topic that was made before it.
    pub(crate) fn new(form: Form, topic: u32, next: u32) -> Self {
        Self {
            form,
            topic,
            next,
            log: Log::default(),
            members: Vec::new(),
            blocked: 0,
            appended_at: Stamp::default(),
            queued: false,
            settled: 0,
            unvisited: 0,
            pass_head: 0,
            pass_min: u64::MAX,
        }
    }

    /// Appends a message, for which `make_room` said yes.
    pub(crate) fn append(&mut self, message: &mut Encoding<'_>, pool: &mut Pool) {
        self.log.append(self.form, message, pool);
    }

    /// Puts the feed, whose key is `key`, on the list of those to walk.
    pub(crate) fn queue_walk(&mut self, key: u32, walks: &mut VecDeque<u32>) {
        if !self.queued {
            self.queued = true;
            walks.push_back(key);
        }
    }

    /// Adds a member that gets what is appended from now on; returns its index.
    pub(crate) fn join(&mut self, mut member: Member) -> usize {
        member.set_cursor(self.log.head());
        self.members.push(member);
        self.members.len() - 1
    }

    /// Removes a member; returns the one that took its place, if any.
    pub(crate) fn leave(&mut self, index: usize) -> Option<Member> {
        let gone = self.members.swap_remove(index);
        if gone.is(BLOCKED) {
            self.blocked -= 1;
        }
        self.unvisited = self.unvisited.min(self.members.len());
        if self.members.is_empty() {
            self.members = Vec::new();
        }
        self.members.get(index).copied()
    }

    /// Marks a member's socket as blocked or not.
    pub(crate) fn set_blocked(&mut self, index: usize, blocked: bool) {
        let member = &mut self.members[index];
        if member.is(BLOCKED) == blocked {
            return;
        }
        member.set(BLOCKED, blocked);
        if blocked {
            self.blocked += 1;
        } else {
            self.blocked -= 1;
            if !member.is(APART) {
                self.settled = self.settled.min(member.cursor());
                self.pass_min = self.pass_min.min(member.cursor());
            }
        }
    }

    /// Makes sure that `frame_len` more bytes keep the log within `limit`, or that it is empty.
    ///
    /// Lets go of segments that every unblocked member has, and hands the indices of blocked
    /// members who have not to `lagging` first. `false` while unblocked members need them.
    pub(crate) fn make_room(
        &mut self,
        frame_len: usize,
        limit: usize,
        pool: &mut Pool,
        mut lagging: impl FnMut(&Log, &mut Member, u64),
    ) -> bool {
        while !self.log.is_empty() && limit < self.log.len() + frame_len {
            if !self.cut(pool, &mut lagging) {
                return false;
            }
        }
        true
    }

    /// Lets go of the oldest segment if only blocked members lack it.
    pub(crate) fn cut(
        &mut self,
        pool: &mut Pool,
        mut lagging: impl FnMut(&Log, &mut Member, u64),
    ) -> bool {
        let end = self.log.trim_to();
        if self.settled < end {
            return false;
        }
        if 0 < self.blocked {
            let behind = |member: &&mut Member| {
                member.is(BLOCKED) && !member.is(APART) && member.cursor() < end
            };
            for member in self.members.iter_mut().filter(behind) {
                lagging(&self.log, member, end);
            }
        }
        self.log.trim(pool);
        true
    }

    /// Goes on with the pass for at most `budget` sends; starts one if there is none.
    #[inline]
    pub(crate) fn walk<S: Sink>(
        &mut self,
        sink: &mut S,
        budget: &mut usize,
        met: &mut Vec<Met>,
    ) -> Walk {
        if self.unvisited == 0 {
            self.pass_head = self.log.head();
            self.pass_min = u64::MAX;
            self.unvisited = self.members.len();
        }
        let Self {
            log,
            members,
            unvisited,
            pass_min,
            ..
        } = self;
        let head = log.head();
        let mut scan = SCAN_PER_WALK;
        let mut cursor = u64::MAX;
        let mut bytes: &[u8] = &[];
        while 0 < *unvisited && 0 < *budget && 0 < scan {
            let index = *unvisited - 1;
            let member = &mut members[index];
            if head <= member.state() {
                scan -= 1;
                *unvisited = index;
                if member.state() != head {
                    look_closer(*member, head, pass_min, met);
                }
                continue;
            }
            if member.state() != cursor {
                cursor = member.state();
                bytes = log.tail(cursor);
            }
            *budget -= 1;
            let sent = sink.send(member.sock, bytes);
            if sent == Ok(bytes.len()) {
                member.set_cursor(cursor + bytes.len() as u64);
                // A cursor that was segments behind stays for the next of them.
                *unvisited = if member.state() == head {
                    index
                } else {
                    *unvisited
                };
                continue;
            }
            *unvisited = index;
            left_short(member, index, cursor, sent, met);
        }
        self.end_of_pass()
    }

    /// Whether the pass is over and nothing came in meanwhile.
    fn end_of_pass(&mut self) -> Walk {
        if 0 < self.unvisited {
            return Walk::More;
        }
        self.settled = self.pass_head.min(self.pass_min);
        if self.pass_head < self.log.head() {
            Walk::More
        } else {
            Walk::Done
        }
    }

    /// After a pass: gives the log's memory back if every member has everything.
    pub(crate) fn settle(&mut self, pool: &mut Pool) {
        if self.blocked == 0 && self.settled == self.log.head() {
            self.log.clear(pool);
        }
    }
}

/// A member with a flag: held, or one of several subscriptions of its connection.
#[cold]
fn look_closer(member: Member, head: u64, pass_min: &mut u64, met: &mut Vec<Met>) {
    if member.is(BLOCKED | APART) || member.cursor() == head {
        return;
    }
    *pass_min = (*pass_min).min(member.cursor());
    if !member.is(HELD) {
        debug_assert!(member.is(SHARED));
        met.push(Met::Shared { conn: member.conn });
    }
}

#[cold]
fn left_short(
    member: &mut Member,
    index: usize,
    cursor: u64,
    sent: Result<usize, WriteError>,
    met: &mut Vec<Met>,
) {
    // The caller marks the rest; from here on the walk must not touch it.
    member.set(HELD, true);
    match sent {
        Ok(n) => met.push(Met::Short {
            index,
            sent_to: cursor + n as u64,
        }),
        Err(WriteError::Blocked) => met.push(Met::Short {
            index,
            sent_to: cursor,
        }),
        Err(WriteError::Broken) => met.push(Met::Broken { conn: member.conn }),
    }
}
