//! What holds between two turns, whatever came before. For tests: a simulation asks after each.

use crate::handler::Handler;
use crate::id::{ConnKey, TopicKey};
use crate::payload::Form;
use crate::proto::ws::deflate::Pace;
use crate::shard::core::ShardCore;
use crate::shard::core::app::shard_cx::ShardCx;
use crate::shard::core::conn::http::{Http, Phase};
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::subs::{Subs, WAITING};
use crate::shard::core::conn::{ACCEPTED, BLOCKED, Conn, DIRTY, SPILLED, UNPROCESSED};
use crate::shard::core::conns::waits::WaitQueue;
use crate::shard::core::shard::Shard;
use crate::topic::fanout::member::{self, Member};

impl<H: Handler> ShardCore<H> {
    /// All that the shard holds, by name; all zero once no connection and no topic is left.
    #[doc(hidden)]
    pub fn remains(&self) -> Vec<(&'static str, usize)> {
        let shard = &self.shard;
        let mut remains = vec![
            ("connections", shard.conns.len()),
            ("homes", shard.pubsub.homes.len()),
            ("patterns", shard.pubsub.patterns.len()),
            ("patterns at home", shard.pubsub.homes.patterns()),
            ("matched", shard.pubsub.matched.iter().count()),
            ("assembly bytes", shard.conns.holders.bytes()),
            ("reply bytes", shard.conns.outboxes.bytes()),
            ("dirty", shard.conns.dirty_len()),
            ("delayed", shard.pubsub.delayed.len()),
            (
                "paused",
                shard.conns.waits.space.iter().map(WaitQueue::len).sum(),
            ),
            ("resumed", shard.conns.waits.turn.len()),
            ("verification", shard.conns.waits.verification.len()),
            ("inflating", shard.conns.waits.inflate.len()),
            ("reads", shard.conns.reads.len()),
            ("lingering", shard.conns.lingering.early_len()),
            ("staged", shard.pubsub.room_queue.len()),
            ("elsewhere", shard.pubsub.elsewhere.len()),
            ("held", shard.pubsub.held.len()),
            ("counted topics", shard.pubsub.clients.len()),
            ("announcements", shard.pubsub.announcement.iter().count()),
            ("censuses", shard.pubsub.censuses.len()),
            ("sums of censuses", shard.pubsub.census_sums.len()),
            ("client questions", shard.pubsub.client_questions.len()),
            ("rooms", self.rooms.len()),
            ("questions", shard.questions.len()),
            ("joins", shard.pubsub.joins.len()),
            ("catching up", shard.pubsub.catching_up()),
            ("users", shard.conns.users.len()),
            ("users at home", shard.pubsub.users.homes.all().len()),
            ("commands", shard.pubsub.users.commands.len()),
            ("orders", shard.pubsub.users.orders.len()),
            ("entering", shard.pubsub.users.entering()),
            (
                "mail",
                shard.pubsub.mail.iter().map(|mail| mail.len()).sum(),
            ),
        ];
        if let Some(shared) = &shard.pubsub.shared {
            remains.push(("shared topics", shared.remains()));
        }
        remains.extend(shard.conns.ends.remains());
        remains.extend(shard.pubsub.fanout.remains());
        remains
    }

    /// How many times connections are in the wheel.
    #[doc(hidden)]
    pub fn timer_entries(&self) -> usize {
        self.shard.conns.timers.entries()
    }

    /// What a callback may ask for without a connection.
    #[doc(hidden)]
    pub fn shard_cx<R>(
        &mut self,
        ask: impl FnOnce(&mut ShardCx<'_, H::Conn, H::Answer>) -> R,
    ) -> R {
        let shard = &mut self.shard;
        ask(&mut ShardCx { shard })
    }

    /// Has each phase of a turn take no more than this to compress.
    #[doc(hidden)]
    pub fn limit_compression(&mut self, budget: usize) {
        self.shard.env.work.limit_compression(budget);
    }

    /// Has each phase of a turn do no more work than this, and each connection its part of it.
    #[doc(hidden)]
    pub fn limit_work(&mut self, per_phase: usize, per_part: usize) {
        self.shard.env.work.limit(per_phase, per_part);
    }

    /// Has it take no more than this to inflate in one turn, looking at that after each `step`.
    #[doc(hidden)]
    pub fn limit_inflation(&mut self, budget: usize, step: usize) {
        self.shard.ingress.limit_inflation(Pace { budget, step });
    }

    /// Panics unless all that the shard knows agrees with itself.
    #[doc(hidden)]
    pub fn audit(&self) {
        let shard = &self.shard;
        for (key, conn) in shard.conns.iter() {
            if conn.state == State::Dead {
                assert!(conn.is(ACCEPTED), "connection {key} was not reaped");
                continue;
            }
            shard.audit_conn(key, conn);
            let http = conn.protocol.http();
            let keeps = |http: &Http| http.phase == Phase::Idle && http.principal.is_some();
            assert!(
                !http.is_some_and(keeps),
                "{key} keeps its client's identity"
            );
        }
        let of_conns = shard.conns.iter();
        let behind = of_conns.map(|(_, conn)| conn.subs.catching_up().count());
        assert_eq!(
            shard.pubsub.behind(),
            behind.sum::<usize>(),
            "those that catch up"
        );
        shard.pubsub.fanout.audit(shard.env.config.log_bytes_max);
        shard.pubsub.history.audit();
        shard.pubsub.clients.audit();
        for (topic, form, member) in shard.pubsub.fanout.members() {
            shard.audit_member(topic, form, member);
        }
        let of_conns = shard.conns.iter();
        let held = of_conns.map(|(_, conn)| shard.conns.holders.held(conn.tab));
        let held = held.map(|held| held.sum() as usize + held.context as usize);
        assert_eq!(
            shard.conns.holders.bytes(),
            held.sum::<usize>(),
            "memory of unfinished messages"
        );
        let outboxes = shard
            .conns
            .iter()
            .filter_map(|(_, conn)| conn.outbox.as_ref());
        let replies: usize = outboxes.map(|outbox| outbox.held()).sum();
        assert_eq!(
            shard.conns.outboxes.bytes(),
            replies,
            "memory of unread replies"
        );
        let paused = shard.conns.iter().filter(|(_, conn)| conn.is_paused());
        let paused = paused.count() as u64;
        assert_eq!(shard.env.counters.paused, paused, "paused connections");
        let blocked = shard.conns.iter().filter(|(_, conn)| conn.is(BLOCKED));
        let blocked = blocked.count() as u64;
        assert_eq!(shard.env.counters.blocked, blocked, "blocked connections");
    }
}

impl<D, A> Shard<D, A> {
    fn audit_conn(&self, key: ConnKey, conn: &Conn<D>) {
        let subs = conn.subs.as_slice();
        let is_entering = self.pubsub.users.is_entering(key);
        let waiting = awaited(conn) + usize::from(is_entering);
        assert_eq!(usize::from(conn.waiting), waiting, "connection {key}");
        let has_user = conn.user.is_some() && conn.state.is_accepted();
        assert_eq!(
            has_user,
            conn.is_entered || is_entering,
            "{key}: the home of its user"
        );
        assert!(
            conn.state != State::Corked || 0 < waiting,
            "{key} is corked for nothing"
        );
        assert!(
            !conn.state.is_closing() || subs.is_empty(),
            "{key} is closing"
        );
        assert!(
            !conn.is(DIRTY) || self.conns.is_to_be_written(key),
            "{key} is dirty"
        );
        let unsent = 0 < conn.outbox_len();
        assert!(
            !unsent || conn.is(DIRTY | BLOCKED) || conn.state.is_corked(),
            "{key} is not written"
        );
        let id = self.conns.id(key);
        assert!(
            !conn.waits_to_inflate()
                || self.conns.waits.is_in_inflate(id) && conn.pause == Pause::Inflate
                || conn.pause == Pause::Outbox,
            "what {key} has sent is never inflated"
        );
        let waits_to_be_taken = conn.input.is_some() && self.conns.reads.has(key);
        assert!(
            !conn.is(UNPROCESSED) || waits_to_be_taken && !conn.is_paused(),
            "{key} is unprocessed for ever"
        );
        let is_awaited = match conn.pause {
            Pause::None => true,
            Pause::Space => self
                .conns
                .waits
                .space
                .iter()
                .any(|paused| paused.contains(id)),
            Pause::Outbox => 0 < conn.outbox_len(),
            Pause::Answer | Pause::Moment => self.questions.deadline(key).is_some(),
            Pause::Corked => conn.state == State::Corked,
            Pause::Verification => self.conns.waits.verification.contains(&id),
            Pause::Inflate => self.conns.waits.is_in_inflate(id),
            Pause::Turn => self.conns.waits.turn.contains(&id),
            Pause::Discard => {
                conn.protocol.linger().is_some() || self.conns.lingering.next_step(key).is_some()
            }
        };
        assert!(is_awaited, "{key} is paused for ever: {:?}", conn.pause);
        if !conn.state.is_closing() {
            let counted = self.conns.holders.held(conn.tab);
            assert_eq!(counted, self.conns.held(key, conn), "{key} is not counted");
        }
        self.audit_subs(key, conn);
        for place in conn.subs.places(conn.form) {
            let member = self.pubsub.fanout.member_at(place);
            let is_own = member.is_some_and(|m| m.conn == key && m.sock == conn.sock);
            assert!(is_own, "{key} is not where it stands: {place:?}");
        }
    }

    /// Each subscription that waits or catches up goes on by itself.
    fn audit_subs(&self, key: ConnKey, conn: &Conn<D>) {
        assert!(
            !conn.subs.is_delayed() || self.pubsub.delayed.has(key),
            "{key} waits for ever"
        );
        let is_written = conn.is(DIRTY | BLOCKED) || conn.state.is_corked();
        for topic in conn.subs.catching_up() {
            self.pubsub.audit_catch_up((key, topic), is_written);
        }
        for sub in conn.subs.as_slice() {
            let begins = self.pubsub.joins.begins(key, sub.topic);
            let ticket = self.pubsub.joins.page_ticket(key, sub.topic);
            let is_asked = ticket.is_some_and(|ticket| self.pubsub.is_to_be_answered(ticket));
            let waits = ticket.is_none() || is_asked;
            assert!(
                !begins || sub.index() == WAITING && waits,
                "{key} never begins"
            );
        }
    }

    fn audit_member(&self, topic: TopicKey, form: Form, member: Member) {
        let key = member.conn;
        let conn = self.conns.get(key);
        let is_here = |conn: &&Conn<D>| {
            let sub = conn.subs.get(topic);
            sub.is_some_and(|sub| sub.form(conn.form) == form)
        };
        let conn = conn.filter(is_here);
        let Some(conn) = conn else {
            panic!("topic {topic} has a stranger: {member:?}");
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
        let found = conn.subs.found().unwrap_or_default();
        let is_found = conn.is_to_be_written() && found.contains(&topic);
        assert_eq!(
            member.is(member::OUTBOX_FIRST),
            conn.writes_first() || is_found,
            "{key}: outbox first"
        );
        assert!(
            !member.is(member::DETACHED) || conn.is(SPILLED) || conn.state.is_corked(),
            "{key} is detached for ever"
        );
    }
}

/// Subscriptions that the greeting of a connection waits for: none that is told of each by itself.
fn awaited<D>(conn: &Conn<D>) -> usize {
    let waiting = conn.subs.as_slice().iter();
    let waiting = waiting.filter(|sub| sub.index() == WAITING);
    waiting.filter(|_| conn.state != State::Open).count()
}
