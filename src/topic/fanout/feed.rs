//! Feeds: one topic's subscribers of one wire form on this shard, and the log they read.

pub(super) mod deltas;
pub(super) mod timing;

use std::collections::VecDeque;

use crate::id::{FeedKey, TopicKey};
use crate::payload::Form;
use crate::time::Stamp;
use crate::topic::fanout::feed::deltas::Chain;
use crate::topic::fanout::feed::timing::Timing;
use crate::topic::fanout::log::Log;
use crate::topic::fanout::member::{BLOCKED, DETACHED, Member};
use crate::topic::fanout::overrun::{Overruns, Policy};
use crate::topic::fanout::segment::Pool;

/// One topic's subscribers of one wire form on this shard.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) form: Form,
    /// Key of the topic.
    pub(super) topic: TopicKey,
    /// The topic's next feed.
    pub(super) next: Option<FeedKey>,
    pub(super) log: Log,
    /// If the form has deltas, and there were messages.
    pub(super) chain: Option<Box<Chain>>,
    pub(super) members: Vec<Member>,
    /// Members with `BLOCKED` set.
    pub(super) blocked: u32,
    /// When the newest frame was appended.
    pub(super) appended_at: Stamp,
    /// Whether the feed is on the list of feeds to walk.
    pub(super) queued: bool,
    /// Every unblocked member has all frames up to here.
    pub(super) settled: u64,
    /// Members not yet visited by the pass: those below this index.
    pub(super) unvisited: usize,
    /// The head when the pass began.
    pub(super) pass_head: u64,
    /// A member has caught up, or left, in the midst of the pass: another finds how far all are.
    pub(super) repeats: bool,
    /// Minimum cursor of the unblocked members that the pass could not bring up to date.
    pub(super) pass_min: u64,
    pub(super) timing: Timing,
}

impl Feed {
    /// A feed without members; `next` is the one of the topic that was made before it.
    pub(super) fn new(form: Form, topic: TopicKey, next: Option<FeedKey>) -> Self {
        Self {
            form,
            topic,
            next,
            log: Log::default(),
            chain: None,
            members: Vec::new(),
            blocked: 0,
            appended_at: Stamp::default(),
            queued: false,
            settled: 0,
            unvisited: 0,
            repeats: false,
            pass_head: 0,
            pass_min: u64::MAX,
            timing: Timing::default(),
        }
    }

    /// Puts the feed, whose key is `key`, on the list of those to walk. All members are visited
    /// after this, also those that a pass under way has visited before.
    pub(super) fn queue_walk(&mut self, key: FeedKey, walks: &mut VecDeque<FeedKey>) {
        self.repeats = self.unvisited != 0;
        if !self.queued {
            self.queued = true;
            walks.push_back(key);
        }
    }

    /// Adds a member that gets what is appended from now on; returns its index.
    pub(super) fn join(&mut self, mut member: Member) -> usize {
        member.set_cursor(self.log.head());
        self.blocked += u32::from(member.is(BLOCKED));
        self.members.push(member);
        let index = self.members.len() - 1;
        self.note_fresh(index);
        index
    }

    /// Removes a member; returns the one that took its place, if any.
    pub(super) fn leave(&mut self, index: usize) -> Option<Member> {
        let gone = self.members.swap_remove(index);
        if gone.is(BLOCKED) {
            self.blocked -= 1;
        }
        self.unvisited = self.unvisited.min(self.members.len());
        if self.members.is_empty() {
            self.members = Vec::new();
            self.chain = None;
        }
        self.members.get(index).copied()
    }

    /// Detaches a member from the log, or has it go on at the log's head, without what came before;
    /// whether that is new.
    pub(super) fn set_detached(&mut self, index: usize, detached: bool) -> bool {
        let member = self.members.get_mut(index);
        let Some(member) = member.filter(|member| member.is(DETACHED) != detached) else {
            return false;
        };
        member.set_detached(detached, self.log.head());
        self.note_fresh(index);
        true
    }

    /// Marks a member's socket as blocked or not.
    pub(super) fn set_blocked(&mut self, index: usize, blocked: bool) {
        let member = &mut self.members[index];
        if member.is(BLOCKED) == blocked {
            return;
        }
        member.set(BLOCKED, blocked);
        if blocked {
            self.blocked += 1;
        } else {
            self.blocked -= 1;
            if !member.is(DETACHED) {
                self.settled = self.settled.min(member.cursor());
                self.pass_min = self.pass_min.min(member.cursor());
            }
        }
    }

    /// Makes sure that `frame_len` more bytes keep the log within `limit`, or that it is empty;
    /// `false` while unblocked members need what would have to go.
    pub(super) fn make_space(
        &mut self,
        frame_len: usize,
        limit: usize,
        pool: &mut Pool,
        policy: Policy,
        overruns: &mut Overruns,
    ) -> bool {
        while !self.log.is_empty() && limit < self.log.len() + frame_len {
            if !self.cut(pool, policy, overruns) {
                return false;
            }
        }
        true
    }

    /// Lets go of the oldest segment if only blocked members lack it, which overrun then.
    pub(super) fn cut(&mut self, pool: &mut Pool, policy: Policy, overruns: &mut Overruns) -> bool {
        let end = self.log.trim_to();
        if self.settled < end {
            return false;
        }
        if 0 < self.blocked {
            let behind = |member: &&mut Member| {
                member.is(BLOCKED) && !member.is(DETACHED) && member.cursor() < end
            };
            for member in self.members.iter_mut().filter(behind) {
                overruns.move_on(policy, self.topic, self.form, &self.log, member, end);
            }
            self.note_skipped();
        }
        self.log.trim(pool);
        true
    }
}
