//! What holds between two turns, whatever came before. For tests: a simulation asks after each.

use crate::handler::Handler;
use crate::id::key32;
use crate::proto::ws::deflate::Pace;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::subs::{Subs, WAITING};
use crate::shard::core::conn::{ACCEPTED, APART, BEHIND, BLOCKED, Conn, DIRTY};
use crate::shard::core::conns::wait_queue::WaitQueue;
use crate::shard::core::inner::Inner;
use crate::topic::feed::Feed;
use crate::topic::feeds::{feed_of, feeds_of};
use crate::topic::local::Topic;
use crate::topic::member;

impl<H: Handler> ShardCore<H> {
    /// Whatever the shard holds, by name; all zero once everybody has gone and been forgotten.
    #[doc(hidden)]
    pub fn remains(&self) -> Vec<(&'static str, usize)> {
        let inner = &self.inner;
        vec![
            ("connections", inner.conns.len()),
            ("topics", inner.topics.count()),
            ("feeds", inner.feeds.len()),
            ("homes", inner.homes.len()),
            ("backlog bytes", inner.pool.backlog()),
            ("assembly bytes", inner.assembly()),
            ("reply bytes", inner.replies()),
            ("walks", inner.walks.len()),
            ("dirty", inner.dirty.len()),
            ("paused", inner.paused.iter().map(WaitQueue::len).sum()),
            ("resumed", inner.resumed.len()),
            ("inflating", inner.inflation.len()),
            ("reads", inner.reads.len()),
            ("ended", inner.ended.len()),
            ("finished", inner.finished.len()),
            ("lingering", inner.lingering.early_len()),
            ("fading", inner.fading.len()),
            ("staged", inner.staged.len()),
            ("elsewhere", inner.elsewhere.len()),
            ("rooms", self.rooms.len()),
            ("questions", inner.questions.len()),
            ("joins", inner.joins.len()),
            ("unsettled", inner.unsettled.len()),
            ("mail", inner.mail.iter().map(|mail| mail.len()).sum()),
        ]
    }

    /// Has each phase of a turn take no more than this to compress.
    #[doc(hidden)]
    pub fn limit_compression(&mut self, budget: usize) {
        self.inner.work.limit_compression(budget);
    }

    /// Has each phase of a turn do no more work than this, and each connection its part of it.
    #[doc(hidden)]
    pub fn limit_work(&mut self, per_phase: usize, per_part: usize) {
        self.inner.work.limit(per_phase, per_part);
    }

    /// Has it take no more than this to inflate in one turn, looking at that after each `step`.
    #[doc(hidden)]
    pub fn limit_inflation(&mut self, budget: usize, step: usize) {
        self.inner.inflation.limit_turn(Pace { budget, step });
    }

    /// Panics unless all that the shard knows agrees with itself.
    #[doc(hidden)]
    pub fn audit(&self) {
        let inner = &self.inner;
        for (key, conn) in &inner.conns {
            if conn.state == State::Dead {
                assert!(conn.is(ACCEPTED), "connection {key} was not reaped");
                continue;
            }
            inner.audit_conn(key32(key), conn);
        }
        for (key, feed) in &inner.feeds {
            inner.audit_feed(key32(key), feed);
        }
        let of_conns = inner.conns.iter();
        let held = of_conns.map(|(_, conn)| inner.holders.held(conn.tab));
        let held = held.map(|held| held.sum() as usize + held.context as usize);
        assert_eq!(
            inner.assembly(),
            held.sum::<usize>(),
            "memory of unfinished messages"
        );
        let outboxes = inner
            .conns
            .iter()
            .filter_map(|(_, conn)| conn.outbox.as_ref());
        let replies: usize = outboxes.map(|outbox| outbox.held()).sum();
        assert_eq!(inner.replies(), replies, "memory of unread replies");
        let paused = inner.conns.iter().filter(|(_, conn)| conn.is_paused());
        let paused = paused.count() as u64;
        assert_eq!(inner.counters.paused, paused, "paused connections");
        let logs: usize = inner.feeds.iter().map(|(_, feed)| feed.log.len()).sum();
        assert!(logs <= inner.pool.backlog(), "backlog");
    }
}

impl<D, A> Inner<D, A> {
    fn audit_conn(&self, key: u32, conn: &Conn<D>) {
        let subs = conn.subs.as_slice();
        let waiting = subs.iter().filter(|sub| sub.index == WAITING).count();
        assert_eq!(usize::from(conn.waiting), waiting, "connection {key}");
        assert!(
            conn.state != State::Corked || 0 < waiting,
            "{key} is corked for nothing"
        );
        assert!(
            !conn.state.is_closing() || subs.is_empty(),
            "{key} is closing"
        );
        assert!(
            !conn.is(DIRTY) || self.dirty.contains(&key),
            "{key} is dirty"
        );
        let unsent = 0 < conn.outbox_len();
        assert!(
            !unsent || conn.is(DIRTY | BLOCKED) || conn.state.is_corked(),
            "{key} is not written"
        );
        let id = self.id(key);
        assert!(
            !conn.waits_to_inflate()
                || self.inflation.awaits(id) && conn.pause == Pause::Inflate
                || conn.pause == Pause::Outbox,
            "nobody inflates what {key} has sent"
        );
        let waits_to_be_taken = conn.input.is_some() && self.reads.has(key);
        assert!(
            !conn.is(BEHIND) || waits_to_be_taken && !conn.is_paused(),
            "{key} is behind for ever"
        );
        let is_awaited = match conn.pause {
            Pause::None => true,
            Pause::Space => self.paused.iter().any(|paused| paused.contains(id)),
            Pause::Outbox => 0 < conn.outbox_len(),
            Pause::Answer | Pause::Moment => self.questions.deadline(key).is_some(),
            Pause::Corked => conn.state == State::Corked,
            Pause::Inflate => self.inflation.awaits(id),
            Pause::Turn => self.resumed.contains(&id),
            Pause::Discard => {
                conn.protocol.linger().is_some() || self.lingering.next_step(key).is_some()
            }
        };
        assert!(is_awaited, "{key} is paused for ever: {:?}", conn.pause);
        if !conn.state.is_closing() {
            let counted = self.holders.held(conn.tab);
            assert_eq!(counted, self.held(key, conn), "{key} is not counted");
        }
        for sub in subs.iter().filter(|sub| sub.index != WAITING) {
            let feed = self
                .topics
                .get(sub.topic)
                .map(|topic| feed_of(&self.feeds, topic.first_feed, conn.form));
            let feed = feed.and_then(|feed| self.feeds.get(feed as usize));
            let member = feed.and_then(|feed| feed.members.get(sub.index as usize));
            let is_own = member.is_some_and(|m| m.conn == key && m.sock == conn.sock);
            assert!(is_own, "{key} is not where it stands: {sub:?}");
        }
    }

    fn audit_feed(&self, key: u32, feed: &Feed) {
        let log = &feed.log;
        let blocked = feed
            .members
            .iter()
            .filter(|member| member.is(member::BLOCKED));
        assert_eq!(feed.blocked as usize, blocked.count(), "feed {key}");
        let topic = self.topics.get(feed.topic);
        let of_form = |topic: &Topic| {
            let feeds = feeds_of(&self.feeds, topic.first_feed);
            let same = feeds.filter(|&key| self.feeds[key as usize].form == feed.form);
            same.collect::<Vec<_>>()
        };
        let of_form = topic.map(of_form).unwrap_or_default();
        assert_eq!(of_form, [key], "the topic's feeds of this form");
        assert_eq!(feed.queued, self.walks.contains(&key), "feed {key}");
        let is_long = self.config.log_bytes_max < log.len();
        assert!(
            !is_long || log.newest() == log.base(),
            "the log of feed {key} is too long"
        );
        let mut is_needed = false;
        for member in &feed.members {
            self.audit_member(key, feed, *member);
            is_needed |= member.is(member::BLOCKED | member::HELD) || member.cursor() < log.head();
        }
        assert!(
            log.is_empty() || feed.queued || is_needed,
            "nobody needs the log of feed {key}"
        );
    }

    fn audit_member(&self, feed_key: u32, feed: &Feed, member: member::Member) {
        let key = member.conn;
        let conn = self
            .conns
            .get(key as usize)
            .filter(|conn| conn.form == feed.form);
        let sub = conn.and_then(|conn| conn.subs.get(feed.topic));
        let (Some(conn), Some(_)) = (conn, sub) else {
            panic!("feed {feed_key} has a stranger: {member:?}");
        };
        assert_eq!(
            member.is(member::BLOCKED),
            conn.is(BLOCKED),
            "{key}: blocked"
        );
        assert_eq!(
            member.is(member::SHARED),
            matches!(conn.subs, Subs::Many(_)),
            "{key}: shared"
        );
        assert_eq!(
            member.is(member::HELD),
            conn.is(DIRTY | BLOCKED) || conn.state.is_corked(),
            "{key}: held"
        );
        if member.is(member::APART) {
            assert!(
                conn.is(APART) || conn.state.is_corked(),
                "{key} stands apart for ever"
            );
            return;
        }
        let (log, cursor) = (&feed.log, member.cursor());
        assert!(
            log.base() <= cursor && cursor <= log.head(),
            "{key} fell off its log"
        );
        assert_eq!(log.frame_end(cursor), cursor, "{key} stands inside a frame");
        if !member.is(member::BLOCKED) {
            assert!(feed.settled <= cursor, "{key} has less than is settled");
        }
        let is_fed = cursor == log.head() || member.is(member::HELD) || feed.queued;
        assert!(is_fed, "nobody walks to {key}");
    }
}
