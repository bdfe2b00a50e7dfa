//! Passes: one write to each subscriber that lacks frames, and nothing else per subscriber.
//!
//! A pass walks the members from the end, so that removing one (the last takes its place) and
//! adding one never makes the pass skip any. It can stop after any member and go on later;
//! members late in a pass may then get frames that are newer than the pass.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::id::{ConnKey, TopicKey};
use crate::limits::SCAN_PER_WALK;
use crate::time::Micros;
use crate::topic::fanout::Fanout;
use crate::topic::fanout::feed::Feed;
use crate::topic::fanout::log::Log;
use crate::topic::fanout::member::{BLOCKED, DETACHED, Member, OUTBOX_FIRST, OWN_AHEAD, SHARED};
use crate::topic::fanout::segment::{Pool, Segment};
use crate::topic::sink::{Sink, WriteError};

/// What a walk leaves to the owner of connections.
#[derive(Debug)]
pub(crate) enum Handover {
    /// The socket took less than all: it is blocked.
    Short {
        /// Key of the connection.
        conn: ConnKey,
        /// What goes before anything else of this topic, if the socket took a part of a frame.
        rest: Option<Rest>,
    },
    /// The socket is broken.
    Broken {
        /// Key of the connection.
        conn: ConnKey,
    },
    /// A connection with several subscriptions, or a frame of its own ahead: to be written once for
    /// all that it is to get.
    Shared {
        /// Its key.
        conn: ConnKey,
        /// The topic.
        topic: TopicKey,
    },
}

/// The rest of a frame of which a socket took a part.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) segment: Rc<Segment>,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// What became of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// There is more to do, now.
    More,
    /// All members have been visited since the feed was queued last.
    Done,
}

/// What a walk has done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walked {
    /// Calls of the sink.
    pub(crate) sends: usize,
    /// All members of the feed have been visited since it was queued last.
    pub(crate) is_done: bool,
}

impl Fanout {
    /// Walks the feed that has waited longest, with at most `budget` sends. Lets go of its log
    /// if all members have everything, and queues it again if not. What it leaves to the caller
    /// is in `next_handover`.
    #[inline]
    pub(crate) fn walk_next<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Walked {
        let turn = self.turn();
        let key = self.walks.pop_front();
        let feed = key.and_then(|key| Some((key, self.feeds.get_mut(key.index())?)));
        let Some((key, feed)) = feed.filter(|(_, feed)| feed.queued) else {
            return Walked {
                sends: 0,
                is_done: false,
            };
        };
        if feed.unvisited == 0 {
            feed.begin_pass(turn);
        }
        let mut left = budget;
        let walk = feed.walk(sink, &mut left, &mut self.handovers);
        if feed.unvisited == 0 {
            feed.end_timing(&mut self.timings);
        }
        let is_done = walk == Walk::Done;
        if is_done {
            feed.queued = false;
            feed.settle(&mut self.pool);
        } else {
            self.walks.push_back(key);
        }
        Walked {
            sends: budget - left,
            is_done,
        }
    }

    /// What the last walk has left to the caller, piece by piece.
    #[inline]
    pub(crate) fn next_handover(&mut self) -> Option<Handover> {
        self.handovers.pop_front()
    }
}

impl Feed {
    /// Begins a pass in a turn that began at this moment.
    #[inline]
    fn begin_pass(&mut self, turn: Micros) {
        self.pass_head = self.log.head();
        self.pass_min = u64::MAX;
        self.unvisited = self.members.len();
        self.time_pass(turn);
    }

    /// Goes on with the pass for at most `budget` sends.
    #[inline]
    pub(super) fn walk<S: Sink>(
        &mut self,
        sink: &mut S,
        budget: &mut usize,
        handovers: &mut VecDeque<Handover>,
    ) -> Walk {
        let Self {
            topic,
            log,
            members,
            blocked,
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
                    look_closer((*topic, *member), head, pass_min, handovers);
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
            *blocked += u32::from(stop_at(member, log, sent, handovers));
        }
        self.end_of_pass()
    }

    /// Whether the pass is over and nothing has happened meanwhile.
    fn end_of_pass(&mut self) -> Walk {
        if 0 < self.unvisited {
            return Walk::More;
        }
        self.settled = self.pass_head.min(self.pass_min);
        let repeats = std::mem::take(&mut self.repeats);
        if repeats || self.pass_head < self.log.head() {
            Walk::More
        } else {
            Walk::Done
        }
    }

    /// After a pass: gives the log's memory back if every member has everything.
    pub(super) fn settle(&mut self, pool: &mut Pool) {
        if self.blocked == 0 && self.settled == self.log.head() {
            self.log.clear(pool);
        }
    }
}

impl Log {
    /// Moves a member that was sent the log up to `sent_to` to the next frame boundary; returns
    /// the rest of the frame, which its connection must send first.
    pub(super) fn leave_rest(&self, member: &mut Member, sent_to: u64) -> Option<Rest> {
        let end = self.frame_end(sent_to);
        self.move_to(member, end);
        if end <= sent_to {
            return None;
        }
        let (segment, from, to) = self.share(sent_to, end)?;
        Some(Rest { segment, from, to })
    }
}

/// A member with a flag: its outbox goes first, it is one of several subscriptions of its
/// connection, or it does not get all frames.
#[cold]
fn look_closer(
    (topic, member): (TopicKey, Member),
    head: u64,
    pass_min: &mut u64,
    handovers: &mut VecDeque<Handover>,
) {
    if member.is(BLOCKED | DETACHED) || member.cursor() == head {
        return;
    }
    *pass_min = (*pass_min).min(member.cursor());
    if !member.is(OUTBOX_FIRST) {
        debug_assert!(member.is(SHARED | OWN_AHEAD));
        let conn = member.conn;
        handovers.push_back(Handover::Shared { conn, topic });
    }
}

/// A member whose socket took less than all; whether that is blocked now.
#[cold]
fn stop_at(
    member: &mut Member,
    log: &Log,
    sent: Result<usize, WriteError>,
    handovers: &mut VecDeque<Handover>,
) -> bool {
    // Until the caller has looked at the connection, the walk must not touch it.
    member.set(OUTBOX_FIRST, true);
    let conn = member.conn;
    let sent = match sent {
        Ok(sent) => sent as u64,
        Err(WriteError::Blocked) => 0,
        Err(WriteError::Broken) => {
            handovers.push_back(Handover::Broken { conn });
            return false;
        }
    };
    member.set(BLOCKED, true);
    let rest = log.leave_rest(member, member.cursor() + sent);
    handovers.push_back(Handover::Short { conn, rest });
    true
}
